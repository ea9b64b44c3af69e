"""The list of calls that the emulator took: who, what, when, with which outcome, and no values."""

from __future__ import annotations

from typing import Any

from emulator.copies import copy_of
from emulator.model import JSON

# members that are, or may hold, a key's value: a position of GetApiKeys does (aws-recorded.md 1),
# and TestInvokeMethod takes headers
SECRET_MEMBERS = frozenset(
    {"value", "body", "position", "headers", "multiValueHeaders", "pathWithQueryString"}
)
NEVER_ANSWERED = 0


def without_values(params: JSON) -> JSON:
    """Copy a call's parameters without what may hold a key's value."""
    harmless = {name: item for name, item in params.items() if name not in SECRET_MEMBERS}
    copied = copy_of(harmless)
    if "patchOperations" in copied:
        copied["patchOperations"] = [_patch(item) for item in copied["patchOperations"]]
    return copied


def _patch(operation: Any) -> Any:
    if isinstance(operation, dict) and "value" in str(operation.get("path", "")).lower():
        return {name: item for name, item in operation.items() if name != "value"}
    return operation


def entry(at: float, operation: str, params: JSON, caller: str | None) -> JSON:
    """Make the ledger line of a call that comes in; its outcome is filled in later."""
    return {
        "at": at,
        "operation": operation,
        "status": NEVER_ANSWERED,
        "error": None,
        "caller": caller,
        "params": without_values(params),
    }
