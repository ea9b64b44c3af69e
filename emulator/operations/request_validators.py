"""Request validators (localstack snapshots, TestApiGatewayApiRequestValidator)."""

from __future__ import annotations

from emulator.context import Context, Handler
from emulator.copies import copy_of
from emulator.errors import bad_request, not_found
from emulator.ids import SHORT
from emulator.model import JSON
from emulator.operations import common
from emulator.operations.paging import by_member, page
from emulator.operations.patching import listed_path_error, patches

NO_VALIDATOR = "Invalid Request Validator identifier specified"
PATHS = {"replace": ("/name", "/validateRequestParameters", "/validateRequestBody")}


def create_request_validator(context: Context, params: JSON) -> JSON:
    """CreateRequestValidator; an unknown API is a bad request here (recorded)."""
    api = context.state.rest_apis.get(params["restApiId"])
    if api is None:
        raise bad_request("Invalid REST API identifier specified")
    made: JSON = {
        "id": context.ids.new(SHORT, api.request_validators),
        "validateRequestBody": bool(params.get("validateRequestBody", False)),
        "validateRequestParameters": bool(params.get("validateRequestParameters", False)),
    }
    made |= common.given(params, "name")
    api.request_validators[made["id"]] = made
    return copy_of(made)


def _validator(context: Context, params: JSON) -> JSON:
    api = context.state.rest_apis.get(params["restApiId"])
    found = api.request_validators.get(params["requestValidatorId"]) if api else None
    if found is None:
        raise not_found(NO_VALIDATOR)
    return found


def get_request_validator(context: Context, params: JSON) -> JSON:
    """GetRequestValidator."""
    return copy_of(_validator(context, params))


def get_request_validators(context: Context, params: JSON) -> JSON:
    """GetRequestValidators."""
    api = common.rest_api(context, params["restApiId"])
    return page(api.request_validators.values(), params, by_member("id"), copy_of)


def update_request_validator(context: Context, params: JSON) -> JSON:
    """UpdateRequestValidator: a missing value is false (recorded)."""
    changed = copy_of(_validator(context, params))
    for patch in patches(params):
        if patch.path not in PATHS.get(patch.op, ()):
            raise listed_path_error(patch, PATHS)
        name = patch.path[1:]
        if name == "name" and not patch.text:
            raise bad_request("Request Validator name cannot be blank")
        changed[name] = patch.text if name == "name" else common.parse_boolean(patch.text)
    api = common.rest_api(context, params["restApiId"])
    api.request_validators[changed["id"]] = changed
    return copy_of(changed)


def delete_request_validator(context: Context, params: JSON) -> JSON:
    """DeleteRequestValidator."""
    found = _validator(context, params)
    del common.rest_api(context, params["restApiId"]).request_validators[found["id"]]
    return {}


HANDLERS: dict[str, Handler] = {
    "CreateRequestValidator": create_request_validator,
    "GetRequestValidator": get_request_validator,
    "GetRequestValidators": get_request_validators,
    "UpdateRequestValidator": update_request_validator,
    "DeleteRequestValidator": delete_request_validator,
}
