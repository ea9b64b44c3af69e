"""The hook of CloudFormation: events of the documented shape, templates from a server here."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib import request

import pytest
import yaml

import lint_hook as hook
from keyward.values import JSON
from tests import tree

SECRET = "X-Amz-Signature=5ec5e7"
OPEN = """
Resources:
  Shop: {Type: AWS::ApiGateway::RestApi, Properties: {Name: shop}}
  Read:
    Type: AWS::ApiGateway::Method
    Properties: {RestApiId: !Ref Shop, ResourceId: !GetAtt Shop.RootResourceId, HttpMethod: GET}
"""
CLOSED = OPEN.replace("HttpMethod: GET", "HttpMethod: GET, ApiKeyRequired: true")
SAM = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Pets:
    Type: AWS::Serverless::Function
    Properties:
      Events: {Get: {Type: Api, Properties: {Path: /pets, Method: get}}}
"""
Hooked = Callable[..., JSON]


class Server(ThreadingHTTPServer):
    """S3 as far as the hook sees it: one document."""

    body = b""
    status = 200
    late = threading.Event()  # set: it answers
    bytes_at_once, pause = 2**24, 0.0
    stopped = threading.Event()

    def handle_error(self, *_: object) -> None:
        """The hook hangs up on what is too large or too late."""


class Served(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        assert SECRET in self.path
        self.send_response(self.server.status)
        self.send_header("Location", "/elsewhere")
        self.end_headers()
        self.wfile.flush()
        self.server.late.wait(5)
        for start in range(0, len(self.server.body), self.server.bytes_at_once):
            self.wfile.write(self.server.body[start : start + self.server.bytes_at_once])
            self.server.stopped.wait(self.server.pause)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Served) as made:
        thread = threading.Thread(target=made.serve_forever, args=(0.02,))
        thread.start()
        yield made
        made.stopped.set()
        made.shutdown()
        thread.join()


@pytest.fixture
def hooked(server: Server, monkeypatch: pytest.MonkeyPatch) -> Hooked:
    """Ask the hook about a document that the server has, with members of the event changed."""
    monkeypatch.setattr(hook, "OPENER", hook.opener(request.HTTPHandler()))
    monkeypatch.delenv("POLICY", raising=False)
    server.late.set()

    def ask(
        body: JSON | bytes, target: str = "CHANGE_SET", status: int = 200, **changes: Any
    ) -> JSON:
        server.body = body if isinstance(body, bytes) else json.dumps(body).encode()
        server.status = status
        asked = event(f"http://127.0.0.1:{server.server_port}/t?{SECRET}")
        asked["requestData"] |= {"targetName": target, "targetType": target}
        return hook.handler(asked | changes)

    return ask


def event(payload: str) -> JSON:
    sample: JSON = json.loads((tree.ROOT / "tools/hook/event.json").read_text("utf-8"))
    sample["requestData"]["payload"] = payload
    return sample


def test_an_open_method_fails_with_its_remedy(hooked: Hooked) -> None:
    answer = hooked({"template": OPEN, "previousTemplate": CLOSED, "changedResources": []})
    assert answer == {
        "hookStatus": "FAILED",
        "errorCode": "NonCompliant",
        "clientRequestToken": event("")["clientRequestToken"],
        "message": "1 of 1 method of REST APIs would be open.\n"
        "template:4: GET / asks for no key; put into Properties of Read: ApiKeyRequired: true",
    }


@pytest.mark.parametrize("target", ["STACK", "CHANGE_SET"])
@pytest.mark.parametrize("template", [SAM, {"Resources": {}}])
def test_templates_of_sam_and_objects_are_read(
    hooked: Hooked, target: str, template: str | JSON
) -> None:
    answer = hooked({"template": template}, target)
    assert (answer["hookStatus"] == "FAILED") == (template == SAM)
    assert ("GET /pets asks for no key" in answer["message"]) == (template == SAM)


def test_a_closed_method_succeeds(hooked: Hooked) -> None:
    answer = hooked({"template": CLOSED})
    assert answer["hookStatus"] == "SUCCESS"
    assert answer["message"] == "0 of 1 method of REST APIs would be open."
    assert "errorCode" not in answer


def test_a_deletion_is_never_stopped(hooked: Hooked) -> None:
    answer = hooked({"template": OPEN}, actionInvocationPoint="DELETE_PRE_PROVISION")
    assert answer["hookStatus"] == "SUCCESS"


def test_the_policys_exemptions_hold(hooked: Hooked, monkeypatch: pytest.MonkeyPatch) -> None:
    exempt = {"api": "shop", "method": "GET", "path": "/", "reason": "probe"}
    monkeypatch.setenv("POLICY", json.dumps({"usage_plans": {}, "exemptions": [exempt]}))
    assert hooked({"template": OPEN})["hookStatus"] == "SUCCESS"


