"""Methods and their responses (aws-recorded.md 6; localstack snapshots, …ApiMethod)."""

from __future__ import annotations

from collections.abc import Callable

from emulator.context import Context, Handler
from emulator.copies import copy_of
from emulator.errors import bad_request, conflict, not_found
from emulator.model import JSON, RestApi
from emulator.operations import common
from emulator.operations.maps import change_map
from emulator.operations.patching import Patch, only_replace, patches, path_error

VERBS = ("GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS", "HEAD", "ANY")
NEEDS_AUTHORIZER = ("CUSTOM", "COGNITO_USER_POOLS")
NO_AUTHORIZER = (
    "Invalid authorizer ID specified. Setting the authorization type to CUSTOM or "
    "COGNITO_USER_POOLS requires a valid authorizer."
)
TYPES = ("NONE", "AWS_IAM", *NEEDS_AUTHORIZER)
NO_RESPONSE = "Invalid Response status code specified"


def _check(api: RestApi, method: JSON) -> None:
    """Refuse a method that points to nothing."""
    kind = method["authorizationType"]
    if kind not in TYPES:
        raise bad_request(
            f"Invalid authorization type specified. Must be one of {', '.join(TYPES)}"
        )
    if kind in NEEDS_AUTHORIZER and method.get("authorizerId") not in api.authorizers:
        raise bad_request(NO_AUTHORIZER)
    validator = method.get("requestValidatorId")
    if validator is not None and validator not in api.request_validators:
        raise bad_request("Invalid Request Validator identifier specified")
    for model in (method.get("requestModels") or {}).values():
        if model not in api.models:
            raise bad_request(f"Invalid model identifier specified: {model}")
    _check_names(method.get("requestParameters") or {})


def _check_names(parameters: JSON) -> None:
    names = [name.split(".")[-1] for name in parameters]
    if len(set(names)) < len(names):
        raise bad_request("Parameter names must be unique across querystring, header and path")


def put_method(context: Context, params: JSON) -> JSON:
    """PutMethod: apiKeyRequired is false unless asked for; a second time is a conflict."""
    resource = common.resource(context, params)
    verb = params["httpMethod"]
    if verb not in VERBS:
        raise bad_request(f"Invalid HttpMethod specified. Valid options are {','.join(VERBS)}")
    if verb in resource.methods:
        raise conflict("Method already exists for this resource")
    made: JSON = {
        "httpMethod": verb,
        "authorizationType": params["authorizationType"],
        "apiKeyRequired": bool(params.get("apiKeyRequired", False)),
    }
    made |= common.given(
        params,
        "authorizerId",
        "operationName",
        "requestParameters",
        "requestModels",
        "requestValidatorId",
        "authorizationScopes",
    )
    _check(common.rest_api(context, params["restApiId"]), made)
    resource.methods[verb] = made
    return copy_of(made)


def get_method(context: Context, params: JSON) -> JSON:
    """GetMethod, integration and responses included."""
    return copy_of(common.method(context, params))


def delete_method(context: Context, params: JSON) -> JSON:
    """DeleteMethod."""
    common.method(context, params)
    del common.resource(context, params).methods[params["httpMethod"]]
    return {}


def update_method(context: Context, params: JSON) -> JSON:
    """UpdateMethod: all or nothing; anything but "true" switches apiKeyRequired off (recorded)."""
    current = common.method(context, params)
    changed = copy_of(current)
    for patch in patches(params):
        _apply(changed, patch)
    _check(common.rest_api(context, params["restApiId"]), changed)
    common.resource(context, params).methods[params["httpMethod"]] = changed
    return copy_of(changed)


def _apply(method: JSON, patch: Patch) -> None:
    match patch.parts:
        case [name] if name in _SETTERS:
            only_replace(patch)
            _SETTERS[name](method, patch)
        case ["requestParameters", name]:
            change_map(method, "requestParameters", name, patch, as_boolean=True)
        case ["requestModels", name]:
            change_map(method, "requestModels", name, patch)
        case ["authorizationScopes", *_]:
            _change_scopes(method, patch)
        case _:
            raise path_error(patch)


def _set_key_required(method: JSON, patch: Patch) -> None:
    method["apiKeyRequired"] = common.parse_boolean(patch.text)


def _set_type(method: JSON, patch: Patch) -> None:
    method["authorizationType"] = patch.text
    if patch.text not in NEEDS_AUTHORIZER:
        method.pop("authorizerId", None)


def _set_authorizer(method: JSON, patch: Patch) -> None:
    """Of a method without an authorizer the id is passed over (recorded)."""
    if method["authorizationType"] in NEEDS_AUTHORIZER:
        method["authorizerId"] = patch.text


def _set_text(method: JSON, patch: Patch) -> None:
    name = patch.path[1:]
    method.pop(name, None)
    if patch.text:
        method[name] = patch.text


_SETTERS: dict[str, Callable[[JSON, Patch], None]] = {
    "apiKeyRequired": _set_key_required,
    "authorizationType": _set_type,
    "authorizerId": _set_authorizer,
    "operationName": _set_text,
    "requestValidatorId": _set_text,
}


def _change_scopes(method: JSON, patch: Patch) -> None:
    scopes = [item for item in method.get("authorizationScopes", []) if item != patch.text]
    if patch.op != "remove":
        scopes.append(patch.text)
    method.pop("authorizationScopes", None)
    if scopes:
        method["authorizationScopes"] = scopes


def put_method_response(context: Context, params: JSON) -> JSON:
    """PutMethodResponse."""
    method = common.method(context, params)
    responses = method.get("methodResponses") or {}
    status = params["statusCode"]
    if status in responses:
        raise conflict("Response already exists for this resource")
    made = {"statusCode": status} | common.given(params, "responseParameters", "responseModels")
    method["methodResponses"] = responses | {status: made}
    return copy_of(made)


def _response(context: Context, params: JSON) -> JSON:
    responses = common.method(context, params).get("methodResponses") or {}
    found: JSON | None = responses.get(params["statusCode"])
    if found is None:
        raise not_found(NO_RESPONSE)
    return found


def get_method_response(context: Context, params: JSON) -> JSON:
    """GetMethodResponse."""
    return copy_of(_response(context, params))


def update_method_response(context: Context, params: JSON) -> JSON:
    """UpdateMethodResponse."""
    changed = copy_of(_response(context, params))
    for patch in patches(params):
        match patch.parts:
            case ["responseParameters", name]:
                change_map(changed, "responseParameters", name, patch, as_boolean=True)
            case ["responseModels", name]:
                change_map(changed, "responseModels", name, patch)
            case _:
                raise path_error(patch)
    common.method(context, params)["methodResponses"][params["statusCode"]] = changed
    return copy_of(changed)


def delete_method_response(context: Context, params: JSON) -> JSON:
    """DeleteMethodResponse."""
    _response(context, params)
    method = common.method(context, params)
    del method["methodResponses"][params["statusCode"]]
    if not method["methodResponses"]:
        del method["methodResponses"]
    return {}


HANDLERS: dict[str, Handler] = {
    "PutMethod": put_method,
    "GetMethod": get_method,
    "UpdateMethod": update_method,
    "DeleteMethod": delete_method,
    "PutMethodResponse": put_method_response,
    "GetMethodResponse": get_method_response,
    "UpdateMethodResponse": update_method_response,
    "DeleteMethodResponse": delete_method_response,
}
