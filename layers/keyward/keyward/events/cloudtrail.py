"""Read an "AWS API Call via CloudTrail" event, and believe only ids in it. Pure.

The rest serves to drop what is certainly no news, and to name who did it. The audit finds what is
dropped by mistake. Shapes: aws-recorded.md 11. Events of keys arrive as the template's input
transformers cut them: an envelope of the same form, with `requestParameters.keyId` for the ids of
all shapes, and without anything that could hold a value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from keyward.errors import InvalidEventError
from keyward.events.caller import Editor
from keyward.events.fields import REST_API_ID
from keyward.values import JSON, frozen

DETAIL_TYPE = "AWS API Call via CloudTrail"
EVENT_SOURCE = "apigateway.amazonaws.com"
# Calls that change what a stage serves; every other one of the rules edits a working copy.
MOVES_STAGE = ("CreateDeployment", "CreateStage", "UpdateStage", "DeleteStage")
TAGS = ("TagResource", "UntagResource")
PLANS = ("CreateUsagePlan", "UpdateUsagePlan", "DeleteUsagePlan")
# Roles of a stack; the rules filter those of this one as well.
STACK_ROLE = re.compile(r"arn:[^:]+:iam::\d+:role/keyward/([^/]+)/.+")
WHEN = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
WHO = ("arn", "userName", "principalId", "type")
RESOURCE_ID = re.compile(r"[A-Za-z0-9]{1,64}")
VERB = re.compile(r"[A-Z]{1,16}")
# A REST API itself, and nothing below it (Service Authorization Reference, API Gateway).
API_ARN = re.compile(rf"arn:[^:]+:apigateway:[^:]+::/restapis/({REST_API_ID.pattern})")
PLAN_ARN = re.compile(r"arn:[^:]+:apigateway:[^:]+::/usageplans/[A-Za-z0-9]+")
# A patch of /apiStages (api-gateway.md 5); other patches of a plan look otherwise.
STAGE_OF_API = re.compile(rf"\b({REST_API_ID.pattern}):[A-Za-z0-9_-]+")
RESOURCE_ID_IN = re.compile(rf"\b{RESOURCE_ID.pattern}\b")
# Calls whose answer is the API itself: only there is `responseElements.id` the id of an API.
MAKES_API = ("CreateRestApi", "ImportRestApi")
REMEDY = "Send the event as CloudTrail writes it"


@frozen
class Home:
    """Where the stack is. Calls elsewhere, and calls of its own roles, are no news."""

    account: str
    region: str
    stack: str

    @classmethod
    def of(cls, stack: str, machine_arn: str) -> Home:
        """By the stack's name and the ARN of one of its machines."""
        region, account = machine_arn.split(":")[3:5]
        return cls(account, region, stack)

    def record_in(self, envelope: Mapping[str, Any]) -> JSON | None:
        """Return the record in an envelope; None for no news: another account, Region or service, a
        call that failed, or one of our own. Raises InvalidEventError."""
        detail = _object(envelope, "detail")
        is_here = (envelope.get("account"), envelope.get("region")) == (self.account, self.region)
        if not is_here or detail.get("eventSource") != EVENT_SOURCE or detail.get("errorCode"):
            return None
        # Other stacks of Keyward are heard, so that two of them never act on one thing unseen.
        role = STACK_ROLE.fullmatch(_caller(detail))
        return None if role and role[1] == self.stack else detail


@frozen
class ApiCall:
    """A call that may have changed what a stage serves. `deployment_id` is what it made, or pointed
    a stage to and nothing else; `is_canary` says that a part of the traffic stays where it was."""

    rest_api_id: str
    deployment_id: str | None
    is_canary: bool = False


@frozen
class Edit:
    """A call that changed the working copy of an API: a method of a resource, a resource as a whole
    (`verb` is `*`), or, without `resource_id`, anything else."""

    rest_api_id: str
    editor: Editor
    resource_id: str | None = None
    verb: str = "*"


def edit(envelope: Mapping[str, Any], home: Home) -> Edit | None:
    """Read who edited which API from an EventBridge envelope; None where `api_call` has none.

    Nothing of what the caller wrote is kept. Raises InvalidEventError.
    """
    call = api_call(envelope, home)
    if call is None:
        return None
    detail = _object(envelope, "detail")
    resource_id, verb = _place(detail)
    return Edit(call.rest_api_id, editor_of(detail), resource_id, verb)


def editor_of(detail: JSON) -> Editor:
    """Name who called, in a CloudTrail record. Raises InvalidEventError."""
    when = _text(detail.get("eventTime")) or ""
    if not WHEN.fullmatch(when):
        raise InvalidEventError("detail.eventTime", "must be a time in UTC", REMEDY)
    who = _who(_object(detail, "userIdentity", "detail."))
    return Editor(who, str(detail.get("eventName"))[:64], when)


