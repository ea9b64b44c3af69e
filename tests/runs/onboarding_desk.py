"""A file of new customers whose steps are taken one by one, on tables in this process."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from keyward.aws.onboarding_files import OnboardingFiles, Upload
from keyward.aws.tables.ledger import line_of
from keyward.customers.key import CREATED, KeyRecord
from keyward.errors import InvalidInputError
from keyward.runs.ledger import FAILED
from keyward.runs.onboarding import Onboarding
from keyward.values import JSON
from tests.support import Bench

KEY = "onboarding/may.csv"
TWO = "customer_id,plan\nacme,free\nbeta,pro\n"


class Files(OnboardingFiles):
    """The bucket's files, kept here."""

    def __init__(self) -> None:
        super().__init__(None, "no-bucket")
        self.upload: Upload | InvalidInputError | None = None
        self.saved: list[JSON] = []

    def load(self, key: str) -> Upload | None:
        assert key == KEY
        if isinstance(self.upload, InvalidInputError):
            raise self.upload
        return self.upload

    def result(self, key: str) -> JSON:
        assert key == KEY
        return copy.deepcopy(self.saved[-1]) if self.saved else {}

    def save_result(self, key: str, result: JSON) -> None:
        assert key == KEY
        self.saved.append(copy.deepcopy(result))


@dataclass
class Desk:
    """A file, and the steps that work it off. `left` are the seconds that a function still has, at
    each question; `ask` is called at each."""

    bench: Bench
    files: Files = field(default_factory=Files)
    left: float = 900
    ask: Callable[[], object] = lambda: None

    def put(self, text: str, version: str = "v1") -> None:
        self.files.upload = Upload(version, int(self.bench.clock.now()), text.encode())

    def step(self) -> tuple[JSON, int | None]:
        return Onboarding(self.bench.context(), self.files, self._time_left).step(KEY)

    def _time_left(self) -> float:
        self.ask()
        return self.left

    def begin(self, text: str = TWO) -> JSON:
        """Put a file and record its rows."""
        self.put(text)
        result, wait = self.step()
        assert wait == 5
        return result

    def record(self, name: str) -> JSON | None:
        return self.bench.registry.customers.desired(name)

    def key(self, name: str, *plans: str, number: int = 1, **more: Any) -> None:
        self.bench.save_key(KeyRecord(name, number, CREATED, key_id="k1", plans=plans, **more))

    def fail(
        self, name: str, reason: str | None, *, after: float = 0, action: str = FAILED
    ) -> None:
        at = self.bench.clock.now() + after
        members = {"action": action} | ({"reason": reason} if reason else {})
        self.bench.registry.ledger.append([line_of(f"customer#{name}", at, "arn:run", members)])


def figures(result: JSON) -> tuple[int, ...]:
    names = ("rows", "read", "recorded", "unchanged", "issued", "failed", "pending", "looks")
    return tuple(result[name] for name in names)
