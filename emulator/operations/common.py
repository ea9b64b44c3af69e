"""What the operations share: finding things, tags, truth values, limits."""

from __future__ import annotations

from typing import Any

from emulator.context import Context
from emulator.copies import copy_of
from emulator.errors import ApiGatewayError, bad_request, limit_exceeded, not_found
from emulator.model import JSON, ApiKey, Resource, RestApi, Stage, UsagePlan

NO_KEY = "Invalid API Key identifier specified"
NO_PLAN = "Invalid Usage Plan ID specified"
NO_RESOURCE = "Invalid Resource identifier specified"
NO_METHOD = "Invalid Method identifier specified"
NO_STAGE = "Invalid stage identifier specified"
# api-gateway.md 1, resource quotas
MAX_KEYS, MAX_PLANS, MAX_PLANS_OF_KEY = 10_000, 300, 10
# botocore model: tags; developer guide, tagging: 50 tags, keys of 128 and values of 256 characters
MAX_TAGS, MAX_TAG_KEY, MAX_TAG_VALUE = 50, 128, 256
MAX_APIS, MAX_RESOURCES, MAX_STAGES, MAX_METHOD_THROTTLES = 600, 300, 10, 20


def rest_api(context: Context, api_id: str) -> RestApi:
    """Find the API, or refuse in the recorded words (aws-recorded.md 6)."""
    api = context.state.rest_apis.get(api_id)
    if api is None:
        account = context.state.account_id
        raise not_found(f"Invalid API identifier specified {account}:{api_id}")
    return api


def resource(context: Context, params: JSON) -> Resource:
    """Find the resource; an unknown API is refused in the same words (aws-recorded.md 6)."""
    api = context.state.rest_apis.get(params["restApiId"])
    found = api.resources.get(params["resourceId"]) if api else None
    if found is None:
        raise not_found(NO_RESOURCE)
    return found


def method(context: Context, params: JSON) -> JSON:
    """The method itself, to be read or changed."""
    found = resource(context, params).methods.get(params["httpMethod"])
    if found is None:
        raise not_found(NO_METHOD)
    return found


def stage(context: Context, params: JSON) -> Stage:
    """The stage of an API."""
    found = rest_api(context, params["restApiId"]).stages.get(params["stageName"])
    if found is None:
        raise not_found(NO_STAGE)
    return found


def key(context: Context, key_id: str) -> ApiKey:
    """The key."""
    found = context.state.keys.get(key_id)
    if found is None:
        raise not_found(NO_KEY)
    return found


def plan(context: Context, plan_id: str) -> UsagePlan:
    """The usage plan."""
    found = context.state.plans.get(plan_id)
    if found is None:
        raise not_found(NO_PLAN)
    return found


def parse_boolean(value: Any) -> bool:
    """Java's parseBoolean: anything but "true" is false (aws-recorded.md 1, UpdateApiKey)."""
    return str(value).lower() == "true"


def given(params: JSON, *names: str) -> JSON:
    """A deep copy of those members that were given."""
    return {name: copy_of(params[name]) for name in names if params.get(name) is not None}


def check_limit(count: int, limit: int, things: str) -> None:
    """Refuse one more than the quota; wording as in boto3#1296, which quotes it for resources."""
    if count >= limit:
        raise limit_exceeded(
            f"Maximum number of {things} has been reached.  "
            f"Please contact AWS if you need additional {things.split(' for ')[0]}."
        )


def untagged_in_lists(settings: JSON) -> JSON:
    """A copy as Create and List show it: no empty `tags` (aws-recorded.md 0, tags quirk)."""
    shown = copy_of(settings)
    if not shown.get("tags"):
        shown.pop("tags", None)
    return shown


def always_tagged(settings: JSON) -> JSON:
    """A copy as Get and Update show it: `tags` even when there are none."""
    return copy_of(settings) | {"tags": dict(settings.get("tags") or {})}


def number(text: Any, error: ApiGatewayError | None = None) -> float:
    """A number out of a patch value."""
    try:
        return float(text)
    except (TypeError, ValueError):
        raise error or bad_request(f"Invalid number: {text}") from None


def check_tags(tags: dict[str, str] | None) -> None:
    """Refuse too many tags, or tags that are too long."""
    tags = tags or {}
    if len(tags) > MAX_TAGS:
        raise bad_request(f"The number of tags exceeds the maximum of {MAX_TAGS}")
    if any(not 0 < len(name) <= MAX_TAG_KEY for name in tags):
        raise bad_request(f"Tag keys must have 1 to {MAX_TAG_KEY} characters")
    if any(len(value) > MAX_TAG_VALUE for value in tags.values()):
        raise bad_request(f"Tag values can have at most {MAX_TAG_VALUE} characters")
