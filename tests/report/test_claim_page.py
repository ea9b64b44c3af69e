"""The page of a one-time link in a browser, served by the real function on the bench."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest

from keyward.report.html.claim import PAGE
from keyward.report.html.stylesheet import DARK, LIGHT
from keyward.values import JSON
from local.bench import Bench
from tests.report.browser import Browser, browser
from tests.report.test_browser import hexed
from tests.support import load_event

pytestmark = pytest.mark.browser
SHOWN = "!document.getElementById('have').hidden"
SAID = "document.getElementById('said').textContent"
CLICK = "document.getElementById('show').click()"


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("profile")) as made:
        yield made


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with Bench() as made:
        made.api({"/pets": {"get": None}})
        made.send("CustomerSignedUp", customer_id="acme", plan="free")
        made.run()
        yield made


@pytest.fixture(scope="module")
def address(bench: Bench) -> Iterator[str]:
    """Where the function's URL answers."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            event: JSON = load_event("claim-key")
            event["requestContext"]["http"]["method"] = self.command
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            told = bench.invoke("ClaimKey", event | {"body": body})
            self.send_response(told["statusCode"])
            for name, value in told["headers"].items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(told["body"].encode())

        do_GET = do_POST = answer

        def log_message(self, format: str, *args: Any) -> None:
            """Says nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.fixture
def link(bench: Bench, address: str) -> str:
    made = bench.invoke("CreateClaim", {"customer_id": "acme"})
    return address + str(made["url"]).partition("/#")[2].join(["#", ""])


def eventually(condition: Callable[[], Any]) -> None:
    for _ in range(400):
        if condition():
            return
        time.sleep(0.05)
    raise TimeoutError


def text(window: Browser, part: str) -> str:
    return str(window.run(f"document.getElementById('{part}').textContent"))


def test_a_click_shows_the_value_once(window: Browser, bench: Bench, link: str) -> None:
    window.visit(link)
    assert bench.value("acme") not in window.run("document.documentElement.outerHTML")
    window.run(CLICK)
    eventually(lambda: window.run(SHOWN))
    assert text(window, "key") == bench.value("acme")
    assert f"-H 'x-api-key: {bench.value('acme')}'" in text(window, "curl")
    assert window.run("document.activeElement.id") == "title"
    assert window.run("location.hash") == ""
    window.visit(window.run("location.href"))
    eventually(lambda: "if you saw it here and need it again" in window.run(SAID))
    assert text(window, "title") == "There is no key to show here"
    assert window.run("document.getElementById('said').className") == "soft"
    window.visit(link)
    window.run(CLICK)
    eventually(lambda: "used before" in window.run(SAID))
    assert window.run("document.getElementById('ask').hidden")
    assert text(window, "title") == "This link does not work"
    assert not window.run(SHOWN)


def test_the_token_is_in_no_address_that_is_asked(window: Browser, link: str) -> None:
    window.visit(link)
    window.run(CLICK)
    eventually(lambda: window.run(SHOWN))
    token = link.partition("#")[2]
    asked = [sent["request"] for sent in window.params_of("Network.requestWillBeSent")]
    asked = [one for one in asked if not one["url"].startswith("data:")]
    assert [one["method"] for one in asked] == ["GET", "POST"]
    assert not any(token in one["url"] for one in asked)
    assert not any(token in str(one["headers"]) for one in asked)


def test_the_policy_of_the_page_refuses_nothing_that_it_does(window: Browser, link: str) -> None:
    window.visit(link)
    window.run(CLICK)
    eventually(lambda: window.run(SHOWN))
    assert window.params_of("Log.entryAdded") == []
    assert window.params_of("Runtime.exceptionThrown") == []


@pytest.mark.parametrize(
    ("fragment", "word"),
    [
        ("", "ask for a new link. If not, copy the whole link"),
        ("#" + "x" * 43, "not right"),
        ("#short", "not right"),
    ],
)
def test_a_wrong_link_says_so_in_a_sentence(
    window: Browser, address: str, fragment: str, word: str
) -> None:
    window.visit(address + fragment)
    if fragment:
        window.run(CLICK)
    eventually(lambda: word in window.run(SAID))
    assert not window.run(SHOWN)


def test_the_buttons_copy_the_key_and_the_command(window: Browser, bench: Bench, link: str) -> None:
    window.visit(link)
    window.run(
        "navigator.clipboard.writeText = async (text) => { window.copied = text; }; undefined"
    )
    window.run(CLICK)
    eventually(lambda: window.run(SHOWN))
    window.run("document.getElementById('copy').click()")
    eventually(lambda: window.run(SAID) == "Copied.")
    assert window.run("window.copied") == bench.value("acme")
    window.run("document.getElementById('copy-curl').click()")
    eventually(lambda: str(window.run("window.copied")).startswith("curl "))


@pytest.mark.parametrize(("scheme", "colours"), [("light", LIGHT), ("dark", DARK)])
@pytest.mark.parametrize("width", [1280, 320])
def test_it_fits_a_phone_and_has_the_palette_that_is_preferred(
    window: Browser, link: str, width: int, scheme: str, colours: dict[str, str]
) -> None:
    window.visit(link, width, scheme)
    window.run(CLICK)
    eventually(lambda: window.run(SHOWN))
    assert window.content_width() <= width
    assert hexed(window.style("body")["background-color"]) == colours["ground"]


def test_a_screen_reader_is_told_of_what_changes_and_of_each_part() -> None:
    assert 'role="status"' in PAGE
    assert 'lang="en"' in PAGE
    assert PAGE.count("aria-labelledby=") == PAGE.count("<pre ")
    assert PAGE.count("<button ") == PAGE.count('type="button"')
