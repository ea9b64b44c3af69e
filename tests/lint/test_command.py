"""The command: what it prints, its exit codes, the policy it honours, and how others run it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from keyward.cli import app
from keyward.policy.parse import default_text
from tests import tree
from tests.lint.lint_lab import Bench, bench, run

__all__ = ["bench"]

OPEN = """
    openapi: 3.0.1
    info: {title: petstore}
    paths:
      /pets:
        get: {}
        options: {}
      /health:
        get: {security: [{signed: []}]}
    components:
      securitySchemes:
        signed:
          {type: apiKey, name: Authorization, in: header, x-amazon-apigateway-authtype: awsSigv4}
        api_key: {type: apiKey, name: x-api-key, in: header}
"""
CLOSED = OPEN.replace("get: {}", "get: {security: [{api_key: []}]}").replace(
    "{signed: []}", "{signed: []}, {api_key: []}"
)
Capture = pytest.CaptureFixture[str]


def policy(exemptions: Sequence[dict[str, str]] = (), **settings: str) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(default_text())
    return body | {"exemptions": [{"reason": "a test", **one} for one in exemptions]} | settings


def lines(out: str) -> list[str]:
    """The findings in what was printed, as `LINE GET /path`."""
    return [
        f"{line} {what}" for line, what in re.findall(r":(\d+): (\S+ \S+) asks for no key", out)
    ]


def test_each_open_method_is_a_line_with_its_remedy(bench: Bench, capsys: Capture) -> None:
    code, out, err = run([bench.write("api.yaml", OPEN)], capsys)
    assert code == 1
    assert out.splitlines() == [
        "api.yaml:5: GET /pets asks for no key; put into the operation: security: [{api_key: []}]",
        "api.yaml:8: GET /health asks for no key; put into the operation: "
        "security: [{signed: []}, {api_key: []}]",
        "2 of 3 methods in 1 file would be open",
    ]
    assert err == ""


def test_nothing_open_is_exit_code_zero(bench: Bench, capsys: Capture) -> None:
    code, out, err = run([bench.write("api.yaml", CLOSED)], capsys)
    assert (code, out, err) == (0, "0 of 3 methods in 1 file would be open\n", "")


def test_a_file_that_cannot_be_checked_hides_no_other(bench: Bench, capsys: Capture) -> None:
    good = bench.write("api.yaml", OPEN)
    bad = [
        bench.write("broken.json", '{"a": '),
        "missing.yaml",
        ".",
        bench.write("ci.yaml", "on: 1"),
    ]
    code, out, err = run([*bad, good], capsys)
    assert code == 2
    assert lines(out) == ["5 GET /pets", "8 GET /health"]
    assert out.splitlines()[-1].endswith("would be open, as far as they could be read: 4 errors")
    told = err.splitlines()
    assert [line.split(": ")[:2] for line in told] == [
        ["error", "broken.json:1"],
        ["error", "missing.yaml"],
        ["error", "."],
        ["error", "ci.yaml"],
    ]
    assert told[1] == "error: missing.yaml: cannot be read: No such file or directory"


def test_a_file_that_cannot_be_checked_is_no_success(bench: Bench, capsys: Capture) -> None:
    good = bench.write("api.yaml", CLOSED)
    assert run([good, "missing.yaml"], capsys)[0] == 2


def test_json_says_all_that_text_says(bench: Bench, capsys: Capture) -> None:
    files = [bench.write("api.yaml", OPEN), "missing.yaml", bench.write("t.yaml", "Resources: {}")]
    code, out, err = run(["--format", "json", *files], capsys)
    told = json.loads(out)
    assert (code, err) == (2, "")
    assert told["methods"] == 3
    assert told["open"][0] == {
        "file": "api.yaml",
        "line": 5,
        "method": "GET",
        "path": "/pets",
        "api": "petstore",
        "put_into": "the operation",
        "remedy": "security: [{api_key: []}]",
    }
    assert len(told["open"]) == 2
    assert told["notes"] == []
    assert told["errors"] == [
        {"file": "missing.yaml", "line": 0, "text": "cannot be read: No such file or directory"}
    ]


def test_notes_change_no_exit_code(bench: Bench, capsys: Capture) -> None:
    text = "Resources:\n  A: {Type: AWS::Serverless::Api, Properties: {DefinitionUri: s3://b/k}}\n"
    code, out, err = run([bench.write("t.yaml", text)], capsys)
    assert (code, out) == (0, "no method of a REST API was found in 1 file\n")
    assert err == (
        "note: t.yaml:2: DefinitionUri of A is not checked: its document must be a local file\n"
    )


@pytest.mark.parametrize(
    ("exemption", "opened"),
    [
        ({"api": "*", "method": "GET", "path": "*"}, ["6 OPTIONS /pets"]),
        ({"api": "petstore", "method": "*", "path": "/pets"}, ["8 GET /health"]),
        ({"api": "other", "method": "*", "path": "*"}, None),
        ({"api": "*", "method": "*", "path": "*", "expires": "2001-01-01"}, None),
        ({"api": "*", "method": "*", "path": "*", "expires": "2999-01-01"}, []),
        ({"api": "*", "method": "ANY", "path": "*"}, None),
    ],
)
def test_a_policys_exemptions_hold(
    bench: Bench, capsys: Capture, exemption: dict[str, str], opened: list[str] | None
) -> None:
    rules = bench.write("policy.json", policy([exemption]))
    _, out, _ = run(["--policy", rules, bench.write("api.yaml", OPEN)], capsys)
    everything = ["5 GET /pets", "6 OPTIONS /pets", "8 GET /health"]
    assert lines(out) == (everything if opened is None else opened)


def test_the_apis_name_can_be_given(bench: Bench, capsys: Capture) -> None:
    rules = bench.write("policy.json", policy([{"api": "shop", "method": "*", "path": "*"}]))
    arguments = ["--policy", rules, bench.write("api.yaml", OPEN)]
    assert run(arguments, capsys)[0] == 1
    assert run(["--api", "shop", *arguments], capsys)[0] == 0


def test_an_authorizer_is_enough_when_the_policy_says_so(bench: Bench, capsys: Capture) -> None:
    rules = bench.write("policy.json", policy(require_key="unauthorized"))
    _, out, _ = run(["--policy", rules, bench.write("api.yaml", OPEN)], capsys)
    assert lines(out) == ["5 GET /pets", "6 OPTIONS /pets"]


@pytest.mark.parametrize("content", [None, "{", '{"usage_plans": {}}', b"\xff"])
def test_an_unusable_policy_is_an_error_and_nothing_is_checked(
    bench: Bench, capsys: Capture, content: str | bytes | None
) -> None:
    if content is not None:
        bench.write("policy.json", content)
    code, out, err = run(["--policy", "policy.json", bench.write("api.yaml", CLOSED)], capsys)
    assert (code, out) == (2, "")
    assert err.startswith("error: policy.json: ")


def test_a_document_is_reported_once_however_often_it_is_reached(
    bench: Bench, capsys: Capture
) -> None:
    document = bench.write("apis/api.yaml", OPEN)
    text = "Resources: {A: {Type: AWS::Serverless::Api, Properties: {DefinitionUri: api.yaml}}}"
    template = bench.write("apis/template.yaml", text)
    code, out, _ = run([document, template, document], capsys)
    assert (code, lines(out)) == (1, ["5 GET /pets", "8 GET /health"])


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "api.yaml cannot be read: No such file or directory"),
        ("a: ]", "api.yaml must be YAML: "),
        ("a: b", "api.yaml must be an OpenAPI 2.0 or 3 document"),
    ],
)
def test_a_missing_document_is_an_error_of_the_template(
    bench: Bench, capsys: Capture, content: str | None, told: str
) -> None:
    if content:
        bench.write("api.yaml", content)
    text = "Resources:\n  A:\n    Type: AWS::Serverless::Api\n"
    text += "    Properties:\n      DefinitionUri: ./api.yaml\n"
    code, _, err = run([bench.write("template.yaml", text)], capsys)
    assert code == 2
    assert err.startswith(f"error: template.yaml:5: {told}")


def test_characters_that_a_terminal_cannot_show_are_escaped(bench: Bench) -> None:
    body = {"openapi": "3.0.1", "info": {}, "paths": {"/\ud83d/é": {"get": {}}}}
    bench.write("api.json", body)
    found = command(["api.json"], bench.folder, PYTHONIOENCODING="ascii")
    assert found.returncode == 1
    assert "GET /\\ud83d/\\xe9 asks for no key" in found.stdout


def test_a_call_without_files_is_refused() -> None:
    assert app.main(["lint"]) == 2


def command(
    arguments: Sequence[str], folder: Path, **environment: str
) -> subprocess.CompletedProcess[str]:
    """`python -m keyward.lint` as people run it."""
    path = {"PYTHONPATH": str(tree.PACKAGE.parent), "PATH": os.environ["PATH"]}
    return subprocess.run(
        [sys.executable, "-m", "keyward.lint", *arguments],
        cwd=folder,
        env=path | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_module_runs_as_a_command(bench: Bench) -> None:
    found = command([bench.write("api.yaml", OPEN)], bench.folder)
    assert (found.returncode, found.stderr) == (1, "")
    assert lines(found.stdout) == ["5 GET /pets", "8 GET /health"]


def test_a_missing_package_is_named(bench: Bench) -> None:
    bench.write("path/yaml.py", "raise ModuleNotFoundError('no', name='yaml')")
    path = os.pathsep.join([str(bench.folder / "path"), str(tree.PACKAGE.parent)])
    found = command(["x.yaml"], bench.folder, PYTHONPATH=path)
    assert (found.returncode, found.stdout) == (2, "")
    assert "is not installed here" in found.stderr
    assert "PyYAML" in found.stderr
