"""Files to check, made by hand, and the command run on them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import pytest

from keyward.apis.rule import KeyRule
from keyward.cli import app
from keyward.lint.check import Checker
from keyward.lint.model import Findings
from keyward.policy.parse import default_text, parse
from keyward.values import JSON
from tests.lint.sam_lab import assert_read_as_sam_does, is_sam

NOW = 1_795_000_000.0


@dataclass
class Bench:
    """A folder of files, in which one works."""

    folder: Path

    def write(self, name: str, content: str | bytes | JSON) -> str:
        """A file by its name; text is dedented, a dict becomes JSON."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, dict):
            content = json.dumps(content, indent=2)
        if isinstance(content, str):
            content = dedent(content).lstrip("\n").encode()
        path.write_bytes(content)
        return name

    def findings(self, content: str | bytes | JSON, name: str = "file.yaml") -> Findings:
        """What the check finds in a file of that content."""
        return Checker().check([self.write(name, content)])

    def open(self, content: str | bytes | JSON, name: str = "file.yaml") -> list[str]:
        """What the default policy would leave open there: `LINE GET /path`."""
        checker = Checker()
        findings = checker.check([self.write(name, content)])
        assert findings.errors == []
        found = checker.open(default_rule)
        return [f"{one.line} {one.deployed.verb} {one.deployed.path}" for one in found]

    def remedies(self, content: str | JSON, name: str = "file.yaml") -> list[str]:
        """Where the remedy of each open method goes, and the remedy."""
        checker = Checker()
        checker.check([self.write(name, content)])
        found = checker.open(default_rule)
        return [f"{one.place}: {one.remedy}" for one in found]


def default_rule(api: str) -> KeyRule:
    """That of the default policy."""
    return KeyRule(parse(default_text()), api, api, NOW)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """In the end each SAM template in the folder was read as SAM's transform reads it."""
    monkeypatch.chdir(tmp_path)
    yield Bench(tmp_path)
    for path in filter(is_sam, tmp_path.rglob("*.*")):
        assert_read_as_sam_does(path)


def summary(findings: Findings) -> dict[str, tuple[bool, bool]]:
    """By "GET /path": whether the method asks for a key, and whether for authorization."""
    return {
        f"{one.deployed.verb} {one.deployed.path}": (
            one.deployed.key_required,
            one.deployed.authorization != "NONE",
        )
        for one in findings.methods
    }


def run(arguments: Iterable[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of the command."""
    code = app.main(["lint", *arguments])
    told = capsys.readouterr()
    return code, told.out, told.err
