"""The emulator over HTTP: any client, many at once, and an end in time."""

from __future__ import annotations

import json
import socket
import threading
import time
import urllib.error
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError

from emulator.emulator import Emulator
from emulator.server import Running, start
from emulator.tests.door_lab import ACCESS_KEY, SIGNED, ask, client, connect, door, refused

# How long a client waits for an answer that never comes.
GIVES_UP_SECONDS = 0.3


def test_plain_http_is_enough_to_make_a_key(running: Running) -> None:
    connection = connect(running.url)
    status, headers, body = ask(connection, "POST", "/apikeys", '{"name":"a","enabled":true}')
    made = json.loads(body)
    connection.close()
    assert (status, headers["content-type"]) == (201, "application/json")
    assert body.endswith(b"}\n")
    assert made["enabled"] is True
    assert isinstance(made["createdDate"], int)
    assert headers["x-amzn-requestid"]
    assert headers["x-amz-apigw-id"]


def test_one_connection_serves_many_calls(running: Running) -> None:
    connection = connect(running.url)
    seen = set()
    for _ in range(5):
        assert ask(connection, "GET", "/account")[0] == 200
        seen.add(connection.sock.getsockname())
    connection.close()
    assert len(seen) == 1


def test_a_body_in_chunks_is_read(running: Running) -> None:
    connection = connect(running.url)
    connection.request("POST", "/apikeys", iter([b'{"name":', b'"a"}']), encode_chunked=True)
    assert connection.getresponse().status == 201
    connection.close()


def test_a_delete_has_no_body(running: Running) -> None:
    key = client(running.url).create_api_key(name="a")["id"]
    connection = connect(running.url)
    status, headers, body = ask(connection, "DELETE", f"/apikeys/{key}")
    connection.close()
    assert (status, headers["content-length"], body) == (202, "0", b"")


def test_a_path_that_is_no_operation_is_refused_as_on_aws(running: Running) -> None:
    connection = connect(running.url)
    status, headers, body = ask(connection, "GET", "/nosuch")
    connection.close()
    assert (status, headers["x-amzn-errortype"]) == (403, "MissingAuthenticationTokenException")
    assert json.loads(body) == {"message": "Missing Authentication Token"}


@pytest.mark.parametrize("body", ["{", "[]", '{"name": 1}', '{"tags": []}'])
def test_a_body_of_the_wrong_form_is_refused(running: Running, body: str) -> None:
    connection = connect(running.url)
    status, _, _ = ask(connection, "POST", "/apikeys", body)
    connection.close()
    assert status == 400


def test_an_arn_may_come_with_plain_slashes(running: Running) -> None:
    gw = client(running.url)
    key = gw.create_api_key(name="a", tags={"team": "x"})["id"]
    connection = connect(running.url)
    status, _, body = ask(connection, "GET", f"/tags/arn:aws:apigateway:us-east-1::/apikeys/{key}")
    connection.close()
    assert (status, json.loads(body)) == (200, {"tags": {"team": "x"}})


def test_the_caller_is_read_from_the_signature(running: Running) -> None:
    connection = connect(running.url)
    ask(connection, "GET", "/account", headers={"Authorization": SIGNED})
    ask(connection, "GET", "/account")
    ask(connection, "GET", f"/account?X-Amz-Credential={ACCESS_KEY}%2F20261123")
    connection.close()
    assert [line["caller"] for line in door(running.url, "calls")] == ["issuer", None, "issuer"]


def test_the_doors_take_orders(running: Running, emulator: Emulator) -> None:
    gw = client(running.url)
    gw.create_api_key(name="a")
    assert door(running.url, "quotas", {"enforce": True}) == {}
    assert emulator.quotas.enforced is True
    assert door(running.url, "propagation", {"seconds": 80}) == {}
    assert emulator.propagation.seconds == 80
    assert (
        door(running.url, "faults", [{"operation": "GetAccount", "call": 1, "fault": "503"}]) == {}
    )
    assert refused(gw.get_account)[1] == 503
    assert door(running.url, "reset", {}) == {}
    assert door(running.url, "calls") == []
    assert gw.get_api_keys()["items"] == []


@pytest.mark.parametrize(
    ("name", "order"),
    [
        ("quotas", {"enforce": "yes"}),
        ("quotas", []),
        ("propagation", {"seconds": -1}),
        ("propagation", {"seconds": True}),
        ("propagation", {}),
        ("faults", {}),
        ("nosuch", {}),
    ],
)
def test_a_door_refuses_what_it_does_not_understand(
    running: Running, name: str, order: Any
) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        door(running.url, name, order)
    with caught.value as answer:
        assert answer.status in (400, 404)
        assert json.loads(answer.read())["message"]


def until_called(url: str, operation: str) -> None:
    """Wait until the emulator has had a call. Its client may have given up before that."""
    while all(line["operation"] != operation for line in door(url, "calls")):
        time.sleep(0.01)


def test_a_lost_answer_is_a_read_timeout_and_the_effect_stays(running: Running) -> None:
    order = [{"operation": "CreateApiKey", "call": 1, "fault": "timeout_after"}]
    door(running.url, "faults", order)
    with pytest.raises(ReadTimeoutError):
        client(running.url, read_timeout=GIVES_UP_SECONDS).create_api_key(name="a")
    until_called(running.url, "CreateApiKey")
    assert [key["name"] for key in client(running.url).get_api_keys()["items"]] == ["a"]
    assert door(running.url, "calls")[0]["status"] == 0


def test_a_refused_connection_ends_at_once(running: Running) -> None:
    order = [{"operation": "CreateApiKey", "call": 1, "fault": "connection_refused"}]
    door(running.url, "faults", order)
    with pytest.raises((ConnectionClosedError, ConnectionError)):
        client(running.url).create_api_key(name="a")
    assert client(running.url).get_api_keys()["items"] == []


def test_held_calls_do_not_keep_the_server_from_stopping(emulator: Emulator) -> None:
    started = start(emulator)
    door(started.url, "faults", [{"operation": "GetAccount", "fault": "timeout_before"}])
    address = urlsplit(started.url)
    with socket.create_connection(("127.0.0.1", address.port or 0)) as held:
        held.sendall(f"GET /account HTTP/1.1\r\nHost: {address.netloc}\r\n\r\n".encode())
        until_called(started.url, "GetAccount")
        # The call is held for as long as its client waits, so the end of `stop` is the proof.
        started.stop()
        assert held.recv(1) == b""


def test_idle_connections_end_with_the_server(emulator: Emulator) -> None:
    started = start(emulator)
    connection = connect(started.url)
    ask(connection, "GET", "/account")
    threads = threading.active_count()
    started.stop()
    assert connection.sock.recv(1) == b""
    connection.close()
    assert threading.active_count() < threads
