"""RestApis (aws-recorded.md 6; localstack snapshots, TestApiGatewayApiRestApi)."""

from __future__ import annotations

from typing import Any

from emulator.context import Context, Handler
from emulator.copies import copy_of
from emulator.errors import bad_request
from emulator.ids import LONG, SHORT
from emulator.model import JSON, Resource, RestApi
from emulator.operations import common
from emulator.operations.models import default_models
from emulator.operations.paging import by, page
from emulator.operations.plans import forget_stage

MAX_COMPRESSION = 10_485_760
PRIVATE_IS_DUALSTACK = "Only dualstack ipAddressType is supported for Private APIs."


def compression(value: Any) -> int:
    """A minimumCompressionSize."""
    error = bad_request(
        f"Invalid minimum compression size, must be between 0 and {MAX_COMPRESSION}"
    )
    size = common.number(value, error)
    if not 0 <= size <= MAX_COMPRESSION:
        raise error
    return int(size)


def _endpoint(wanted: JSON | None) -> JSON:
    endpoint = copy_of(wanted or {})
    types = endpoint.setdefault("types", ["EDGE"])
    if not types:
        raise bad_request("REGIONAL Configuration and EDGE Configuration cannot be both DISABLED.")
    if len(types) > 1:
        raise bad_request("Cannot create an api with multiple Endpoint Types.")
    private = types == ["PRIVATE"]
    if private and endpoint.get("ipAddressType") == "ipv4":
        raise bad_request(PRIVATE_IS_DUALSTACK)
    endpoint.setdefault("ipAddressType", "dualstack" if private else "ipv4")
    return endpoint


def new_api(context: Context, settings: JSON) -> RestApi:
    """An API with its root resource and default models, not yet in the state."""
    state = context.state
    common.check_limit(len(state.rest_apis), common.MAX_APIS, "APIs")
    api_id, root_id = context.ids.new(LONG, state.rest_apis), context.ids.new(LONG)
    defaults: JSON = {
        "apiKeySource": "HEADER",
        "disableExecuteApiEndpoint": False,
        "securityPolicy": "TLS_1_0",
        "apiStatus": "AVAILABLE",
    }
    settings = defaults | settings
    settings |= {"id": api_id, "createdDate": context.now(), "rootResourceId": root_id}
    settings["endpointConfiguration"] = _endpoint(settings.get("endpointConfiguration"))
    made = RestApi(api_id, settings, root_id)
    made.resources[root_id] = Resource(root_id, "/")
    made.models = default_models(context.ids)
    return made


def create_rest_api(context: Context, params: JSON) -> JSON:
    """CreateRestApi, or a copy of the API that `cloneFrom` names."""
    if params.get("description") == "":
        raise bad_request("Description cannot be an empty string")
    common.check_tags(params.get("tags"))
    settings = common.given(
        params,
        "name",
        "description",
        "version",
        "apiKeySource",
        "endpointConfiguration",
        "policy",
        "tags",
        "disableExecuteApiEndpoint",
        "securityPolicy",
        "endpointAccessMode",
    )
    if params.get("minimumCompressionSize") is not None:
        settings["minimumCompressionSize"] = compression(params["minimumCompressionSize"])
    if params.get("binaryMediaTypes"):
        settings["binaryMediaTypes"] = list(params["binaryMediaTypes"])
    made = new_api(context, settings)
    if params.get("cloneFrom"):
        _clone(context, common.rest_api(context, params["cloneFrom"]), made)
    context.state.rest_apis[made.id] = made
    return common.untagged_in_lists(made.settings)


def _clone(context: Context, source: RestApi, made: RestApi) -> None:
    """The working copy under new resource ids; deployments and stages are not cloned."""
    ids = {old: context.ids.new(SHORT) for old in source.resources} | {source.root_id: made.root_id}
    made.resources = {
        ids[old.id]: Resource(
            ids[old.id],
            old.path,
            ids[old.parent_id] if old.parent_id else None,
            old.path_part,
            copy_of(old.methods),
        )
        for old in source.resources.values()
    }
    made.authorizers = copy_of(source.authorizers)
    made.models = copy_of(source.models)
    made.request_validators = copy_of(source.request_validators)
    made.gateway_responses = copy_of(source.gateway_responses)
    for name in ("binaryMediaTypes", "minimumCompressionSize", "apiKeySource", "policy"):
        if name in source.settings:
            made.settings[name] = copy_of(source.settings[name])


def get_rest_api(context: Context, params: JSON) -> JSON:
    """GetRestApi."""
    return common.always_tagged(common.rest_api(context, params["restApiId"]).settings)


def get_rest_apis(context: Context, params: JSON) -> JSON:
    """GetRestApis."""

    def show(api: RestApi) -> JSON:
        return common.untagged_in_lists(api.settings)

    return page(context.state.rest_apis.values(), params, by("id", lambda api: api.id), show)


def delete_rest_api(context: Context, params: JSON) -> JSON:
    """DeleteRestApi: its stages leave every plan (aws-recorded.md 3)."""
    api = common.rest_api(context, params["restApiId"])
    for name in api.stages:
        forget_stage(context, api.id, name)
    del context.state.rest_apis[api.id]
    return {}


HANDLERS: dict[str, Handler] = {
    "CreateRestApi": create_rest_api,
    "GetRestApi": get_rest_api,
    "GetRestApis": get_rest_apis,
    "DeleteRestApi": delete_rest_api,
}
