"""Compare the working copy with what a stage serves: a deployment publishes the difference. Pure.

A deployment takes the whole working copy, so that must be what the stage serves, but for the keys
that Keyward requires. The stage's side comes from its apisummary (methods, authorization) and its
export (integrations), the working copy's from GetResources. Both are brought to one form.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from keyward.apis.model import DeployedMethod, Difference, Place, StageSnapshot, WorkingMethod
from keyward.apis.rule import KeyRule
from keyward.values import JSON

# What the export and GetResources do not tell in comparable words; ApiHeld says so.
NOT_COMPARED = (
    "models and request validation",
    "method request and response declarations",
    "gateway responses",
    "the settings of authorizers",
    "cache namespaces",
    "the resource policy and other settings of the API",
)
ANY_METHOD = "x-amazon-apigateway-any-method"
INTEGRATION = "x-amazon-apigateway-integration"
AUTHORIZER = "x-amazon-apigateway-authorizer"
AUTHTYPE = "x-amazon-apigateway-authtype"
IAM_AUTHTYPE = "awsSigv4"
NO_AUTHORIZERS: Mapping[str, str] = {}
VERBS = {
    verb.lower(): verb for verb in ("GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS", "HEAD")
} | {ANY_METHOD: "ANY"}

# Defaults that one side states and the other leaves out (x-amazon-apigateway-integration in the
# developer guide; aws-recorded.md 6 for responseTransferMode).
DEFAULTS: JSON = {
    "passthroughBehavior": "WHEN_NO_MATCH",
    "timeoutInMillis": 29000,
    "connectionType": "INTERNET",
    "responseTransferMode": "BUFFERED",
}
ENUMS = ("type", "passthroughBehavior", "contentHandling", "connectionType", "responseTransferMode")
ELSEWHERE = ("responses", "integrationResponses", "cacheNamespace")
# An empty template is written in three ways; the last is what exports have (console's PetStore).
EMPTY_TEMPLATES = (None, "", "__passthrough__")


def fingerprint(stage: StageSnapshot, working: Iterable[WorkingMethod], rule: KeyRule) -> str:
    """Name one publication in 16 hex digits: this working copy on this stage, in place of what the
    stage serves now. Keys that Keyward requires do not change it."""
    canary = stage.canary.deployment_id if stage.canary else None
    methods = [
        [method.path, method.verb, _whole(method, rule)]
        for method in sorted(working, key=lambda method: method.place)
    ]
    return digest([rule.rest_api_id, stage.name, stage.deployment_id, canary, methods])


def digest(body: object) -> str:
    """The first 16 hex digits of the SHA-256 of a JSON value in canonical form."""
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def compare(
    export: Mapping[str, Any],
    deployed: Iterable[DeployedMethod],
    working: Iterable[WorkingMethod],
    rule: KeyRule,
    authorizers: Mapping[str, str] = NO_AUTHORIZERS,
) -> tuple[Difference, ...]:
    """List all differences, by path and verb. `export` is the stage's OpenAPI 3 export, extensions
    included. `authorizers` are the API's authorizers by id: the export has their names (each is a
    security scheme), the working copy their ids."""
    live = {method.place: method for method in deployed}
    copy = {method.place: method for method in working}
    operations = _operations(export)
    schemes = (export.get("components") or {}).get("securitySchemes") or {}
    found: list[Difference] = []
    for place in sorted({**live, **copy}):
        was, will, operation = live.get(place), copy.get(place), operations.get(place)
        words = _method(was, will, operation, rule)
        if was and will and operation and was.authorization == will.authorization:
            words += _authorizer(will, _deployed_authorizers(schemes, operation), authorizers)
        found += [_difference(place, text) for text in words]
    return tuple(found)


def _difference(place: Place, words: str) -> Difference:
    path, verb = place
    return Difference(words, method=verb, path=path)


def _method(
    live: DeployedMethod | None, copy: WorkingMethod | None, operation: JSON | None, rule: KeyRule
) -> list[str]:
    if copy is None:
        return ["is deployed, and gone from the working copy"]
    if live is None:
        return ["is in the working copy, and not deployed"]
    words = []
    if live.authorization != copy.authorization:
        words.append(f"authorization is {live.authorization}, would be {copy.authorization}")
    # A key that the rule requires is what Keyward itself is going to publish.
    if live.key_required != copy.key_required and not rule.requires(copy):
        words.append(
            f"asks for a key: {_yes(live.key_required)}, would be {_yes(copy.key_required)}"
        )
    if operation is None:
        return [*words, "its integration as deployed is not in the export"]
    if _scopes(operation) != sorted(copy.body.get("authorizationScopes") or []):
        words.append("authorization scopes differ")
    fields = _differing(
        from_export(operation.get(INTEGRATION) or {}),
        from_resources(copy.body.get("methodIntegration") or {}),
    )
    return [*words, f"integration differs in {', '.join(fields)}"] if fields else words


def _yes(answer: bool) -> str:
    return "yes" if answer else "no"


def _differing(one: JSON, other: JSON) -> list[str]:
    """Names of fields only: what is in them may be nobody's business."""
    return sorted(name for name in {**one, **other} if one.get(name) != other.get(name))


