"""Models (localstack snapshots, TestApiGatewayApiModels)."""

from __future__ import annotations

import json

from emulator.context import Context, Handler
from emulator.copies import copy_of
from emulator.errors import bad_request, conflict, not_found
from emulator.ids import SHORT, Ids
from emulator.model import JSON, RestApi
from emulator.operations import common
from emulator.operations.paging import by_member, page
from emulator.operations.patching import listed_path_error, patches

PATHS = {"replace": ("/description", "/schema")}
NO_SCHEMA = "Model schema must have at least 1 property or array items defined"
DRAFT = "http://json-schema.org/draft-04/schema#"


def default_models(ids: Ids) -> dict[str, JSON]:
    """`Empty` and `Error`, which every new API has (recorded)."""
    schemas: dict[str, JSON] = {
        "Empty": {"$schema": DRAFT, "title": "Empty Schema", "type": "object"},
        "Error": {
            "$schema": DRAFT,
            "title": "Error Schema",
            "type": "object",
            "properties": {"message": {"type": "string"}},
        },
    }
    return {
        name: {
            "id": ids.new(SHORT),
            "name": name,
            "description": f"This is a default {name.lower()} schema model",
            "schema": json.dumps(schema, indent=2),
            "contentType": "application/json",
        }
        for name, schema in schemas.items()
    }


def create_model(context: Context, params: JSON) -> JSON:
    """CreateModel."""
    api = common.rest_api(context, params["restApiId"])
    if not params["name"]:
        raise bad_request("Model name must be non-empty")
    if not params.get("schema"):
        raise bad_request(NO_SCHEMA)
    if params["name"] in api.models:
        raise conflict("Model name already exists for this REST API")
    made: JSON = {"id": context.ids.new(SHORT)}
    made |= common.given(params, "name", "description", "schema", "contentType")
    api.models[made["name"]] = made
    return copy_of(made)


def _model(context: Context, params: JSON) -> JSON:
    """Refuse an unknown API in the words for an unknown model (recorded)."""
    api = context.state.rest_apis.get(params["restApiId"])
    found = api.models.get(params["modelName"]) if api else None
    if found is None:
        raise not_found(f"Invalid model name specified: {params['modelName']}")
    return found


def get_model(context: Context, params: JSON) -> JSON:
    """GetModel."""
    return copy_of(_model(context, params))


def get_models(context: Context, params: JSON) -> JSON:
    """GetModels."""
    api = common.rest_api(context, params["restApiId"])
    return page(api.models.values(), params, by_member("name"), copy_of)


def update_model(context: Context, params: JSON) -> JSON:
    """UpdateModel."""
    changed = copy_of(_model(context, params))
    for patch in patches(params):
        if patch.path not in PATHS.get(patch.op, ()):
            raise listed_path_error(patch, PATHS)
        if patch.path == "/schema" and not patch.text:
            raise bad_request(NO_SCHEMA)
        changed[patch.path[1:]] = patch.text
    common.rest_api(context, params["restApiId"]).models[changed["name"]] = changed
    return copy_of(changed)


def _user_of(api: RestApi, name: str) -> str | None:
    for resource in api.resources.values():
        for verb, method in resource.methods.items():
            if name in (method.get("requestModels") or {}).values():
                # the root's path gives the double slash that was recorded
                return f"/{resource.path.removeprefix('/')}/{verb}"
    return None


def delete_model(context: Context, params: JSON) -> JSON:
    """DeleteModel: refused while a method uses it."""
    found = _model(context, params)
    api = common.rest_api(context, params["restApiId"])
    user = _user_of(api, found["name"])
    if user:
        raise conflict(
            f"Cannot delete model '{found['name']}', is referenced in method request: {user}"
        )
    del api.models[found["name"]]
    return {}


HANDLERS: dict[str, Handler] = {
    "CreateModel": create_model,
    "GetModel": get_model,
    "GetModels": get_models,
    "UpdateModel": update_model,
    "DeleteModel": delete_model,
}
