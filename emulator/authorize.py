"""Who may call a method: AWS_IAM, Lambda authorizers, Cognito.

No function runs and no signature is computed here. AWS_IAM takes any request that carries a
Signature Version 4; a Lambda authorizer is played by a stand-in, which goes by the identity source
like the sample function of AWS's developer guide: `deny` denies, `unauthorized` is a 401, all else
is allowed, and `allow VALUE` makes VALUE the `usageIdentifierKey`. The stand-in always answers the
same to the same identity, so a cache would not be seen.
"""

from __future__ import annotations

import re
from typing import NoReturn

from emulator.model import JSON, Snapshot
from emulator.refusals import BAD_AUTHORIZER, DENIED, NO_ROUTE, UNAUTHORIZED, Refused
from emulator.request import Request

_ALLOW = re.compile(r"(?:Bearer )?allow (\S+)")


def authorize(request: Request, method: JSON, snapshot: Snapshot) -> None:
    """Lets the request through, with what the authorizer said in `request.authorizer`.

    Raises:
        Refused: 401 or 403, or a 500 when the method's authorizer is gone.
    """
    kind = method.get("authorizationType", "NONE")
    if kind == "AWS_IAM":
        _signed(request)
    elif kind in ("CUSTOM", "COGNITO_USER_POOLS"):
        authorizer = snapshot.authorizers.get(method.get("authorizerId", ""))
        if authorizer is None:
            raise Refused(BAD_AUTHORIZER)
        _decide(request, _identity(request, authorizer), cognito=kind != "CUSTOM")


def _signed(request: Request) -> None:
    header = request.header("authorization") or ""
    if not header.startswith("AWS4-HMAC-SHA256") and (
        "X-Amz-Signature" not in request.query_parameters
    ):
        raise Refused(NO_ROUTE)


def _identity(request: Request, authorizer: JSON) -> str:
    """The first identity source; a missing one is a 401 without asking (aws-recorded.md 9)."""
    sources = authorizer.get("identitySource") or ""
    if not sources and authorizer.get("type") == "REQUEST":
        return ""
    names = [name.strip() for name in (sources or _DEFAULT_SOURCE).split(",")]
    values = [request.value_of(name) for name in names]
    if not all(values):
        raise Refused(UNAUTHORIZED)
    wanted = authorizer.get("identityValidationExpression")
    if wanted and not re.fullmatch(wanted, str(values[0])):
        raise Refused(UNAUTHORIZED)
    return str(values[0])


_DEFAULT_SOURCE = "method.request.header.Authorization"


def _decide(request: Request, token: str, *, cognito: bool) -> None:
    word = token.removeprefix("Bearer ")
    if word in ("deny", "unauthorized"):
        _refuse(word, cognito=cognito)
    request.authorizer = {"principalId": "user"}
    allowed = _ALLOW.fullmatch(token)
    if allowed and not cognito:
        request.authorizer["usageIdentifierKey"] = allowed[1]


def _refuse(word: str, *, cognito: bool) -> NoReturn:
    raise Refused(UNAUTHORIZED if cognito or word == "unauthorized" else DENIED)