def keys_of(detail: JSON) -> list[str]:
    """List the ids of the keys that a call was about, as the rules cut them out of its record."""
    request = _object(detail, "requestParameters", "detail.")
    # An import has many: EventBridge puts a list into the quotes as `[a, b]`.
    found = RESOURCE_ID_IN.findall(_text(request.get("keyId")) or "")
    if not found:
        raise InvalidEventError("detail.requestParameters.keyId", "must be ids of keys", REMEDY)
    return found


def is_about_plan(detail: JSON) -> bool:
    """Whether a call changed a usage plan, or whose it is."""
    request = _object(detail, "requestParameters", "detail.")
    tagged = PLAN_ARN.fullmatch(_text(request.get("resourceArn")) or "")
    return bool(tagged) or detail.get("eventName") in PLANS


def apis_of(detail: JSON) -> list[str]:
    """List the REST APIs whose tags, or whose stages' usage plans, a call changed."""
    request = _object(detail, "requestParameters", "detail.")
    tagged = API_ARN.fullmatch(_text(request.get("resourceArn")) or "")
    stages = STAGE_OF_API.findall(_text(request.get("stages")) or "")
    return [tagged[1]] if tagged else sorted({*stages})


def _place(detail: JSON) -> tuple[str | None, str]:
    """Find what was edited. A new resource has its id in the answer, not in the request."""
    request, answer = detail.get("requestParameters"), detail.get("responseElements")
    created = answer if detail.get("eventName") == "CreateResource" else None
    found = [
        _text(body.get(name))
        for body, name in ((request, "resourceId"), (created, "id"))
        if isinstance(body, dict)
    ]
    resource_id = next((id_ for id_ in found if id_ and RESOURCE_ID.fullmatch(id_)), None)
    verb = _text(request.get("httpMethod")) if isinstance(request, dict) else None
    return resource_id, verb if verb and VERB.fullmatch(verb) else "*"


def _who(identity: JSON) -> str:
    """Name the caller. The ARN has the role and the person's session. A service that acts for
    somebody is named too; the root user and services have no ARN of their own."""
    service = _text(identity.get("invokedBy"))
    who = next(
        (found for name in WHO if (found := _text(identity.get(name)))), service or "unknown"
    )
    return f"{who} through {service}" if service and who != service else who


def api_call(envelope: Mapping[str, Any], home: Home) -> ApiCall | None:
    """Read the call from an EventBridge envelope. Raises InvalidEventError.

    None when Keyward has nothing to look at: what is no news (`Home.record_in`), or a call of HTTP
    and WebSocket APIs, which have `apiId`.
    """
    detail = home.record_in(envelope)
    request = _object(detail, "requestParameters", "detail.") if detail else {}
    if detail is None or "apiId" in request:
        return None
    response = detail.get("responseElements")
    answer = response if isinstance(response, dict) else {}
    found = request.get("restApiId")
    if found is None and detail.get("eventName") in MAKES_API:
        found = answer.get("id")
    if not isinstance(found, str) or not REST_API_ID.fullmatch(found):
        raise InvalidEventError(
            "detail.requestParameters.restApiId", "must be the id of a REST API", REMEDY
        )
    made = _deployment(str(detail.get("eventName")), request, answer)
    stated = request.get("createDeploymentInput")
    is_canary = isinstance(stated, dict) and bool(stated.get("canarySettings"))
    return ApiCall(found, made, is_canary)


def _deployment(name: str, request: JSON, answer: JSON) -> str | None:
    """Find the one deployment that the call made or pointed a stage to, if it did nothing else. A
    new stage on a deployment of ours is news, and so is an UpdateStage that changes more than the
    deployment."""
    if name == "CreateDeployment":
        return _text(answer.get("id"))
    stated = request.get("updateStageInput")
    changes = stated.get("patchOperations") if isinstance(stated, dict) else None
    change = changes[0] if isinstance(changes, list) and len(changes) == 1 else None
    if name != "UpdateStage" or not isinstance(change, dict):
        return None
    points = change.get("op") == "replace" and change.get("path") == "/deploymentId"
    return _text(change.get("value")) if points else None


def _caller(detail: JSON) -> str:
    """Find the ARN of the caller's role; IAM users have `sessionIssuer: {}`."""
    found: Any = detail
    for name in ("userIdentity", "sessionContext", "sessionIssuer", "arn"):
        found = found.get(name) if isinstance(found, dict) else None
    return _text(found) or ""


def _object(body: Mapping[str, Any], name: str, where: str = "") -> JSON:
    found = body.get(name)
    if not isinstance(found, dict):
        raise InvalidEventError(f"{where}{name}", "must be a JSON object", REMEDY)
    return found


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
