"""The account's settings (botocore model: Account)."""

from __future__ import annotations

from emulator.context import Context, Handler
from emulator.copies import copy_of
from emulator.model import JSON
from emulator.operations.patching import Patch, listed_path_error, patches

DEFAULTS: JSON = {
    "throttleSettings": {"burstLimit": 5000, "rateLimit": 10000.0},
    "features": ["UsagePlans"],
    "apiKeyVersion": "4",
}
PATHS = {
    "replace": ("/cloudwatchRoleArn",),
    "add": ("/features",),
    "remove": ("/cloudwatchRoleArn", "/features"),
}


def get_account(context: Context, params: JSON) -> JSON:
    """GetAccount."""
    return copy_of(DEFAULTS | context.state.account)


def update_account(context: Context, params: JSON) -> JSON:
    """UpdateAccount: the role for logs, and features."""
    changed = get_account(context, params)
    for patch in patches(params):
        if patch.path not in PATHS.get(patch.op, ()):
            raise listed_path_error(patch, PATHS)
        _apply(changed, patch)
    context.state.account = changed
    return copy_of(changed)


def _apply(account: JSON, patch: Patch) -> None:
    if patch.path == "/features":
        remaining = [item for item in account["features"] if item != patch.text]
        account["features"] = remaining + ([patch.text] if patch.op == "add" else [])
    else:
        account.pop("cloudwatchRoleArn", None)
        if patch.op == "replace" and patch.text:
            account["cloudwatchRoleArn"] = patch.text


HANDLERS: dict[str, Handler] = {"GetAccount": get_account, "UpdateAccount": update_account}