def from_export(integration: Mapping[str, Any]) -> JSON:
    """The comparable form of an `x-amazon-apigateway-integration`; its responses go by pattern."""
    responses = {
        pattern: _response(body) for pattern, body in (integration.get("responses") or {}).items()
    }
    return _integration(integration, responses)


def from_resources(integration: Mapping[str, Any]) -> JSON:
    """The comparable form of a `methodIntegration`; its responses go by status, the one without a
    pattern is the default."""
    responses = {}
    for status, body in sorted((integration.get("integrationResponses") or {}).items()):
        pattern = body.get("selectionPattern") or "default"
        responses[pattern] = _response({"statusCode": status, **body})
    return _integration(integration, responses)


def _integration(body: Mapping[str, Any], responses: JSON) -> JSON:
    kept = {name: value for name, value in body.items() if name not in ELSEWHERE}
    for name in ENUMS:
        if kept.get(name):
            kept[name] = str(kept[name]).upper()
    # A mock integration calls nobody, so its uri and verb mean nothing.
    if kept.get("type") == "MOCK":
        kept = {name: value for name, value in kept.items() if name not in ("uri", "httpMethod")}
    if kept.get("timeoutInMillis"):
        kept["timeoutInMillis"] = int(kept["timeoutInMillis"])
    # Certificates are verified unless somebody switches it off, stated or not.
    if not (kept.get("tlsConfig") or {}).get("insecureSkipVerification"):
        kept.pop("tlsConfig", None)
    kept["requestTemplates"] = _templates(kept.get("requestTemplates"))
    kept["cacheKeyParameters"] = sorted(kept.get("cacheKeyParameters") or [])
    kept["responses"] = responses
    return {
        name: value
        for name, value in kept.items()
        if value not in (None, "", {}, []) and value != DEFAULTS.get(name)
    }


def _response(body: Mapping[str, Any]) -> JSON:
    handling = body.get("contentHandling")
    return {
        "statusCode": str(body.get("statusCode", "")),
        "contentHandling": str(handling).upper() if handling else None,
        "responseParameters": body.get("responseParameters") or {},
        "responseTemplates": _templates(body.get("responseTemplates")),
    }


def _templates(templates: Mapping[str, Any] | None) -> JSON:
    return {
        kind: None if text in EMPTY_TEMPLATES else text for kind, text in (templates or {}).items()
    }


def _whole(method: WorkingMethod, rule: KeyRule) -> JSON:
    body = {name: value for name, value in method.body.items() if name != "methodIntegration"}
    if rule.requires(method):
        body.pop("apiKeyRequired", None)
    body["integration"] = from_resources(method.body.get("methodIntegration") or {})
    return {name: value for name, value in body.items() if value not in (None, {}, [])}


def _operations(export: Mapping[str, Any]) -> dict[Place, JSON]:
    return {
        (path, VERBS[name]): operation
        for path, item in (export.get("paths") or {}).items()
        for name, operation in item.items()
        if name in VERBS
    }


def _scopes(operation: Mapping[str, Any]) -> list[str]:
    return sorted(
        scope
        for requirement in operation.get("security") or []
        for scopes in requirement.values()
        for scope in scopes
    )


def _deployed_authorizers(schemes: Mapping[str, Any], operation: Mapping[str, Any]) -> list[str]:
    """Name the authorizers of an operation. A scheme's extensions tell whether it is one;
    `x-amazon-apigateway-authtype` is free text but for awsSigv4, which is IAM's."""
    return sorted(
        {
            name
            for requirement in operation.get("security") or []
            for name in requirement
            if AUTHORIZER in schemes.get(name, {})
            or schemes.get(name, {}).get(AUTHTYPE, IAM_AUTHTYPE) != IAM_AUTHTYPE
        }
    )


def _authorizer(
    copy: WorkingMethod, deployed: list[str], authorizers: Mapping[str, str]
) -> list[str]:
    """An authorizer that cannot be named, on either side, may be any other."""
    if not copy.uses_authorizer:
        return []
    used = str(copy.body.get("authorizerId") or "")
    name = authorizers.get(used)
    if name is not None and deployed == [name]:
        return []
    would_be = name or f"unknown {used}".strip()
    was = ", ".join(deployed) or "unknown"
    return [f"uses another authorizer in the working copy ({would_be}, deployed: {was})"]
