"""What probes need: a canary customer with a key, and clients that the emulator answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest

from emulator import data_plane
from keyward.aws.probe import StageClient, Status
from keyward.customers.key import CREATED, KeyRecord
from tests.machines.api_lab import Lab

CANARY = "canary"
Answers = Callable[[str | None], Status]


def canary(lab: Lab, plan: str = "free") -> str:
    """The canary customer gets a key in a plan; the key's id."""
    key_id = lab.key_in(plan)
    lab.bench.save_key(KeyRecord(CANARY, 1, CREATED, key_id=key_id, plans=(plan,)))
    return key_id


def probed(lab: Lab, **more: Any) -> None:
    """A policy that probes GET /pets of every API."""
    lab.policy(probes=[{"api": "*", "path": "/pets", "customer": CANARY}], **more)


def answered(lab: Lab, patch: pytest.MonkeyPatch) -> list[tuple[str, bool]]:
    """Clients are answered by the emulator; what they ask: URL, and whether with a key."""
    asked: list[tuple[str, bool]] = []

    def status(self: StageClient, url: str, key: str | None = None) -> int:
        asked.append((url, key is not None))
        _, api_id, stage, *path = urlsplit(url).path.split("/")
        headers = {"x-api-key": key} if key else {}
        where = (api_id, stage, "/" + "/".join(path), "")
        answer = data_plane.handle(lab.bench.emulator, "GET", *where, headers, b"")
        return int(answer[0])

    patch.setattr(StageClient, "status", status)
    return asked


def answering(patch: pytest.MonkeyPatch, answer: Answers) -> None:
    """Clients are answered as a test wants it; `answer` gets the key or None."""
    patch.setattr(StageClient, "status", lambda self, url, key=None: answer(key))
