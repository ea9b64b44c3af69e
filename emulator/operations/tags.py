"""Tags of APIs, stages, keys and plans (aws-recorded.md 1, Tags)."""

from __future__ import annotations

from emulator.context import Context, Handler
from emulator.errors import bad_request, not_found
from emulator.model import JSON
from emulator.operations import common


def _settings(context: Context, arn: str) -> JSON:
    """The settings of what `arn:aws:apigateway:<region>::/<kind>/<id>` names."""
    parts = arn.split(":", 5)
    if len(parts) != 6 or parts[2] != "apigateway":
        raise bad_request(f"Invalid ARN: {arn}")
    match parts[5].strip("/").split("/"):
        case ["restapis", api_id]:
            return common.rest_api(context, api_id).settings
        case ["restapis", api_id, "stages", name]:
            return common.stage(context, {"restApiId": api_id, "stageName": name}).settings
        case ["apikeys", key_id]:
            return common.key(context, key_id).settings
        case ["usageplans", plan_id]:
            return common.plan(context, plan_id).settings
        case _:
            raise not_found("Invalid resource identifier specified")


def get_tags(context: Context, params: JSON) -> JSON:
    """GetTags."""
    return {"tags": dict(_settings(context, params["resourceArn"]).get("tags") or {})}


def tag_resource(context: Context, params: JSON) -> JSON:
    """TagResource: adds to what is there."""
    settings = _settings(context, params["resourceArn"])
    tags = (settings.get("tags") or {}) | params["tags"]
    common.check_tags(tags)
    settings["tags"] = tags
    return {}


def untag_resource(context: Context, params: JSON) -> JSON:
    """UntagResource: an absent key is no error (recorded)."""
    settings = _settings(context, params["resourceArn"])
    gone = set(params["tagKeys"])
    tags = settings.get("tags") or {}
    settings["tags"] = {name: value for name, value in tags.items() if name not in gone}
    return {}


HANDLERS: dict[str, Handler] = {
    "GetTags": get_tags,
    "TagResource": tag_resource,
    "UntagResource": untag_resource,
}
