"""Writes a method that a stage serves as an operation of a document."""

from __future__ import annotations

import re
from typing import Any

from emulator.model import JSON, Snapshot
from emulator.openapi.document import EXTENSION
from emulator.openapi.methods import DEFAULT_TIMEOUT
from emulator.openapi.schemas import MODELS
from emulator.openapi.security import KINDS

_PLACES = {"path": "path", "querystring": "query", "header": "header"}
_TEXTS = (
    "uri",
    "credentials",
    "connectionType",
    "connectionId",
    "httpMethod",
    "integrationTarget",
    "timeoutInMillis",
    "cacheNamespace",
    "cacheKeyParameters",
    "contentHandling",
    "tlsConfig",
    "requestParameters",
    "requestTemplates",
)
_RESPONSE = ("statusCode", "responseParameters", "responseTemplates", "contentHandling")
_AUTHORIZER = (
    "authorizerUri",
    "authorizerCredentials",
    "identityValidationExpression",
    "identitySource",
    "authorizerResultTtlInSeconds",
    "providerARNs",
)
_RESOURCE_ID = re.compile("[a-z0-9]{6}|[a-z0-9]{10}")


class Exporter:
    """Writes operations and remembers which schemes and models they use."""

    def __init__(
        self,
        snapshot: Snapshot,
        is_3: bool,
        *,
        integrations: bool,
        authorizers: bool,
        full: bool,
    ) -> None:
        self.any_methods = integrations or authorizers
        self._snapshot = snapshot
        self._is_3 = is_3
        self._authorizers = authorizers
        self._integrations = integrations
        self._full = full
        self._schemes: dict[str, JSON] = {}
        self._models: set[str] = set()
        taken = {authorizer["name"] for authorizer in snapshot.authorizers.values()}
        self._key_scheme = _free("api_key", taken)
        self._signed_scheme = _free("sigv4", taken)

    def security_schemes(self) -> dict[str, JSON]:
        """The schemes that the operations so far name, and authorizers that none names."""
        made = dict(self._schemes)
        if self._authorizers:
            for authorizer in self._snapshot.authorizers.values():
                made.setdefault(authorizer["name"], self._authorizer(authorizer))
        return dict(sorted(made.items()))

    def used_models(self) -> set[str]:
        """The models that the operations so far name; a full export has all of them."""
        if self._full:
            return set(self._snapshot.models)
        found, waiting = set(), list(self._models)
        while waiting:
            name = waiting.pop()
            if name in found:
                continue
            found.add(name)
            text = str(self._snapshot.models.get(name, {}).get("schema", ""))
            waiting += [
                part.partition('"')[0].rpartition("/")[2] for part in text.split(MODELS)[1:]
            ]
        return found

    def operation(self, method: JSON) -> JSON:
        """The operation; its extensions only as far as they are wanted."""
        made: JSON = {}
        if method.get("operationName"):
            made["operationId"] = method["operationName"]
        self._request(made, method)
        responses = method.get("methodResponses") or {}
        made["responses"] = {
            status: self._response(status, item) for status, item in sorted(responses.items())
        }
        if not self._is_3:
            self._media_types(made, method)
        security = self._security(method)
        if security:
            made["security"] = security
        validator = self._snapshot.request_validators.get(method.get("requestValidatorId") or "")
        if self._full and validator and validator.get("name"):
            made[f"{EXTENSION}request-validator"] = validator["name"]
        integration = method.get("methodIntegration")
        if self._integrations and integration:
            made[f"{EXTENSION}integration"] = _integration(integration)
        return made

    def _request(self, made: JSON, method: JSON) -> None:
        parameters = [
            self._parameter(name, required)
            for name, required in sorted((method.get("requestParameters") or {}).items())
        ]
        models = method.get("requestModels") or {}
        if models and self._is_3:
            made["requestBody"] = {"content": self._content(models), "required": True}
        elif models:
            name = next(iter(models.values()))
            parameters.append(
                {"in": "body", "name": name, "required": True, "schema": self._reference(name)}
            )
        if parameters:
            made["parameters"] = parameters

    def _parameter(self, name: str, required: bool) -> JSON:
        _, _, place, key = name.split(".", 3)
        kind: JSON = {"schema": {"type": "string"}} if self._is_3 else {"type": "string"}
        always = place == "path"
        return {"name": key, "in": _PLACES[place], "required": required or always, **kind}

    def _response(self, status: str, response: JSON) -> JSON:
        made: JSON = {"description": f"{status} response"}
        kind: JSON = {"schema": {"type": "string"}} if self._is_3 else {"type": "string"}
        names = [name.split(".", 3)[3] for name in response.get("responseParameters") or {}]
        if names:
            made["headers"] = {name: dict(kind) for name in sorted(names)}
        models = response.get("responseModels") or {}
        if self._is_3:
            made["content"] = self._content(models)
        elif models:
            made["schema"] = self._reference(next(iter(models.values())))
        return made

    def _media_types(self, made: JSON, method: JSON) -> None:
        if method.get("requestModels"):
            made["consumes"] = list(method["requestModels"])
        produced: dict[str, None] = {}
        for response in (method.get("methodResponses") or {}).values():
            produced |= dict.fromkeys(response.get("responseModels") or {})
        if produced:
            made["produces"] = list(produced)

    def _content(self, models: dict[str, str]) -> JSON:
        return {kind: {"schema": self._reference(name)} for kind, name in models.items()}

    def _reference(self, name: str) -> JSON:
        self._models.add(name)
        where = "#/components/schemas/" if self._is_3 else "#/definitions/"
        return {"$ref": f"{where}{name}"}

    def _security(self, method: JSON) -> list[JSON]:
        made: list[JSON] = []
        if method.get("authorizationType") == "AWS_IAM" and self._authorizers:
            self._schemes[self._signed_scheme] = {
                **_header("Authorization"),
                f"{EXTENSION}authtype": "awsSigv4",
            }
            made.append({self._signed_scheme: []})
        authorizer = self._snapshot.authorizers.get(method.get("authorizerId") or "")
        if authorizer and self._authorizers:
            self._schemes[authorizer["name"]] = self._authorizer(authorizer)
            made.append({authorizer["name"]: list(method.get("authorizationScopes") or [])})
        if method.get("apiKeyRequired"):
            self._schemes[self._key_scheme] = _header("x-api-key")
            made.append({self._key_scheme: []})
        return made

    def _authorizer(self, authorizer: JSON) -> JSON:
        source = str(authorizer.get("identitySource") or "")
        first = source.partition(",")[0]
        plain = first.startswith("method.request.header.")
        wanted: JSON = {
            "type": next(word for word, kind in KINDS.items() if kind == authorizer["type"]),
            **{name: authorizer[name] for name in _AUTHORIZER if authorizer.get(name) is not None},
        }
        return {
            **_header(first.rpartition(".")[2] if plain else "Unused"),
            f"{EXTENSION}authtype": authorizer.get("authType") or "custom",
            f"{EXTENSION}authorizer": wanted,
        }


