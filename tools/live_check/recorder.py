"""Writes what API Gateway answered, a line of JSON a call, for the emulator's conformance cases.

A line has `operation`, `params`, `status`, `day`, and `error` (a code) or `answer`. Key values are
replaced by their number; emulator/tests/conformance/replay.py reads the file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import local
from typing import Any

from keyward.values import JSON


class Recorder:
    """Listens to a client's calls."""

    def __init__(self, file: Path) -> None:
        self._file, self._params = file, local()
        self._values: dict[str, str] = {}

    @contextmanager
    def listening(self, client: Any) -> Iterator[None]:
        """Write the calls that are made in the block."""
        events = client.meta.events
        hooks = (
            ("provide-client-params.apigateway", self._before),
            ("after-call.apigateway", self._after),
        )
        for event, hook in hooks:
            events.register(event, hook)
        try:
            yield
        finally:
            for event, hook in hooks:
                events.unregister(event, hook)

    def _before(self, params: JSON, **_: Any) -> None:
        self._params.asked = params

    def _after(self, model: Any, http_response: Any, parsed: JSON, **_: Any) -> None:
        status = http_response.status_code
        line: JSON = {"operation": model.name, "params": plain(self._params.asked)}
        line |= {"status": status, "day": datetime.now(UTC).date().isoformat()}
        if status >= 300:
            line["error"] = parsed["Error"]["Code"]
        else:
            line["answer"] = plain(
                {name: value for name, value in parsed.items() if name != "ResponseMetadata"}
            )
        self._note_values(line)
        text = json.dumps(self._hidden(line), sort_keys=True)
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._file.open("a", encoding="utf-8") as lines:
            lines.write(text + "\n")

    def _hidden(self, node: Any) -> Any:
        """The same without values. Texts are looked at before JSON writes them, as it writes some
        signs of a value otherwise."""
        if isinstance(node, dict):
            return {name: self._hidden(item) for name, item in node.items()}
        if isinstance(node, list):
            return [self._hidden(item) for item in node]
        if isinstance(node, str):
            for value, number in self._values.items():
                node = node.replace(value, number)
        return node

    def _note_values(self, line: JSON) -> None:
        """Values of keys: made by API Gateway, or given in the rows of an import."""
        found = [str(line.get(part, {}).get("value", "")) for part in ("answer", "params")]
        if line["operation"] == "ImportApiKeys":
            found += re.findall(r",([0-9a-f]{40}),", line["params"]["body"])
        for value in found:
            if value and "Key" in line["operation"]:
                self._values.setdefault(value, f"<value {len(self._values) + 1}>")


def plain(value: Any) -> Any:
    """As JSON can say it: bytes are text, times ISO 8601."""
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, bytes):
        return value.decode()
    return value.isoformat() if isinstance(value, datetime) else value