NO_DOCUMENT = "came in no document with the member template"
UNREADABLE: dict[str, tuple[JSON | bytes, int, str]] = {
    "broken": (b'{"template": ', 200, NO_DOCUMENT),
    "not UTF-8": (b"\xff", 200, NO_DOCUMENT),
    "a list": (b"[]", 200, NO_DOCUMENT),
    "no template": (b'{"templates": ""}', 200, NO_DOCUMENT),
    "no mapping": ({"template": "- a"}, 200, "a mapping at the top"),
    "neither": ({"template": "a: b"}, 200, "must be a template with Resources"),
    "broken YAML": ({"template": "a: {"}, 200, "YAML"),
    "too deep": ({"template": '{"a":' * 100_000}, 200, "is nested too deeply"),
    "a deep document": (b"[" * 100_000, 200, NO_DOCUMENT),
    "too large": (b" " * (hook.MAX_BYTES + 1), 200, "more than 5242880 bytes"),
    "expired": (b"", 403, "could not be fetched: HTTP 403"),
    "redirect": (b"", 302, "could not be fetched: HTTP 302"),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_what_cannot_be_read_passes_and_says_so(
    hooked: Hooked, case: str, caplog: pytest.LogCaptureFixture
) -> None:
    body, status, reason = UNREADABLE[case]
    with caplog.at_level(logging.DEBUG):
        answer = hooked(body, status=status)
    assert answer["hookStatus"] == "SUCCESS"
    assert answer["message"].startswith("Keyward did not check this template, and lets it pass")
    assert reason in answer["message"]
    assert answer["message"] in caplog.text
    assert SECRET not in json.dumps(answer) + caplog.text


@pytest.mark.parametrize(
    "changes", [{"requestData": None}, {"requestData": {"payload": f"file:///etc/passwd?{SECRET}"}}]
)
def test_a_strange_event_passes_and_says_so(
    hooked: Hooked, changes: JSON, caplog: pytest.LogCaptureFixture
) -> None:
    answer = hooked({"template": OPEN}, **changes)
    assert answer["hookStatus"] == "SUCCESS"
    assert "did not check" in answer["message"]
    assert SECRET not in json.dumps(answer) + caplog.text


def test_only_https_is_opened(server: Server) -> None:
    server.body = json.dumps({"template": OPEN}).encode()
    for address in (f"http://127.0.0.1:{server.server_port}/t?{SECRET}", "https://[broken/t"):
        assert "did not check" in hook.handler(event(address))["message"]


def test_a_server_that_does_not_answer_is_left(
    hooked: Hooked, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hook, "SECONDS", 0.05)
    server.late.clear()
    answer = hooked({"template": OPEN})
    server.late.set()
    assert answer["hookStatus"] == "SUCCESS"
    assert "could not be fetched: TimeoutError" in answer["message"]


def test_a_server_that_answers_byte_by_byte_is_left(
    hooked: Hooked, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hook, "SECONDS", 0.05)
    monkeypatch.setattr(server, "bytes_at_once", 1)
    monkeypatch.setattr(server, "pause", 0.01)
    answer = hooked({"template": OPEN})
    assert "could not be fetched: TimeoutError" in answer["message"]


def test_a_wrong_policy_passes_and_is_named(
    hooked: Hooked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLICY", '{"usage_plan": {}}')
    answer = hooked({"template": OPEN})
    assert answer["hookStatus"] == "SUCCESS"
    assert "needs another parameter Policy" in answer["message"]


def test_files_of_the_functions_machine_are_not_opened(hooked: Hooked) -> None:
    api = {"Type": "AWS::Serverless::Api", "Properties": {"DefinitionUri": "/proc/self/environ"}}
    nested = {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": "other.yaml"}}
    answer = hooked({"template": json.dumps({"Resources": {"Api": api, "Nested": nested}})})
    assert answer["hookStatus"] == "SUCCESS"
    assert "/proc/self/environ is not checked: only the template itself" in answer["message"]
    assert "other.yaml is not checked" in answer["message"]


def test_a_long_message_is_cut_by_whole_lines(hooked: Hooked) -> None:
    method = "Type: AWS::ApiGateway::Method, Properties: {HttpMethod: GET, RestApiId: a}"
    many = "".join(f"  Method{number}: {{{method}}}\n" for number in range(200))
    message = hooked({"template": f"Resources:\n{many}"})["message"]
    assert message.startswith("200 of 200 methods")
    assert 3_900 < len(message) <= 4_096
    *_, before, last = message.splitlines()
    assert before.endswith("ApiKeyRequired: true")
    assert last == "... keyward lint TEMPLATE names the rest"


def test_a_key_value_in_a_template_is_not_repeated(hooked: Hooked) -> None:
    value = "not-for-anybody-else-0123456789"
    key = f"  Key: {{Type: AWS::ApiGateway::ApiKey, Properties: {{Value: {value}}}}}\n"
    assert value not in json.dumps(hooked({"template": OPEN + key}))
    assert value not in json.dumps(hooked({"template": OPEN + key + "  : {"}))


def test_the_hooks_template_is_built_as_the_makefile_says() -> None:
    template = (tree.ROOT / "tools/hook/template.yaml").read_text("utf-8")
    makefile = (tree.ROOT / "layers/keyward/Makefile").read_text("utf-8")
    assert f"Handler: {hook.handler.__module__}.{hook.handler.__name__}" in template
    assert "  LintHookFunction:\n" in template
    assert "build-LintHookFunction:\n" in makefile
    assert "Architectures: [x86_64]" in template
    assert "--platform manylinux2014_x86_64" in makefile
    check = (tree.ROOT / "tools/check.sh").read_text("utf-8")
    assert "cfn-lint template.yaml tools/hook/template.yaml" in check


def test_the_hooks_pyyaml_is_the_one_of_the_tests() -> None:
    lock = (tree.ROOT / "layers/keyward/hook.txt").read_text("utf-8")
    assert f"pyyaml=={yaml.__version__} " in lock