def _header(name: str) -> JSON:
    return {"type": "apiKey", "name": name, "in": "header"}


def _integration(integration: JSON) -> JSON:
    made: JSON = {
        "type": integration["type"].lower(),
        "passthroughBehavior": str(integration.get("passthroughBehavior", "WHEN_NO_MATCH")).lower(),
    }
    for name in _TEXTS:
        if integration.get(name) and not _is_default(name, integration):
            made[name] = integration[name]
    if integration.get("responseTransferMode", "BUFFERED") != "BUFFERED":
        made["responseTransferMode"] = integration["responseTransferMode"]
    responses = integration.get("integrationResponses") or {}
    if responses:
        made["responses"] = {
            item.get("selectionPattern") or "default": _fields(item)
            for _, item in sorted(responses.items())
        }
    return made


def _is_default(name: str, integration: JSON) -> bool:
    """A real export leaves these out (data/openapi, devportal-petstore-export)."""
    if name == "timeoutInMillis":
        return bool(integration[name] == DEFAULT_TIMEOUT)
    if name == "cacheNamespace" and not integration.get("cacheKeyParameters"):
        return _RESOURCE_ID.fullmatch(integration[name]) is not None
    return False


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_1"
    return name


def _fields(response: JSON) -> dict[str, Any]:
    return {name: response[name] for name in _RESPONSE if response.get(name)}
