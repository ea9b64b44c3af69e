"""Authorizers (botocore model: Authorizer; localstack snapshots, TestApiGatewayApiAuthorizer)."""

from __future__ import annotations

from emulator.context import Context, Handler
from emulator.copies import copy_of
from emulator.errors import CONCURRENT, bad_request, conflict, not_found
from emulator.ids import SHORT
from emulator.model import JSON
from emulator.operations import common
from emulator.operations.paging import by_member, page
from emulator.operations.patching import Patch, patches, path_error

NO_AUTHORIZER = "Invalid Authorizer identifier specified"
MAX_TTL = 3600
TEXTS = (
    "name",
    "authorizerUri",
    "authorizerCredentials",
    "identitySource",
    "identityValidationExpression",
    "authType",
    "type",
)


def create_authorizer(context: Context, params: JSON) -> JSON:
    """CreateAuthorizer. Of an unknown API it says "concurrent modification" (recorded)."""
    api = context.state.rest_apis.get(params["restApiId"])
    if api is None:
        raise conflict(CONCURRENT)
    if any(item["name"] == params["name"] for item in api.authorizers.values()):
        raise conflict("Authorizer name must be unique. Authorizer already exists in this RestApi.")
    cognito = params["type"] == "COGNITO_USER_POOLS"
    if not cognito and not params.get("authorizerUri"):
        raise bad_request(f"Invalid Authorizer URI: {params.get('authorizerUri') or 'null'}.")
    made: JSON = {
        "id": context.ids.new(SHORT, api.authorizers),
        "authType": "cognito_user_pools" if cognito else "custom",
    }
    if not cognito:
        made["authorizerResultTtlInSeconds"] = 300
    made |= common.given(params, "providerARNs", "authorizerResultTtlInSeconds", *TEXTS)
    api.authorizers[made["id"]] = made
    return copy_of(made)


def _authorizer(context: Context, params: JSON) -> JSON:
    api = common.rest_api(context, params["restApiId"])
    found = api.authorizers.get(params["authorizerId"])
    if found is None:
        raise not_found(NO_AUTHORIZER)
    return found


def get_authorizer(context: Context, params: JSON) -> JSON:
    """GetAuthorizer."""
    return copy_of(_authorizer(context, params))


def get_authorizers(context: Context, params: JSON) -> JSON:
    """GetAuthorizers."""
    api = common.rest_api(context, params["restApiId"])
    return page(api.authorizers.values(), params, by_member("id"), copy_of)


def update_authorizer(context: Context, params: JSON) -> JSON:
    """UpdateAuthorizer: all or nothing."""
    changed = copy_of(_authorizer(context, params))
    for patch in patches(params):
        _apply(changed, patch)
    common.rest_api(context, params["restApiId"]).authorizers[changed["id"]] = changed
    return copy_of(changed)


def _apply(authorizer: JSON, patch: Patch) -> None:
    match patch.parts:
        case [name] if name in TEXTS:
            authorizer.pop(name, None)
            if patch.op != "remove" and patch.text:
                authorizer[name] = patch.text
        case ["authorizerResultTtlInSeconds"]:
            error = bad_request(f"Authorizer TTL must be between 0 and {MAX_TTL} seconds")
            ttl = int(common.number(patch.value, error))
            if not 0 <= ttl <= MAX_TTL:
                raise error
            authorizer["authorizerResultTtlInSeconds"] = ttl
        case ["providerARNs", *_]:
            remaining = [item for item in authorizer.get("providerARNs", []) if item != patch.text]
            authorizer["providerARNs"] = remaining + ([] if patch.op == "remove" else [patch.text])
        case _:
            raise path_error(patch)


def delete_authorizer(context: Context, params: JSON) -> JSON:
    """DeleteAuthorizer: refused while a method of the working copy uses it."""
    found = _authorizer(context, params)
    api = common.rest_api(context, params["restApiId"])
    for resource in api.resources.values():
        for method in resource.methods.values():
            if method.get("authorizerId") == found["id"]:
                raise conflict("Cannot delete authorizer, is referenced in method")
    del api.authorizers[found["id"]]
    return {}


HANDLERS: dict[str, Handler] = {
    "CreateAuthorizer": create_authorizer,
    "GetAuthorizer": get_authorizer,
    "GetAuthorizers": get_authorizers,
    "UpdateAuthorizer": update_authorizer,
    "DeleteAuthorizer": delete_authorizer,
}
