"""Who a caller is: functions are their roles, everybody else owns the one account.

With `AUTH=true` ministack checks the identity policies of the functions' roles, which is what we
want, but also refuses every access key that it did not hand out. On this machine a person (or a
test) may call with any credentials, as with any local AWS; a 12-digit access key does not open
another account.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ministack import app
from ministack.core import iam_evaluator
from ministack.services import iam, sts

from local.shims import seam


def is_handed_out(access_key: str) -> bool:
    """Whether the access key is a session's (each function has one) or an IAM user's."""
    return access_key in sts._sessions or any(
        stored == access_key for _account, stored in iam._access_keys.to_dict()
    )


def _owner_is_anybody(_is_root: Callable[[str], bool]) -> Callable[[str], bool]:
    return lambda access_key: not is_handed_out(access_key)


def _owner_signs_anyhow(authenticate: Callable[..., Any]) -> Callable[..., Any]:
    def check(access_key: str, account_id: str) -> Any:
        return authenticate(access_key, account_id) if is_handed_out(access_key) else None

    return check


def _owner_for(_resolve: Callable[..., Any]) -> Callable[..., Any]:
    def resolve(access_key: str, account_id: str | None = None, *token: Any) -> Any:
        if is_handed_out(access_key):
            return _resolve(access_key, account_id, *token)
        # "test" is the key of the owner for which ministack asks no questions
        return _resolve("test", account_id)

    return resolve


def _one_account(_scope: Callable[[str], str]) -> Callable[[str], str]:
    return lambda access_key: _scope(access_key) if is_handed_out(access_key) else ""


def install() -> None:
    """Mend how ministack tells callers apart."""
    evaluator = iam_evaluator
    seam.replace(evaluator, "is_root_access_key", "e6ae3b63335593c0", _owner_is_anybody)
    seam.replace(evaluator, "authenticate", "42c3660c401bdfa7", _owner_signs_anyhow)
    seam.replace(evaluator, "resolve_credential", "32276bd395ef6a6a", _owner_for)
    seam.replace(app, "_request_account_scope", "791ff7af1932ead8", _one_account)
    # the containers of somebody else's ministack on this machine are none of our business
    seam.replace(app, "_docker_socket_present", "3aab5a690b7c3ff9", lambda _found: lambda: False)
