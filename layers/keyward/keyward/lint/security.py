"""What a method asks for, by the names in its `security`.

aws-recorded.md 8: a plain `x-api-key` scheme means apiKeyRequired; the same scheme with an
authorizer means CUSTOM and no key; top-level security holds for every method without its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from keyward.apis.compare import AUTHORIZER, AUTHTYPE
from keyward.lint.positions import Map
from keyward.values import frozen

KEY, IAM, CUSTOM, OTHER = "key", "AWS_IAM", "CUSTOM", "other"

# The names that SAM itself puts into `security` (aws-sam-translator, swagger/swagger.py).
SAM_KEY, SAM_NO_KEY, SAM_NO_AUTHORIZER, SAM_IAM = "api_key", "api_key_false", "NONE", "AWS_IAM"

PLAIN_KEY = {"type": "apiKey", "name": "x-api-key", "in": "header"}


def kind(scheme: Map) -> str:
    """What a security scheme is to API Gateway: KEY, IAM, CUSTOM or OTHER."""
    if str(scheme.get(AUTHTYPE) or "").lower() == "awssigv4":
        return IAM
    if scheme.get(AUTHORIZER):
        return CUSTOM
    named = str(scheme.get("name") or "").lower() == PLAIN_KEY["name"]
    typed = scheme.get("type") == PLAIN_KEY["type"] and scheme.get("in") == PLAIN_KEY["in"]
    return KEY if typed and named and AUTHTYPE not in scheme else OTHER


def names(security: Any) -> list[str]:
    """The scheme names in a `security` list; what is no such list names none."""
    found = security if isinstance(security, list) else []
    return [name for item in found if isinstance(item, dict) for name in item]


def asks(wanted: Iterable[str], kinds: Mapping[str, str]) -> tuple[bool, str]:
    """Whether a key is asked for, and the authorization type; a method has one authorization, the
    first that is named, and a key besides."""
    found = [kinds.get(name, OTHER) for name in wanted]
    authorization = next((item for item in found if item in (IAM, CUSTOM)), "NONE")
    return KEY in found, authorization


@frozen
class ApiAuth:
    """`Auth` of an AWS::Serverless::Api, as SAM's transform applies it to each method: a method's
    own word wins, and only OPTIONS can be left out (AWS SAM developer guide, ApiAuth)."""

    key: bool = False
    key_on_preflight: bool = True
    authorizer: str = ""
    authorizer_on_preflight: bool = True
    authorizers: frozenset[str] = frozenset()

    def applied(self, verb: str, own: list[str]) -> list[str]:
        """The names in a method's `security` after the transform."""
        return self._with_key(verb, self._with_authorizer(verb, own))

    def _with_authorizer(self, verb: str, own: list[str]) -> list[str]:
        if not self.authorizer or (verb == "OPTIONS" and not self.authorizer_on_preflight):
            return own
        if SAM_NO_AUTHORIZER in own:
            return [name for name in own if name != SAM_NO_AUTHORIZER]
        if (self.authorizers | {SAM_IAM}) & set(own):
            return own
        return [*own, self.authorizer]

    def _with_key(self, verb: str, own: list[str]) -> list[str]:
        if not self.key:
            return own
        others = [name for name in own if name not in (SAM_KEY, SAM_NO_KEY)]
        refused = SAM_NO_KEY in own or (verb == "OPTIONS" and not self.key_on_preflight)
        return others if refused else [*others, SAM_KEY]
