"""The layer before the service: required members, enums and patterns (`ValidationException`)."""

from __future__ import annotations

import re
from typing import Any

from botocore.model import ListShape, Shape, StringShape, StructureShape

from emulator import service_model
from emulator.errors import invalid
from emulator.model import JSON

# AWS names the values in an order that is not the model's; these were recorded (aws-recorded.md 0;
# localstack snapshots: test_create_rest_api_with_endpoint_configuration,
# test_put_integration_wrong_type, test_gateway_response_validation), the others come as modelled
RECORDED_ORDER = {
    "QuotaPeriodType": "MONTH, WEEK, DAY",
    "Op": "add, remove, move, test, replace, copy",
    "IpAddressType": "ipv4, dualstack",
    "EndpointType": "PRIVATE, EDGE, REGIONAL",
    "IntegrationType": "HTTP, MOCK, AWS_PROXY, HTTP_PROXY, AWS",
    "GatewayResponseType": (
        "REQUEST_TOO_LARGE, RESOURCE_NOT_FOUND, AUTHORIZER_CONFIGURATION_ERROR, "
        "MISSING_AUTHENTICATION_TOKEN, BAD_REQUEST_BODY, INVALID_SIGNATURE, INVALID_API_KEY, "
        "BAD_REQUEST_PARAMETERS, AUTHORIZER_FAILURE, UNAUTHORIZED, INTEGRATION_TIMEOUT, "
        "ACCESS_DENIED, DEFAULT_4XX, DEFAULT_5XX, WAF_FILTERED, QUOTA_EXCEEDED, THROTTLED, "
        "API_CONFIGURATION_ERROR, UNSUPPORTED_MEDIA_TYPE, INTEGRATION_FAILURE, EXPIRED_TOKEN"
    ),
}
STATUS_CODE = re.compile(r"[1-5]\d\d")


def check(operation: str, params: JSON) -> None:
    """Refuse parameters that the service model rules out.

    Raises:
        ApiGatewayError: ValidationException that lists everything that was found.
    """
    shape = service_model.operation_model(operation).input_shape
    if not isinstance(shape, StructureShape):
        return
    prefix = f"{operation[0].lower()}{operation[1:]}Input."
    in_body, elsewhere = [], []
    for name, member in shape.members.items():
        required = name in shape.required_members
        if "location" in member.serialization:
            elsewhere += _errors(member, params.get(name), name, required=required)
        elif name != shape.serialization.get("payload"):
            in_body += _errors(member, params.get(name), prefix + name, required=required)
    found = in_body + elsewhere
    if found:
        plural = "s" if len(found) > 1 else ""
        raise invalid(f"{len(found)} validation error{plural} detected: {'; '.join(found)}")


def _error(value: str, at: str, constraint: str) -> str:
    return f"Value {value} at '{at}' failed to satisfy constraint: {constraint}"


def _errors(shape: Shape, value: Any, at: str, *, required: bool) -> list[str]:
    if value is None:
        return [_error("null", at, "Member must not be null")] if required else []
    if isinstance(shape, StructureShape):
        return [
            error
            for name, member in shape.members.items()
            for error in _errors(
                member, value.get(name), f"{at}.{name}", required=name in shape.required_members
            )
        ]
    if isinstance(shape, ListShape):
        return _list_errors(shape, value, at)
    if isinstance(shape, StringShape) and shape.enum and value not in shape.enum:
        return [_error(f"'{value}'", at, _enum_constraint(shape))]
    if shape.name == "StatusCode" and not STATUS_CODE.fullmatch(str(value)):
        pattern = f"Member must satisfy regular expression pattern: {STATUS_CODE.pattern}"
        return [_error(f"'{value}'", at, pattern)]
    return []


def _list_errors(shape: ListShape, value: list[Any], at: str) -> list[str]:
    member = shape.member
    if isinstance(member, StringShape) and member.enum:
        if all(item in member.enum for item in value):
            return []
        constraint = f"Member must satisfy constraint: [{_enum_constraint(member)}]"
        return [_error(f"'[{', '.join(value)}]'", at, constraint)]
    return [
        error
        for number, item in enumerate(value, 1)
        for error in _errors(member, item, f"{at}.{number}.member", required=False)
    ]


def _enum_constraint(shape: StringShape) -> str:
    values = RECORDED_ORDER.get(shape.name) or ", ".join(shape.enum)
    return f"Member must satisfy enum value set: [{values}]"
