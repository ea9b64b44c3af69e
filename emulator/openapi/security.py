"""Who may call an imported method: `security`, its schemes, and the older x-amazon-apigateway-auth.

Recorded (aws-recorded.md 8): a plain `x-api-key` scheme means apiKeyRequired; the same scheme with
an authorizer means CUSTOM and no key; global security holds for every method without its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from emulator.model import JSON
from emulator.openapi.document import (
    EXTENSION,
    Document,
    Operation,
    mapping,
    sequence,
    text,
    texts,
    whole,
)

AUTHTYPE, AUTHORIZER = f"{EXTENSION}authtype", f"{EXTENSION}authorizer"
KINDS = {"token": "TOKEN", "request": "REQUEST", "cognito_user_pools": "COGNITO_USER_POOLS"}
_TEXTS = ("authorizerUri", "authorizerCredentials", "identityValidationExpression")


def authorizers(
    document: Document, existing: dict[str, JSON], new_id: Callable[[], str]
) -> dict[str, JSON]:
    """The document's authorizers by id; one of a known name keeps its id."""
    ids = {item["name"]: item["id"] for item in existing.values()}
    made: dict[str, JSON] = {}
    for name, item in document.security_schemes.items():
        scheme = document.resolve(item)
        wanted = mapping(scheme.get(AUTHORIZER))
        kind = KINDS.get(text(wanted.get("type") or "token").lower())
        if wanted and kind:
            one = _authorizer(name, scheme, wanted, kind)
            one["id"] = ids.get(name) or new_id()
            made[one["id"]] = one
    return made


def _authorizer(name: str, scheme: JSON, wanted: JSON, kind: str) -> JSON:
    cognito = kind == "COGNITO_USER_POOLS"
    default = "cognito_user_pools" if cognito else "custom"
    made: JSON = {"name": name, "type": kind, "authType": text(scheme.get(AUTHTYPE) or default)}
    for key in _TEXTS:
        if wanted.get(key) is not None:
            made[key] = text(wanted[key])
    if wanted.get("providerARNs"):
        made["providerARNs"] = texts(wanted["providerARNs"])
    source = wanted.get("identitySource")
    if source is None and kind != "REQUEST" and scheme.get("name"):
        source = f"method.request.header.{text(scheme['name'])}"
    if source is not None:
        made["identitySource"] = text(source)
    # As of CreateAuthorizer: 300 s by default, none for a user pool.
    ttl = wanted.get("authorizerResultTtlInSeconds", None if cognito else 300)
    if ttl is not None:
        made["authorizerResultTtlInSeconds"] = whole(ttl)
    return made


def protect(made: JSON, operation: Operation, document: Document, ids: dict[str, str]) -> None:
    """Sets the method's authorization and apiKeyRequired. `ids` are authorizer ids by scheme."""
    required = operation.body.get("security", document.raw.get("security"))
    for requirement in sequence(required):
        for name, scopes in mapping(requirement).items():
            scheme = document.resolve(document.security_schemes.get(name))
            _require(made, scheme, scopes, ids.get(name))
    old = mapping(operation.body.get(f"{EXTENSION}auth"))
    kind = text(old.get("type") or "").upper()
    if kind in ("NONE", "AWS_IAM") and made["authorizationType"] == "NONE":
        made["authorizationType"] = kind


def _require(made: JSON, scheme: JSON, scopes: Any, authorizer_id: str | None) -> None:
    """A method has one authorization, the first that is named, and a key besides."""
    if authorizer_id is not None:
        if made["authorizationType"] == "NONE":
            made["authorizationType"] = _authorization_type(scheme)
            made["authorizerId"] = authorizer_id
            if scopes and isinstance(scopes, list):
                made["authorizationScopes"] = texts(scopes)
    elif text(scheme.get(AUTHTYPE) or "").lower() == "awssigv4":
        if made["authorizationType"] == "NONE":
            made["authorizationType"] = "AWS_IAM"
    elif _is_key(scheme):
        made["apiKeyRequired"] = True


def _authorization_type(scheme: JSON) -> str:
    kind = text(mapping(scheme.get(AUTHORIZER)).get("type") or "").lower()
    return "COGNITO_USER_POOLS" if kind == "cognito_user_pools" else "CUSTOM"


def _is_key(scheme: JSON) -> bool:
    """Whether the scheme is a plain API key in the header x-api-key."""
    return (
        scheme.get("type") == "apiKey"
        and AUTHTYPE not in scheme
        and text(scheme.get("name") or "").lower() == "x-api-key"
    )
