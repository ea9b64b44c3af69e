"""The page as a browser shows it: no script, no network, either palette, any width."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from keyward.report import Report, page
from keyward.report.html.stylesheet import DARK, LIGHT
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
    "busy": lab.busy(),
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


# Screens of 900 pixels.
MAX_SCREENS = 8
READABLE_EM = 18


@pytest.mark.parametrize("width", [1280, 768, 390])
def test_words_of_what_waits_have_room_and_stay_whole(
    shown: Browser, tmp_path: Path, width: int
) -> None:
    shown.open(written(tmp_path, lab.busy()), width, "light", scripts=True)
    widths = shown.run(
        "[...document.querySelectorAll('#waiting .words')].filter(e => e.checkVisibility())"
        ".map(e => e.offsetWidth / parseFloat(getComputedStyle(e).fontSize))"
    )
    assert len(widths) == 6
    assert min(widths) >= READABLE_EM
    # A label of one word stands on one line.
    heights = shown.run("[...document.querySelectorAll('.waits .tag')].map(e => e.offsetHeight)")
    assert max(heights) < 30


def test_on_a_phone_every_cell_is_in_view_but_those_of_past_days(
    shown: Browser, tmp_path: Path
) -> None:
    shown.open(written(tmp_path, lab.busy()), 390, "light", scripts=True)
    shown.run("document.querySelectorAll('details').forEach(e => { e.open = true; })")
    cells = "[...document.querySelectorAll('table:not(.heat) :is(td, th)')]"
    cells += ".filter(e => e.checkVisibility())"
    assert shown.run(f"{cells}.length") > 1000
    assert shown.run(f"{cells}.filter(e => e.getBoundingClientRect().right > 390).length") == 0
    # What is used of a quota now stands before the days.
    now = "[...document.querySelectorAll('.heat tbody tr')].map(e => e.cells[1])"
    assert max(shown.run(f"{now}.map(e => e.getBoundingClientRect().right)")) <= 390


def test_every_command_stands_in_a_block_of_its_own_and_can_be_copied(
    shown: Browser, tmp_path: Path
) -> None:
    shown.open(written(tmp_path, lab.busy()), 390, "light", scripts=True)
    shown.run("navigator.clipboard.writeText = async (text) => { window.copied = text; }; 0")
    blocks = "document.querySelectorAll('pre.command')"
    texts = shown.run(f"[...{blocks}].map(e => e.textContent)")
    assert [text.split()[0] for text in texts] == ["keyward", '{"rest_api_id":']
    shown.run(f"{blocks}[0].nextElementSibling.click()")
    assert shown.run("window.copied") == texts[0]


def test_forty_apis_and_five_hundred_customers_are_few_screens(
    shown: Browser, tmp_path: Path
) -> None:
    shown.open(written(tmp_path, lab.busy()), 1280, "light", scripts=True)
    assert shown.run("document.documentElement.scrollHeight") <= MAX_SCREENS * 900


def test_a_field_leaves_the_customers_that_have_its_words_without_network(
    shown: Browser, tmp_path: Path
) -> None:
    shown.open(written(tmp_path, lab.busy()), 1280, "light", scripts=True)
    visible = (
        "[...document.querySelectorAll('#customers [data-row]')]"
        ".filter(e => e.checkVisibility()).map(e => e.textContent)"
    )
    assert shown.run(visible) == []
    typed = (
        "const f = document.querySelector('#customers input'); f.value = WORDS;"
        "f.dispatchEvent(new Event('input')); 0"
    )
    shown.run("{" + typed.replace("WORDS", "'Suspended customer-2'") + "}")
    found = shown.run(visible)
    assert found
    assert all("suspended" in text and "customer-2" in text for text in found)
    shown.run("{" + typed.replace("WORDS", "''") + "}")
    assert shown.run(visible) == []


def test_a_link_to_what_is_folded_unfolds_it(shown: Browser, tmp_path: Path) -> None:
    shown.open(written(tmp_path, lab.busy()), 1280, "light", scripts=True)
    place = "document.getElementById('api-api0000005')"
    assert not shown.run(f"{place}.checkVisibility()")
    shown.run("location.hash = 'api-api0000005'; new Promise(r => setTimeout(r, 50))")
    assert shown.run(f"{place}.checkVisibility()")


def test_all_is_there_without_scripts(shown: Browser, tmp_path: Path) -> None:
    shown.open(written(tmp_path, lab.busy()), 1280, "light")
    assert shown.style(".find")["display"] == "none"
    assert page(lab.busy()).count("<code>customer-499</code>") == 1


def hexed(colour: str) -> str:
    """`#10161b` for `rgb(16, 22, 27)`."""
    parts = colour.removeprefix("rgb(").removesuffix(")").split(",")
    return "#" + "".join(f"{int(part):02x}" for part in parts)
