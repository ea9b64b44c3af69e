"""The page as a browser shows it: no script, no network, either palette, any width."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from keyward.report import Report, page
from keyward.report.stylesheet import DARK, LIGHT
from tests.report import report_lab as lab
from tests.report.browser import Browser, browser

pytestmark = pytest.mark.browser
# 210 mm without two margins of 14 mm, at 96 pixels an inch.
A4_PIXELS = 688
PALETTES = {"light": LIGHT, "dark": DARK}
PAGES = {
    "believable": lab.believable(),
    "empty": lab.EMPTY,
    "hostile": lab.hostile(),
    "large": lab.large(),
}


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("profile")) as made:
        yield made


def written(folder: Path, report: Report) -> Path:
    path = folder / "report.html"
    path.write_text(page(report), encoding="utf-8")
    return path


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_never_wider_than_its_window(
    shown: Browser, tmp_path: Path, name: str, width: int
) -> None:
    shown.open(written(tmp_path, PAGES[name]), width, "light")
    assert shown.content_width() <= width


@pytest.mark.parametrize("scheme", PALETTES)
def test_the_page_has_the_palette_that_its_reader_prefers(
    shown: Browser, tmp_path: Path, scheme: str
) -> None:
    shown.open(written(tmp_path, lab.believable()), 1280, scheme)
    assert hexed(shown.style("body")["background-color"]) == PALETTES[scheme]["ground"]
    assert hexed(shown.style("h1")["color"]) == PALETTES[scheme]["ink"]


@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_loaded_refused_or_complained_about(
    shown: Browser, tmp_path: Path, name: str
) -> None:
    path = written(tmp_path, PAGES[name])
    shown.open(path, 1280, "dark")
    asked = [sent["request"]["url"] for sent in shown.params_of("Network.requestWillBeSent")]
    assert asked == [path.as_uri()]
    assert shown.params_of("Log.entryAdded") == []
    assert shown.params_of("Runtime.consoleAPICalled") == []
    assert shown.params_of("Runtime.exceptionThrown") == []


@pytest.mark.parametrize("name", ["believable", "empty"])
def test_the_page_fits_on_paper_and_is_light_there(
    shown: Browser, tmp_path: Path, name: str
) -> None:
    shown.open(written(tmp_path, PAGES[name]), A4_PIXELS, "dark")
    shown.ask("Emulation.setEmulatedMedia", media="print")
    assert shown.content_width() <= A4_PIXELS
    assert hexed(shown.style("body")["background-color"]) == LIGHT["ground"]
    assert shown.style("nav")["display"] == "none"


def test_a_bar_is_drawn_with_all_its_parts(shown: Browser, tmp_path: Path) -> None:
    shown.open(written(tmp_path, lab.believable()), 1280, "light")
    assert hexed(shown.style(".bar .bar-key")["fill"]) == LIGHT["good"]
    assert hexed(shown.style(".bar .bar-exposed")["fill"]) == LIGHT["bad"]
    assert shown.style(".bar .bar-exposed + rect")["fill"].startswith("url(")


def hexed(colour: str) -> str:
    """`#10161b` for `rgb(16, 22, 27)`."""
    parts = colour.removeprefix("rgb(").removesuffix(")").split(",")
    return "#" + "".join(f"{int(part):02x}" for part in parts)
