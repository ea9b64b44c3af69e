"""The account's quotas on control-plane calls, as token buckets on the emulator's clock."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from emulator.clock import Clock
from emulator.errors import too_many_requests
from emulator.model import JSON

# api-gateway.md 1: (calls a second, burst); an operation's own quota of n in t seconds is a
# bucket of n that fills again at n/t
TOTAL = (10.0, 40)
OWN: dict[str, tuple[float, int]] = {
    "CreateApiKey": (5.0, 5),
    "DeleteApiKey": (5.0, 5),
    "CreateDeployment": (1 / 5, 1),
    "UpdateUsagePlan": (1 / 20, 1),
    "GetResources": (5 / 2, 5),
    "PutRestApi": (1.0, 1),
    "ImportRestApi": (1 / 3, 1),
    "CreateResource": (5.0, 5),
    "DeleteResource": (5.0, 5),
    "DeleteRestApi": (1 / 30, 1),
    "UpdateAccount": (1 / 20, 1),
}
CREATE_EDGE, CREATE_REGIONAL = (1 / 30, 1), (1 / 3, 1)


@dataclass
class _Bucket:
    rate: float
    tokens: float
    burst: int
    filled: float

    def fill(self, now: float) -> None:
        self.tokens = min(self.burst, self.tokens + (now - self.filled) * self.rate)
        self.filled = now


class Quotas:
    """Refuses calls above the quotas while `enforce` is on. A refused call takes no token."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._buckets: dict[str, _Bucket] = {}
        self._enforce = False

    @property
    def enforced(self) -> bool:
        """Whether calls above the quotas are refused."""
        return self._enforce

    def enforce(self, on: bool) -> None:
        """Switch the quotas on or off; the buckets start full."""
        self._enforce = on
        self._buckets.clear()

    @contextmanager
    def lifted(self) -> Iterator[None]:
        """Calls in here take no token and are never refused: what a simulation sets up."""
        enforced, self._enforce = self._enforce, False
        try:
            yield
        finally:
            self._enforce = enforced

    def check(self, operation: str, params: JSON) -> None:
        """Take a call into account.

        Raises:
            ApiGatewayError: TooManyRequestsException, when a bucket is empty.
        """
        if not self._enforce:
            return
        buckets = [self._bucket("total", TOTAL)]
        own = _own(operation, params)
        if own:
            buckets.append(self._bucket(*own))
        # a hair below one token counts as one: k/rate seconds have to give k calls in floats too
        if any(bucket.tokens < 1 - 1e-9 for bucket in buckets):
            raise too_many_requests()
        for bucket in buckets:
            bucket.tokens -= 1

    def _bucket(self, name: str, quota: tuple[float, int]) -> _Bucket:
        now = self._clock.now()
        bucket = self._buckets.setdefault(name, _Bucket(quota[0], quota[1], quota[1], now))
        bucket.fill(now)
        return bucket


def _own(operation: str, params: JSON) -> tuple[str, tuple[float, int]] | None:
    if operation == "CreateRestApi":
        types = (params.get("endpointConfiguration") or {}).get("types") or ["EDGE"]
        quota = CREATE_EDGE if "EDGE" in types else CREATE_REGIONAL
        return f"{operation} {quota[0]}", quota
    return (operation, OWN[operation]) if operation in OWN else None
