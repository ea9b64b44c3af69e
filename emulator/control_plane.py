"""One HTTP request of the control plane: by whatever door it came, it is answered here."""

from __future__ import annotations

import json
import sys
import traceback

from emulator import doors, wire
from emulator.credentials import access_key_of
from emulator.emulator import Emulator
from emulator.errors import ApiGatewayError
from emulator.wire import Answer


def answer(
    emulator: Emulator, verb: str, target: str, headers: dict[str, str], body: bytes
) -> Answer:
    """The answer to one request; `target` is path and query, `headers` have lower-case names.

    Raises:
        NoAnswer: an ordered fault keeps the answer back.
    """
    if target.startswith(doors.PREFIX):
        return _door(emulator, verb, target, body)
    try:
        operation, params = wire.parse(verb, target, headers, body)
        caller = emulator.caller_of(access_key_of(headers.get("authorization"), target))
        return wire.serialize(operation, emulator.call(operation, params, caller))
    except ApiGatewayError as error:
        return wire.serialize_error(error)


def broken(problem: Exception) -> Answer:
    """The answer when the emulator itself failed. The trace goes to stderr without the exception's
    message, which might hold a key's value."""
    frames = "".join(traceback.format_tb(problem.__traceback__))
    print(f"{type(problem).__name__} in the emulator\n{frames}", file=sys.stderr)
    return wire.serialize_error(
        ApiGatewayError("InternalFailure", 500, f"emulator: {type(problem).__name__}")
    )


def _door(emulator: Emulator, verb: str, target: str, body: bytes) -> Answer:
    name = target.removeprefix(doors.PREFIX).partition("?")[0].strip("/")
    try:
        status, result = 200, doors.handle(emulator, verb, name, body)
    except ApiGatewayError as error:
        status, result = doors.refusal(error)
    return Answer(status, {"Content-Type": wire.JSON_TYPE}, json.dumps(result).encode() + b"\n")
