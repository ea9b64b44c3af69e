"""The findings as SARIF 2.1.0, which GitHub's code scanning shows beside the lines. Pure."""

from __future__ import annotations

from pathlib import PurePath

import keyward
from keyward.lint.model import Findings, Method
from keyward.values import JSON

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
OPEN, UNREAD = "open-method", "unreadable-file"
RULES = {
    OPEN: "A method asks for no API key",
    UNREAD: "A file could not be checked",
}


def sarif(findings: Findings, found: list[Method]) -> JSON:
    """One run: open methods and files that could not be read are results."""
    results = [
        _result(OPEN, method.file, method.line, str(method).partition(": ")[2]) for method in found
    ]
    results += [_result(UNREAD, one.file, one.line, one.text) for one in findings.errors]
    rules = [{"id": name, "shortDescription": {"text": text}} for name, text in RULES.items()]
    driver = {"name": "keyward lint", "version": keyward.__version__, "rules": rules}
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": results}],
    }


def _result(rule: str, file: str, line: int, text: str) -> JSON:
    place: JSON = {"artifactLocation": {"uri": PurePath(file).as_posix()}}
    place |= {"region": {"startLine": line}} if line else {}
    where = [{"physicalLocation": place}]
    return {"ruleId": rule, "level": "error", "message": {"text": text}, "locations": where}
