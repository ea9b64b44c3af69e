"""Gateway responses (localstack snapshots, TestApiGatewayGatewayResponse)."""

from __future__ import annotations

from emulator.context import Context, Handler
from emulator.copies import copy_of
from emulator.errors import bad_request, not_found
from emulator.model import JSON, RestApi
from emulator.operations import common
from emulator.operations.paging import by, page
from emulator.operations.patching import Patch, patches, path_error
from emulator.refusals import DEFAULT_TEMPLATE

# recorded: every type with its status; the two defaults have none of their own
STATUS: dict[str, str | None] = {
    "ACCESS_DENIED": "403",
    "API_CONFIGURATION_ERROR": "500",
    "AUTHORIZER_CONFIGURATION_ERROR": "500",
    "AUTHORIZER_FAILURE": "500",
    "BAD_REQUEST_BODY": "400",
    "BAD_REQUEST_PARAMETERS": "400",
    "DEFAULT_4XX": None,
    "DEFAULT_5XX": None,
    "EXPIRED_TOKEN": "403",
    "INTEGRATION_FAILURE": "504",
    "INTEGRATION_TIMEOUT": "504",
    "INVALID_API_KEY": "403",
    "INVALID_SIGNATURE": "403",
    "MISSING_AUTHENTICATION_TOKEN": "403",
    "QUOTA_EXCEEDED": "429",
    "REQUEST_TOO_LARGE": "413",
    "RESOURCE_NOT_FOUND": "404",
    "THROTTLED": "429",
    "UNAUTHORIZED": "401",
    "UNSUPPORTED_MEDIA_TYPE": "415",
    "WAF_FILTERED": "403",
}


def _default(kind: str) -> JSON:
    made: JSON = {
        "responseType": kind,
        "responseParameters": {},
        "responseTemplates": {"application/json": DEFAULT_TEMPLATE},
        "defaultResponse": True,
    }
    status = STATUS[kind]
    return made | ({"statusCode": status} if status else {})


def effective(api: RestApi, kind: str) -> JSON:
    """The response of a type: its own, else that of DEFAULT_4XX or 5XX, else the default."""
    if kind in api.gateway_responses:
        return api.gateway_responses[kind] | {"defaultResponse": False}
    base = _default(kind)
    family = f"DEFAULT_{(STATUS[kind] or '0')[0]}XX"
    if family not in api.gateway_responses:
        return base
    inherited = api.gateway_responses[family]
    return (
        base
        | {name: item for name, item in inherited.items() if name != "responseType"}
        | {"defaultResponse": True}
    )


def put_gateway_response(context: Context, params: JSON) -> JSON:
    """PutGatewayResponse: what is not given is as by default (recorded)."""
    api = common.rest_api(context, params["restApiId"])
    kind = params["responseType"]
    made = _default(kind) | common.given(
        params, "statusCode", "responseParameters", "responseTemplates"
    )
    made["defaultResponse"] = False
    api.gateway_responses[kind] = made
    return copy_of(made)


def get_gateway_response(context: Context, params: JSON) -> JSON:
    """GetGatewayResponse."""
    api = common.rest_api(context, params["restApiId"])
    return copy_of(effective(api, params["responseType"]))


def get_gateway_responses(context: Context, params: JSON) -> JSON:
    """GetGatewayResponses: all types, those that were never set too."""
    api = common.rest_api(context, params["restApiId"])
    return page(STATUS, params, by("type", str), lambda kind: copy_of(effective(api, kind)))


def update_gateway_response(context: Context, params: JSON) -> JSON:
    """UpdateGatewayResponse: also of one that was never set (recorded)."""
    api = common.rest_api(context, params["restApiId"])
    kind = params["responseType"]
    changed = copy_of(effective(api, kind))
    for patch in patches(params):
        _apply(changed, patch)
    changed["defaultResponse"] = False
    api.gateway_responses[kind] = changed
    return copy_of(changed)


def _apply(response: JSON, patch: Patch) -> None:
    match patch.parts:
        case ["statusCode"] if patch.op == "replace":
            response["statusCode"] = patch.text
        case [("responseParameters" | "responseTemplates") as name, key]:
            _change_entry(response[name], name, key, patch)
        case _:
            raise path_error(patch)


def _change_entry(entries: JSON, name: str, key: str, patch: Patch) -> None:
    if patch.op != "add" and key not in entries:
        raise not_found("Invalid parameter name specified")
    if patch.op == "remove":
        del entries[key]
    elif not patch.text:
        raise bad_request(f"Invalid null or empty value in {name}")
    else:
        entries[key] = patch.text


def delete_gateway_response(context: Context, params: JSON) -> JSON:
    """DeleteGatewayResponse: back to the default."""
    api = common.rest_api(context, params["restApiId"])
    if api.gateway_responses.pop(params["responseType"], None) is None:
        raise not_found("Gateway response type not defined on api")
    return {}


HANDLERS: dict[str, Handler] = {
    "PutGatewayResponse": put_gateway_response,
    "GetGatewayResponse": get_gateway_response,
    "GetGatewayResponses": get_gateway_responses,
    "UpdateGatewayResponse": update_gateway_response,
    "DeleteGatewayResponse": delete_gateway_response,
}
