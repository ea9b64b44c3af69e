"""Plays a recording of `make live-check` again, and says what is answered otherwise.

A line is `{"operation", "params", "status", "day", "answer" | "error"}`; key values stand as
`<value 1>`, and every name begins with that of the run. Ids and times are not compared: an id
stands for the one that this account gave instead."""

from __future__ import annotations

import json
import re
from typing import Any

from botocore import xform_name
from botocore.exceptions import ClientError

from emulator.model import JSON
from emulator.tests.conformance.account import Account
from emulator.tests.conformance.answers import bare

RUN = re.compile(r"keyward-live-check-[0-9a-f]+")
VALUE = re.compile(r"<value \d+>")
MADE = {
    "CreateUsagePlan": "plan",
    "CreateApiKey": "key",
    "ImportApiKeys": "key",
    "ImportRestApi": "api",
    "CreateRestApi": "api",
}
IDS = ("id", "rootResourceId")


class Replay:
    """One recording against one account."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._instead: dict[str, str] = {}

    def differences(self, lines: list[JSON]) -> list[str]:
        """Make every call; what was answered otherwise."""
        found = []
        for number, line in enumerate(lines, 1):
            recorded = self._read(line)
            answer = self._call(recorded)
            expected = {name: recorded.get(name) for name in ("status", "error")}
            told = {name: answer.get(name) for name in ("status", "error")}
            if "answer" in answer and "answer" in recorded:
                self._learn(recorded["answer"], answer["answer"])
                expected["answer"] = _compared(self._read(line)["answer"])
                told["answer"] = _compared(answer["answer"])
            if expected != told:
                found.append(f"line {number}, {line['operation']}: {expected} became {told}")
        return found

    def _read(self, line: JSON) -> JSON:
        """The line in this account: its ids, names, values and day."""
        text = json.dumps(line)
        self._instead.setdefault(line["day"], self._account.today())
        for name in RUN.findall(text):
            self._instead.setdefault(name, self._account.name("replay"))
        for value in VALUE.findall(text):
            self._instead.setdefault(value, self._account.value())
        for recorded, here in self._instead.items():
            text = text.replace(recorded, here)
        return dict(json.loads(text))

    def _call(self, line: JSON) -> JSON:
        params = dict(line["params"])
        if isinstance(params.get("body"), str):
            params["body"] = params["body"].encode()
        try:
            answer = getattr(self._account.gw, xform_name(line["operation"]))(**params)
        except ClientError as error:
            response = error.response
            status = response["ResponseMetadata"]["HTTPStatusCode"]
            return {"status": status, "error": response["Error"]["Code"]}
        kind = MADE.get(line["operation"])
        for made in answer.get("ids", [answer.get("id")]) if kind else []:
            self._account.keep(str(kind), made)
        return {"status": answer["ResponseMetadata"]["HTTPStatusCode"], "answer": bare(answer)}

    def _learn(self, recorded: Any, here: Any) -> None:
        for name in IDS:
            if name in recorded and name in here:
                self._instead.setdefault(recorded[name], here[name])
        for one, other in zip(recorded.get("ids", []), here.get("ids", []), strict=False):
            self._instead.setdefault(one, other)
        items = (_in_order(answer.get("items") or []) for answer in (recorded, here))
        for one, other in zip(*items, strict=False):
            if isinstance(one, dict) and isinstance(other, dict):
                self._learn(one, other)


def _in_order(items: Any) -> list[Any]:
    """Resources by their paths, as they come by their ids; all else as it came."""
    is_resources = all(isinstance(item, dict) and "path" in item for item in items)
    return sorted(items, key=lambda item: str(item["path"])) if is_resources else list(items)


def _compared(value: Any, name: str = "") -> Any:
    """An answer without times and values of keys."""
    if isinstance(value, dict):
        return {key: _compared(item, key) for key, item in value.items()}
    if isinstance(value, list):
        return [_compared(item) for item in _in_order(value)]
    return "…" if name == "value" or name.endswith("dDate") else value
