"""The pictures of the documents show what is there."""

from __future__ import annotations

import re

import pytest

from tests import tree
from tests.rules.test_dashboard import widgets
from tests.rules.test_docs import PAGES, text
from tools import pictures

DRAWN = dict(pictures.drawings())
MAX_BYTES = 150_000


@pytest.mark.parametrize("name", DRAWN)
def test_a_drawing_is_not_stale(name: str) -> None:
    """`python -m tools.pictures` draws it anew."""
    assert (pictures.PICTURES / name).read_text("utf-8") == DRAWN[name]


def test_the_picture_of_the_report_is_of_todays_page() -> None:
    """`make pictures` takes it anew, where there is a Chromium."""
    picture = (pictures.PICTURES / "report.png").read_bytes()
    assert pictures.made_of(pictures.shown_page()) in picture


def test_a_machine_is_drawn_with_all_its_tasks() -> None:
    for name in pictures.MACHINES:
        run = tree.machines()[name]["States"]["Run"]
        states = tree.states(run["Branches"][0])
        tasks = {one for one, state in states.items() if state["Type"] == "Task"}
        assert tasks <= set(re.findall(r">([^<]+)</text>", DRAWN[f"{name}.svg"]))


def test_the_dashboard_is_drawn_with_all_its_widgets() -> None:
    assert DRAWN["dashboard.svg"].count("<rect") == len(widgets()) + 1


def test_every_picture_is_small_and_shown() -> None:
    shown = {name for page in PAGES for name in re.findall(r"\]\(pictures/(.+?)\)", text(page))}
    files = [*pictures.PICTURES.iterdir()]
    assert {file.name for file in files} == shown
    assert [file.name for file in files if file.stat().st_size > MAX_BYTES] == []
