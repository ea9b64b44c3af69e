"""The emulator's test doors: what people and tests order and read beside the API."""

from __future__ import annotations

import json
from typing import Any

from emulator.emulator import Emulator
from emulator.errors import ApiGatewayError, bad_request, not_found

PREFIX = "/_emulator/"


def handle(emulator: Emulator, verb: str, name: str, body: bytes) -> Any:
    """What the door answers, as JSON.

        GET calls, POST reset, POST quotas {"enforce": bool}, POST propagation {"seconds": number},
        POST faults [{"operation", "call", "fault", "about"?}, …]

    Raises:
        ApiGatewayError: no such door, or a malformed order.
    """
    if (verb, name) == ("GET", "calls"):
        return emulator.calls()
    if verb != "POST":
        raise not_found(f"no door {verb} {name}")
    if name == "reset":
        emulator.reset()
    elif name == "quotas":
        emulator.enforce_quotas(_member(body, "enforce", bool))
    elif name == "propagation":
        _set_propagation(emulator, _member(body, "seconds", (int, float)))
    elif name == "faults":
        emulator.order_faults(_read(body))
    else:
        raise not_found(f"no door {verb} {name}")
    return {}


def _set_propagation(emulator: Emulator, seconds: float) -> None:
    try:
        emulator.set_propagation(seconds)
    except ValueError as error:
        raise bad_request(str(error)) from error


def _read(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError as error:
        raise bad_request("body: must be JSON") from error


def _member(body: bytes, name: str, kind: Any) -> Any:
    order = _read(body)
    value = order.get(name) if isinstance(order, dict) else None
    if not isinstance(value, kind) or (kind is not bool and isinstance(value, bool)):
        raise bad_request(f"{name}: must be {'true or false' if kind is bool else 'a number'}")
    return value


def refusal(error: ApiGatewayError) -> tuple[int, Any]:
    """Status and body of a refused order."""
    return error.status, {"message": error.message}
