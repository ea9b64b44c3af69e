"""API keys (aws-recorded.md 1)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile

from emulator.context import Context, Handler
from emulator.copies import copy_of
from emulator.errors import bad_request, conflict, not_found
from emulator.ids import LONG
from emulator.model import JSON, ApiKey, key_rank
from emulator.operations import common
from emulator.operations.paging import Mark, first, start
from emulator.operations.patching import Patch, listed_path_error, patches

MIN_VALUE, MAX_VALUE, MAX_NAME, MAX_DESCRIPTION = 20, 128, 1024, 125_000
PATHS = {
    "replace": ("/description", "/enabled", "/name", "/customerId"),
    "add": ("/stages", "/labels"),
    "remove": ("/stages", "/labels"),
}


def check_value(value: str) -> None:
    """Refuse a value of the wrong length; which characters are refused was not recorded."""
    if len(value) < MIN_VALUE:
        raise bad_request(f"API Key value should be at least {MIN_VALUE} characters")
    if len(value) > MAX_VALUE:
        raise bad_request(f"API Key value exceeds maximum size of {MAX_VALUE} characters")


def check_texts(settings: JSON) -> None:
    """Refuse names and descriptions that are too long, and an empty customerId."""
    if len(settings.get("name") or "") > MAX_NAME:
        raise bad_request(f"Invalid API Key name, can be at most {MAX_NAME} characters.")
    if len(settings.get("description") or "") > MAX_DESCRIPTION:
        raise bad_request("Invalid API Key description specified.")
    if settings.get("customerId") == "":
        raise bad_request("Customer Id cannot be an empty string")


def drop_empty(settings: JSON) -> JSON:
    """An empty name or description is none."""
    return {
        name: item
        for name, item in settings.items()
        if item != "" or name not in ("name", "description")
    }


def _stage_key(context: Context, api_id: str, stage: str) -> str:
    api = context.state.rest_apis.get(api_id)
    if api is None or stage not in api.stages:
        raise not_found(f"API Stage not found: {api_id}:{stage}")
    return f"{api_id}/{stage}"


def create_api_key(context: Context, params: JSON) -> JSON:
    """CreateApiKey. `generateDistinctId` has no visible effect, as recorded."""
    check_texts(params)
    common.check_tags(params.get("tags"))
    value = params.get("value") or context.ids.value()
    check_value(value)
    if context.state.key_with(value):
        raise conflict("API Key already exists")
    common.check_limit(len(context.state.keys), common.MAX_KEYS, "API Keys")
    stage_keys = [
        _stage_key(context, item.get("restApiId", ""), item.get("stageName", ""))
        for item in params.get("stageKeys") or []
    ]
    now = context.now()
    settings = drop_empty(common.given(params, "name", "description", "customerId", "tags"))
    made = ApiKey(context.ids.new(LONG, context.state.keys), value, settings)
    settings |= {
        "id": made.id,
        "enabled": bool(params.get("enabled", False)),
        "createdDate": now,
        "lastUpdatedDate": now,
        "stageKeys": stage_keys,
    }
    context.state.add_key(made)
    return common.untagged_in_lists(settings) | {"value": value}


def get_api_key(context: Context, params: JSON) -> JSON:
    """GetApiKey."""
    found = common.key(context, params["apiKey"])
    shown = common.always_tagged(found.settings)
    return shown | ({"value": found.value} if params.get("includeValue") else {})


def _name(key: ApiKey) -> str:
    return str(key.settings.get("name", ""))


def _mark(key: ApiKey) -> Mark:
    """As recorded: the position holds value and name."""
    return (("apiKey", key.value), ("name", _name(key)))


def _found(context: Context, params: JSON) -> Iterator[ApiKey]:
    """The keys that the request asks for, in order, from its position on."""
    prefix, customer = params.get("nameQuery") or "", params.get("customerId")
    position = start(params)
    after = max((prefix,), key_rank(*position) if len(position) == 2 else position)
    keys = (key for _, key in context.state.keys.after(after))
    for key in takewhile(lambda key: _name(key).startswith(prefix), keys):
        if not customer or key.settings.get("customerId") == customer:
            yield key


def get_api_keys(context: Context, params: JSON) -> JSON:
    """GetApiKeys: `nameQuery` is a case-sensitive prefix, `customerId` exact."""
    with_values = bool(params.get("includeValues"))

    def show(key: ApiKey) -> JSON:
        shown = common.untagged_in_lists(key.settings)
        return shown | ({"value": key.value} if with_values else {})

    return first(_found(context, params), params, _mark, show)


def update_api_key(context: Context, params: JSON) -> JSON:
    """UpdateApiKey: all or nothing."""
    found = common.key(context, params["apiKey"])
    settings = copy_of(found.settings)
    for patch in patches(params):
        if patch.path not in PATHS.get(patch.op, ()):
            raise listed_path_error(patch, PATHS)
        _apply(context, settings, patch)
    check_texts(settings)
    settings["lastUpdatedDate"] = context.now()
    found.settings = drop_empty(settings)
    context.state.add_key(found)
    return common.always_tagged(found.settings)


def _apply(context: Context, settings: JSON, patch: Patch) -> None:
    if patch.path == "/stages":
        _change_stage_keys(context, settings["stageKeys"], patch)
    elif patch.path == "/enabled":
        settings["enabled"] = common.parse_boolean(patch.text)
    elif patch.path != "/labels":
        settings[patch.path[1:]] = patch.text


def _change_stage_keys(context: Context, stage_keys: list[str], patch: Patch) -> None:
    api_id, _, stage = patch.text.partition("/")
    if patch.op == "add":
        named = _stage_key(context, api_id, stage)
        if named not in stage_keys:
            stage_keys.append(named)
    elif patch.text in stage_keys:
        stage_keys.remove(patch.text)


def delete_api_key(context: Context, params: JSON) -> JSON:
    """DeleteApiKey: its places in plans go with it."""
    context.state.remove_key(common.key(context, params["apiKey"]).id)
    return {}


HANDLERS: dict[str, Handler] = {
    "CreateApiKey": create_api_key,
    "GetApiKey": get_api_key,
    "GetApiKeys": get_api_keys,
    "UpdateApiKey": update_api_key,
    "DeleteApiKey": delete_api_key,
}
