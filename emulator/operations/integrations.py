"""Integrations and their responses (localstack snapshots, TestApigatewayIntegration*)."""

from __future__ import annotations

from emulator.context import Context, Handler
from emulator.copies import copy_of
from emulator.errors import bad_request, not_found
from emulator.model import JSON
from emulator.operations import common
from emulator.operations.maps import change_map
from emulator.operations.methods import NO_RESPONSE
from emulator.operations.patching import Patch, patches, path_error

NO_INTEGRATION = "Invalid Integration identifier specified"
TIMEOUT_RANGE = (50, 29_000)
MAPS = ("requestParameters", "requestTemplates")
TEXTS = (
    "uri",
    "httpMethod",
    "passthroughBehavior",
    "cacheNamespace",
    "contentHandling",
    "credentials",
    "connectionType",
    "connectionId",
    "responseTransferMode",
    "integrationTarget",
)


def _check(made: JSON) -> None:
    """Refuse an integration that could not be called; the words were quoted by many users."""
    if made["type"] == "MOCK":
        return
    if not made.get("httpMethod"):
        raise bad_request("Enumeration value for HttpMethod must be non-empty")
    uri = made.get("uri") or ""
    is_http = made["type"] in ("HTTP", "HTTP_PROXY")
    if is_http and made.get("connectionType") != "VPC_LINK" and not uri.startswith("http"):
        raise bad_request("Invalid HTTP endpoint specified for URI")
    if not is_http and not uri.startswith("arn:"):
        raise bad_request("Invalid ARN specified in the request")


def put_integration(context: Context, params: JSON) -> JSON:
    """PutIntegration: a new one takes the old one's place. Defaults as recorded."""
    method = common.method(context, params)
    made: JSON = {
        "type": params["type"],
        "passthroughBehavior": params.get("passthroughBehavior") or "WHEN_NO_MATCH",
        "timeoutInMillis": params.get("timeoutInMillis") or TIMEOUT_RANGE[1],
        "cacheNamespace": params.get("cacheNamespace") or params["resourceId"],
        "cacheKeyParameters": list(params.get("cacheKeyParameters") or []),
        "responseTransferMode": params.get("responseTransferMode") or "BUFFERED",
    }
    made |= common.given(
        params,
        "uri",
        "connectionType",
        "connectionId",
        "credentials",
        "requestParameters",
        "requestTemplates",
        "contentHandling",
        "tlsConfig",
        "integrationTarget",
    )
    if params.get("integrationHttpMethod"):
        made["httpMethod"] = params["integrationHttpMethod"]
    _check(made)
    method["methodIntegration"] = made
    return copy_of(made)


def _integration(context: Context, params: JSON) -> JSON:
    found: JSON | None = common.method(context, params).get("methodIntegration")
    if found is None:
        raise not_found(NO_INTEGRATION)
    return found


def get_integration(context: Context, params: JSON) -> JSON:
    """GetIntegration."""
    return copy_of(_integration(context, params))


def delete_integration(context: Context, params: JSON) -> JSON:
    """DeleteIntegration."""
    _integration(context, params)
    del common.method(context, params)["methodIntegration"]
    return {}


def update_integration(context: Context, params: JSON) -> JSON:
    """UpdateIntegration: all or nothing."""
    changed = copy_of(_integration(context, params))
    for patch in patches(params):
        _apply(changed, patch)
    _check(changed)
    common.method(context, params)["methodIntegration"] = changed
    return copy_of(changed)


def _apply(integration: JSON, patch: Patch) -> None:
    match patch.parts:
        case [name, key] if name in MAPS:
            change_map(integration, name, key, patch)
        case ["timeoutInMillis"]:
            integration["timeoutInMillis"] = _timeout(patch)
        case ["cacheKeyParameters", key]:
            remaining = [item for item in integration["cacheKeyParameters"] if item != key]
            integration["cacheKeyParameters"] = remaining + ([] if patch.op == "remove" else [key])
        case ["tlsConfig", "insecureSkipVerification"]:
            secure = common.parse_boolean(patch.text)
            integration["tlsConfig"] = {"insecureSkipVerification": secure}
        case [name] if name in TEXTS:
            integration.pop(name, None)
            if patch.op != "remove" and patch.text:
                integration[name] = patch.text
        case _:
            raise path_error(patch)


def _timeout(patch: Patch) -> int:
    low, high = TIMEOUT_RANGE
    error = bad_request(f"Timeout should be between {low} ms and {high} ms")
    value = int(common.number(patch.value, error))
    if not low <= value <= high:
        raise error
    return value


def put_integration_response(context: Context, params: JSON) -> JSON:
    """PutIntegrationResponse: overwrites (recorded)."""
    integration = _integration(context, params)
    status = params["statusCode"]
    made = {"statusCode": status} | common.given(
        params, "selectionPattern", "responseParameters", "responseTemplates", "contentHandling"
    )
    responses = integration.get("integrationResponses") or {}
    integration["integrationResponses"] = responses | {status: made}
    return copy_of(made)


def _response(context: Context, params: JSON) -> JSON:
    responses = _integration(context, params).get("integrationResponses") or {}
    found: JSON | None = responses.get(params["statusCode"])
    if found is None:
        raise not_found(NO_RESPONSE)
    return found


def get_integration_response(context: Context, params: JSON) -> JSON:
    """GetIntegrationResponse."""
    return copy_of(_response(context, params))


def update_integration_response(context: Context, params: JSON) -> JSON:
    """UpdateIntegrationResponse: all or nothing."""
    changed = copy_of(_response(context, params))
    for patch in patches(params):
        match patch.parts:
            case [("responseParameters" | "responseTemplates") as name, key]:
                change_map(changed, name, key, patch)
            case [("selectionPattern" | "contentHandling") as name]:
                changed.pop(name, None)
                if patch.op != "remove":
                    changed[name] = patch.text
            case _:
                raise path_error(patch)
    _integration(context, params)["integrationResponses"][params["statusCode"]] = changed
    return copy_of(changed)


def delete_integration_response(context: Context, params: JSON) -> JSON:
    """DeleteIntegrationResponse. Without the method the integration is missing (recorded)."""
    methods = common.resource(context, params).methods
    if params["httpMethod"] not in methods:
        raise not_found(NO_INTEGRATION)
    _response(context, params)
    integration = _integration(context, params)
    del integration["integrationResponses"][params["statusCode"]]
    if not integration["integrationResponses"]:
        del integration["integrationResponses"]
    return {}


HANDLERS: dict[str, Handler] = {
    "PutIntegration": put_integration,
    "GetIntegration": get_integration,
    "UpdateIntegration": update_integration,
    "DeleteIntegration": delete_integration,
    "PutIntegrationResponse": put_integration_response,
    "GetIntegrationResponse": get_integration_response,
    "UpdateIntegrationResponse": update_integration_response,
    "DeleteIntegrationResponse": delete_integration_response,
}
