"""Faults to order: what is to go wrong with the n-th call of an operation from now on."""

from __future__ import annotations

from collections import Counter
from typing import Any

from local.apigateway.errors import (
    CONCURRENT,
    ApiGatewayError,
    bad_request,
    conflict,
    too_many_requests,
)
from local.apigateway.service_model import is_operation

REFUSED = "connection_refused"
CONFLICT = "conflict"
BEFORE, AFTER, STALE = "timeout_before", "timeout_after", "stale_read"
KINDS = ("throttle", "500", "503", CONFLICT, BEFORE, AFTER, REFUSED, STALE)


class Faults:
    """The ordered faults. Each order replaces the list and starts counting anew."""

    def __init__(self) -> None:
        self._ordered: dict[tuple[str, int], str] = {}
        self._seen: Counter[str] = Counter()

    def order(self, wanted: Any) -> None:
        """Take a list of `{"operation", "call" (1 = the next), "fault"}`.

        Raises:
            ApiGatewayError: BadRequestException, when an entry has not that form.
        """
        if not isinstance(wanted, list):
            raise bad_request("faults: a list is wanted")
        self._ordered = {_key(item): item["fault"] for item in wanted}
        self._seen.clear()

    def due(self, operation: str) -> str | None:
        """Count one call of the operation and name the fault that it meets, if any."""
        self._seen[operation] += 1
        return self._ordered.pop((operation, self._seen[operation]), None)

    @property
    def stale_reads_ordered(self) -> bool:
        """Whether a stale read is still to come."""
        return STALE in self._ordered.values()


def _key(item: Any) -> tuple[str, int]:
    form = isinstance(item, dict) and is_operation(item.get("operation"))
    if not form or item.get("fault") not in KINDS:
        raise bad_request(f"faults: operation and fault are wanted, one of {', '.join(KINDS)}")
    call = item.get("call", 1)
    if not isinstance(call, int) or isinstance(call, bool) or call < 1:
        raise bad_request("faults: call is a whole number from 1")
    return item["operation"], call


def answer(fault: str | None) -> ApiGatewayError | None:
    """The error answer of a fault that is one."""
    if fault == "throttle":
        return too_many_requests()
    if fault == CONFLICT:
        return conflict(CONCURRENT)
    if fault == "500":
        return ApiGatewayError("InternalFailure", 500, "Internal server error")
    if fault == "503":
        # botocore model: ServiceUnavailableException
        return ApiGatewayError("ServiceUnavailableException", 503, "Service Unavailable")
    return None
