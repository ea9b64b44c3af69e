"""The page, from plain data."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import product

import pytest

from keyward.report import Report, data, page
from keyward.report.html.markup import tag, text
from keyward.report.html.stylesheet import DARK, LIGHT
from tests.report import report_lab as lab

# 600 APIs with 10 stages of 20 methods and more, or 80,000 stage methods exempt: what a person's
# browser shows in a second.
MAX_BYTES = 2_000_000
MAX_JSON_BYTES = 4_000_000
READABLE = 4.5
VOID = {"meta", "rect", "br", "path", "input"}
REPORTS = {
    "believable": lab.believable(),
    "empty": lab.EMPTY,
    "hostile": lab.hostile(),
    "large": lab.large(),
    "busy": lab.busy(),
}


class Reader(HTMLParser):
    """What is in a page: tags, ids, links, text; raises AssertionError when tags do not match."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.said: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        given = dict(attrs)
        self.ids += [given["id"] or ""] if "id" in given else []
        self.links += [given["href"] or ""] if "href" in given else []
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in VOID
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.said.append(data)


@pytest.mark.parametrize("name", REPORTS)
def test_the_page_is_whole_and_loads_nothing(name: str) -> None:
    html = page(REPORTS[name])
    read = Reader(html)
    assert html.startswith("<!doctype html>")
    assert html.count("<script") == 1
    assert not read.tags & {"link", "img", "iframe", "object", "form", "base", "foreign"}
    assert not [name for name in read.attributes if name.startswith("on") or name == "src"]
    assert "style" not in read.attributes
    assert not re.search(r"https?://|@import|url\((?!#)", html.replace("&#x27;", "'"))


@pytest.mark.parametrize("name", REPORTS)
def test_every_anchor_is_there_once_and_every_link_leads_to_one(name: str) -> None:
    read = Reader(page(REPORTS[name]))
    assert len(read.ids) == len(set(read.ids))
    outside = {"report.json"}
    assert {link for link in read.links if link.removeprefix("#") not in read.ids} == outside


def test_what_a_stranger_wrote_is_text_and_nothing_else() -> None:
    html = page(lab.hostile())
    assert lab.ATTACK not in html
    assert "<img" not in html
    assert html.count("<script") == 1
    assert "\u202e" not in html
    assert lab.ATTACK in "".join(Reader(html).said)


def test_text_cannot_leave_an_attribute() -> None:
    assert tag("p", id='"><b>') == '<p id="&quot;&gt;&lt;b&gt;"></p>'
    assert text("a\x00b&'") == "a\ufffdb&amp;&#x27;"


def test_everything_is_there_to_be_searched_for() -> None:
    said = " ".join(Reader(page(lab.believable())).said)
    for words in (
        *("pets123456", "pet shop", "held123456", "customer-3", "k1", "p1r2o3"),
        *("GET /orders", "AWS_IAM", "OPTIONS /orders/{id}", "CORS preflight"),
        *("owner ops", "until 2026-11-27", "ends soon", "canary 10 %", "InvalidInputError"),
        *("CUSTOMERS_DLQ", "ApiFailed", "2026-11-21 18:12 UTC"),
    ):
        assert words in said, words


def test_a_glance_tells_what_is_open_and_what_waits() -> None:
    said = "".join(Reader(page(lab.believable())).said)
    assert "! 3 live methods should ask for a key and do not." in said
    assert "1 API could not be read. 2 things wait for a person, 2 of them urgent." in said


def test_one_thing_that_can_wait_is_told_as_one() -> None:
    report = lab.believable()
    item = replace(report.waiting[0], severity="low")
    said = "".join(Reader(page(replace(report, waiting=(item,)), [])).said)
    assert "1 thing waits for a person, none urgent." in said
    assert "that Keyward closed since" not in said


def test_an_empty_account_is_told_in_words() -> None:
    said = "".join(Reader(page(lab.EMPTY)).said)
    assert "No managed API serves a method. Nothing waits for a person." in said
    assert "The account has no REST API in this Region." in said
    assert "Nothing was announced in the last seven days." in said


def test_tables_say_what_their_rows_and_columns_are() -> None:
    html = page(lab.believable())
    assert html.count("<table") == html.count("<caption>") == html.count("<thead>")
    rows = re.findall(r"<tr[^>]*>(<\w+[^>]*>)", html)
    unnamed = [cell for cell in rows if "scope=" not in cell and "colspan=" not in cell]
    assert unnamed == []


def test_six_hundred_apis_with_ten_stages_stay_readable_and_small() -> None:
    report = lab.large()
    html = page(report)
    assert len(html.encode()) < MAX_BYTES
    assert len(data(report).encode()) < MAX_JSON_BYTES
    said = "".join(Reader(html).said)
    assert "api0000599" in said
    first, last = html.index("api-api0000007"), html.index("api-api0000001")
    assert first < last, "APIs with something open come first"


def test_what_the_page_leaves_out_is_in_the_data_and_said() -> None:
    said = "".join(Reader(page(lab.large(apis=1100))).said)
    assert "100 more are in the data, as JSON." in said


def test_the_data_are_the_same_as_json() -> None:
    told = json.loads(data(lab.believable()))
    assert told["schema"] == 1
    assert told["apis"][1]["stages"][0]["exposed"][0] == {
        "method": "GET",
        "path": "/orders",
        "authorization": "NONE",
    }
    assert told["usage"][0]["customers"][0]["customer_id"] == "customer-0"


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_every_text_can_be_read_on_every_ground(palette: dict[str, str]) -> None:
    words = ("ink", "soft", "link", "good", "bad", "wait")
    pairs = [(palette[word], palette[ground]) for word, ground in product(words, GROUNDS)]
    pairs += [(palette["on-heat"], palette[f"heat{level}"]) for level in (1, 2, 3, 4)]
    pairs.append((palette["on-heat5"], palette["heat5"]))
    assert [pair for pair in pairs if contrast(*pair) < READABLE] == []


GROUNDS = ("ground", "panel")


def contrast(one: str, other: str) -> float:
    """By WCAG 2.2: (lighter + 0.05) / (darker + 0.05) of relative luminances."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_a_report_is_plain_data() -> None:
    assert json.loads(data(Report("2026-11-23T10:02:04Z", "here")))["apis"] == []


def test_the_tile_of_what_waits_says_what_mends_without_anybody() -> None:
    assert "1 more being mended" in page(lab.believable())
    assert "nothing is being mended" in page(lab.EMPTY)


def test_the_page_says_how_many_stages_a_plan_opens() -> None:
    said = " ".join(Reader(page(lab.believable())).said)
    rows = said[said.index("keys of customers, by plan and state") :]
    assert "1,000 a day nothing 41" in rows
    assert "no quota 3 stages 9" in rows
