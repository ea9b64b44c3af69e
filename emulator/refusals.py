"""The answers that the gateway gives by itself: refusals and failures, as an API may reword them.

Bodies and `x-amzn-ErrorType` of the first six are recorded (aws-recorded.md 9) or quoted by AWS's
knowledge center ("troubleshoot HTTP 403 errors from API Gateway"); the rest are believed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from emulator.model import JSON, Snapshot
from emulator.request import Request
from emulator.vtl import TemplateError, render

Headers = list[tuple[str, str]]
Answer = tuple[int, Headers, bytes]
# Of every type alike (localstack snapshots, TestApiGatewayGatewayResponse).
DEFAULT_TEMPLATE = '{"message":$context.error.messageString}'


@dataclass(frozen=True)
class Refusal:
    """A gateway response: its type, the default status, `x-amzn-ErrorType` and message."""

    type: str
    status: int
    error: str
    message: str


class Refused(Exception):
    """A request goes no further."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


FORBIDDEN = Refusal("INVALID_API_KEY", 403, "ForbiddenException", "Forbidden")
NO_ROUTE = Refusal(
    "MISSING_AUTHENTICATION_TOKEN",
    403,
    "MissingAuthenticationTokenException",
    "Missing Authentication Token",
)
UNAUTHORIZED = Refusal("UNAUTHORIZED", 401, "UnauthorizedException", "Unauthorized")
DENIED = Refusal(
    "ACCESS_DENIED",
    403,
    "AccessDeniedException",
    "User is not authorized to access this resource with an explicit deny",
)
QUOTA = Refusal("QUOTA_EXCEEDED", 429, "LimitExceededException", "Limit Exceeded")
THROTTLED = Refusal("THROTTLED", 429, "TooManyRequestsException", "Too Many Requests")
MEDIA_TYPE = Refusal(
    "UNSUPPORTED_MEDIA_TYPE", 415, "UnsupportedMediaTypeException", "Unsupported Media Type"
)
BAD_AUTHORIZER = Refusal(
    "AUTHORIZER_CONFIGURATION_ERROR", 500, "AuthorizerConfigurationException", "null"
)
FAILURE = Refusal(
    "API_CONFIGURATION_ERROR", 500, "InternalServerErrorException", "Internal server error"
)


def missing_parameters(names: list[str]) -> Refusal:
    """A request validator found that required parameters are missing."""
    return Refusal(
        "BAD_REQUEST_PARAMETERS",
        400,
        "BadRequestException",
        f"Missing required request parameters: [{', '.join(names)}]",
    )


def answer(refusal: Refusal, request: Request, snapshot: Snapshot | None) -> Answer:
    """The refusal as the API words it (developer guide, gateway responses), else as by default.

    No trace id and no Retry-After (aws-recorded.md 9).
    """
    custom = _custom(refusal, snapshot)
    status = int(custom.get("statusCode") or refusal.status)
    media_type, template = _template(custom.get("responseTemplates") or {})
    headers: Headers = [
        ("Content-Type", media_type),
        ("x-amzn-RequestId", request.id),
        ("x-amzn-ErrorType", refusal.error),
        ("x-amz-apigw-id", apigw_id(request)),
    ]
    for name, source in (custom.get("responseParameters") or {}).items():
        value = request.value_of(source)
        if name.startswith("gatewayresponse.header.") and value is not None:
            headers.append((name.removeprefix("gatewayresponse.header."), value))
    return status, headers, _body(template, refusal, request)


def apigw_id(request: Request) -> str:
    """The value of `x-amz-apigw-id`, made from the request's id."""
    return f"{request.id.replace('-', '')[:14]}EmuSide="


def _custom(refusal: Refusal, snapshot: Snapshot | None) -> JSON:
    if snapshot is None:
        return {}
    general = "DEFAULT_5XX" if refusal.status >= 500 else "DEFAULT_4XX"
    responses = snapshot.gateway_responses
    return responses.get(refusal.type) or responses.get(general) or {}


def _template(templates: dict[str, str]) -> tuple[str, str]:
    if not templates:
        return "application/json", DEFAULT_TEMPLATE
    if "application/json" in templates:
        return "application/json", templates["application/json"]
    return next(iter(templates.items()))


def _body(template: str, refusal: Refusal, request: Request) -> bytes:
    variables = request.template_variables()
    variables["context"] = {
        **request.context,
        "error": {
            "message": refusal.message,
            "messageString": json.dumps(refusal.message),
            "responseType": refusal.type,
            "validationErrorString": refusal.message,
        },
    }
    try:
        return render(template, variables).encode()
    except TemplateError:
        return json.dumps({"message": refusal.message}, separators=(",", ":")).encode()
