"""Pages of other sites get no answer from a server on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

from emulator import server
from emulator.emulator import Emulator


@pytest.fixture(scope="module")
def running() -> Iterator[server.Running]:
    started = server.start(Emulator())
    yield started
    started.stop()


def status(url: str, verb: str = "POST", **headers: str) -> int:
    """What a server answers; headers are named with `_` for `-`, and PORT is its own."""
    parts = urlsplit(url.replace("{rest_api_id}/{stage}", "a1b2c3d4e5/prod"))
    given = {n.replace("_", "-"): v.replace("PORT", str(parts.port)) for n, v in headers.items()}
    with closing(HTTPConnection(str(parts.hostname), parts.port, timeout=60)) as connection:
        connection.request(verb, parts.path or "/", body=b"", headers=given)
        answer = connection.getresponse()
        answer.read()
    assert not [name for name, _ in answer.getheaders() if name.lower().startswith("access-cont")]
    return answer.status


FOREIGN = [
    {"Origin": "https://other.example"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1.other.example:PORT"},
    {"Origin": "http://[other"},
    {"Host": "other.example:PORT"},
    {"Host": "127.0.0.1:1"},
    {"Host": "other.example"},
    {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "no-cors"},
]
OWN = [
    {},
    {"Host": "localhost:PORT"},
    {"Origin": "http://127.0.0.1:PORT", "Sec_Fetch_Site": "same-origin"},
    {"Origin": "http://localhost:PORT"},
    {"Sec_Fetch_Site": "none", "Sec_Fetch_Mode": "navigate"},
]


@pytest.mark.parametrize("headers", FOREIGN)
@pytest.mark.parametrize("verb", ["GET", "POST", "OPTIONS"])
def test_a_page_of_another_site_is_refused_by_every_door(
    running: server.Running, headers: dict[str, str], verb: str
) -> None:
    for url in (f"{running.url}/_emulator/reset", f"{running.url}/restapis", running.invoke_url):
        assert status(url, verb, **headers) == 403


@pytest.mark.parametrize("headers", OWN)
def test_a_program_and_a_page_of_its_own_are_answered(
    running: server.Running, headers: dict[str, str]
) -> None:
    assert status(f"{running.url}/_emulator/reset", **headers) == 200


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "http://localhost:3000"}, {"Sec_Fetch_Site": "same-site"}],
)
def test_another_page_of_this_machine_calls_its_api_and_nothing_else(
    running: server.Running, headers: dict[str, str]
) -> None:
    calls = f"{running.url}/_emulator/calls"
    assert status(calls, "GET", **headers) == 403
    # Nothing of that name: the data plane's own answer has no body of ours.
    assert server.browsers.is_refused("GET", {"origin": "http://localhost:3000"}, 1) is True
    assert server.browsers.is_refused("GET", {"origin": "http://x.y"}, 1, is_open=True) is True
    lower = {name.lower().replace("_", "-"): value for name, value in headers.items()}
    assert server.browsers.is_refused("GET", lower, 1, is_open=True) is False
