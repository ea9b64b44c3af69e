"""Faults to order: what is to go wrong with the n-th call of an operation from now on."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from emulator.errors import CONCURRENT, ApiGatewayError, bad_request, conflict, too_many_requests
from emulator.service_model import is_operation

REFUSED = "connection_refused"
CONFLICT = "conflict"
BEFORE, AFTER, STALE = "timeout_before", "timeout_after", "stale_read"
KINDS = ("throttle", "500", "503", CONFLICT, BEFORE, AFTER, REFUSED, STALE)


@dataclass
class Order:
    """One fault to come: the `call`-th call of the operation, counting only those that have the
    text `about` in a parameter; an empty text is in every call."""

    operation: str
    call: int
    fault: str
    about: str
    matches: int = 0

    def meets(self, operation: str, params: dict[str, Any]) -> bool:
        """Count the call if the order is about it: whether this call is the one to fault."""
        if operation != self.operation or self.about not in json.dumps(params, default=str):
            return False
        self.matches += 1
        return self.matches == self.call


class Faults:
    """The ordered faults. Each order replaces the list and starts counting anew."""

    def __init__(self) -> None:
        self._ordered: list[Order] = []

    def order(self, wanted: Any) -> None:
        """Take a list of `{"operation", "call" (1 = the next), "fault", "about"?}`.

        Raises:
            ApiGatewayError: BadRequestException, when an entry has not that form.
        """
        if not isinstance(wanted, list):
            raise bad_request("faults: must be a list")
        self._ordered = [_order(item) for item in wanted]

    def due(self, operation: str, params: dict[str, Any]) -> str | None:
        """Count one call of the operation and name the fault that it meets, if any."""
        met = [order for order in self._ordered if order.meets(operation, params)]
        self._ordered = [order for order in self._ordered if order not in met]
        return met[-1].fault if met else None

    @property
    def stale_reads_ordered(self) -> bool:
        """Whether a stale read is still to come."""
        return any(order.fault == STALE for order in self._ordered)


def _order(item: Any) -> Order:
    form = isinstance(item, dict) and is_operation(item.get("operation"))
    if not form or item.get("fault") not in KINDS:
        raise bad_request(f"faults: must name an operation and a fault of {', '.join(KINDS)}")
    call, about = item.get("call", 1), item.get("about", "")
    if not isinstance(call, int) or isinstance(call, bool) or call < 1:
        raise bad_request("faults: call must be a whole number from 1")
    if not isinstance(about, str):
        raise bad_request("faults: about must be a text")
    return Order(item["operation"], call, item["fault"], about)


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
