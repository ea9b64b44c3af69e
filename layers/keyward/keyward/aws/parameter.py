"""The policy parameter in SSM: its newest version, or the newest good one when that is bad."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from keyward.aws.client import Client
from keyward.errors import PolicyRefusedError, ServiceUnavailableError
from keyward.policy.model import Policy
from keyward.policy.parse import parse

FRESH_SECONDS = 5
# SSM keeps the last 100 versions (Parameter Store, "Working with parameter versions").
MAX_VERSIONS = 100


@dataclass(frozen=True)
class Current:
    """The policy in force; `refused` says why a newer version is not, `version` which one that
    is."""

    policy: Policy
    version: int
    refused: str | None = None


class Policies:
    """Reads the parameter, at most once in 5 s, so that a change holds within 10 s."""

    def __init__(self, ssm: Any, name: str) -> None:
        self._ssm = Client(ssm)
        self._name = name
        self._read_at = float("-inf")
        self._current: Current | None = None

    def current(self, now: float) -> Current:
        """The policy in force at `now` (epoch seconds). Raises PolicyRefusedError when no version
        of the parameter is good, ServiceUnavailableError when SSM does not answer and no
        version was read before."""
        if self._current is None or now - self._read_at >= FRESH_SECONDS:
            try:
                self._current = self._read()
            except ServiceUnavailableError:
                # The account has 40 GetParameter a second (SSM quotas): the last good policy holds.
                if self._current is None:
                    raise
            self._read_at = now
        return self._current

    def _read(self) -> Current:
        newest = self._version(self._name)
        if self._current and self._current.version == newest["Version"]:
            return self._current
        try:
            return Current(parse(newest["Value"]), newest["Version"])
        except PolicyRefusedError as error:
            return Current(
                self._last_good(newest["Version"], str(error)), newest["Version"], str(error)
            )

    def _last_good(self, newest: int, why: str) -> Policy:
        for version in range(newest - 1, max(0, newest - MAX_VERSIONS), -1):
            try:
                return parse(self._version(f"{self._name}:{version}")["Value"])
            except PolicyRefusedError:
                continue
        raise PolicyRefusedError(f"{why}. No earlier version of {self._name} is good either")

    def _version(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self._ssm.get_parameter(Name=name)["Parameter"]
        return found
