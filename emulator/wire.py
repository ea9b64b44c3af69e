"""HTTP requests to parameters, outputs to HTTP answers, by the shapes of botocore's model."""

from __future__ import annotations

import base64
import json
import uuid
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from botocore.model import Shape, StructureShape

from emulator import service_model
from emulator.errors import ApiGatewayError, bad_request
from emulator.model import JSON

JSON_TYPE = "application/json"


@dataclass(frozen=True)
class Answer:
    """An HTTP answer of the control plane."""

    status: int
    headers: dict[str, str]
    body: bytes


def parse(verb: str, target: str, headers: dict[str, str], body: bytes) -> tuple[str, JSON]:
    """The operation and its parameters; `target` is path and query, header names are lower case.

    Raises:
        ApiGatewayError: for a path that is no operation's, or a body that fits no shape.
    """
    path, _, query_text = target.partition("?")
    query = parse_qs(query_text, keep_blank_values=True)
    found = service_model.match(verb, path, query)
    if found is None:
        raise ApiGatewayError(
            "MissingAuthenticationTokenException", 403, "Missing Authentication Token"
        )
    operation, labels = found
    shape = service_model.operation_model(operation).input_shape
    if not isinstance(shape, StructureShape):
        return operation, {}
    params = _from_body(shape, body)
    for name, member in shape.members.items():
        value = _from_elsewhere(name, member, labels, query, headers)
        if value is not None:
            params[name] = value
    _spread_query(shape, query, params)
    return operation, params


def _wire_name(name: str, shape: Shape) -> str:
    return str(shape.serialization.get("name", name))


def _from_elsewhere(
    name: str,
    member: Shape,
    labels: dict[str, str],
    query: dict[str, list[str]],
    headers: dict[str, str],
) -> Any:
    location, wire_name = member.serialization.get("location"), _wire_name(name, member)
    if location == "uri":
        return labels.get(wire_name)
    if location == "header":
        return headers.get(wire_name.lower())
    if location == "querystring" and member.type_name != "map" and wire_name in query:
        values = query[wire_name]
        return values if member.type_name == "list" else _read(member, values[-1])
    return None


def _spread_query(shape: StructureShape, query: dict[str, list[str]], params: JSON) -> None:
    """A map in the query takes every key that is no other member's (GetExport, ImportRestApi)."""
    members = shape.members.items()
    names = [name for name, member in members if _is_query_map(member)]
    if names:
        known = {_wire_name(name, member) for name, member in members} | {"mode"}
        rest = {key: values[-1] for key, values in query.items() if key not in known}
        if rest:
            params[names[0]] = rest


def _is_query_map(member: Shape) -> bool:
    return member.serialization.get("location") == "querystring" and member.type_name == "map"


def _from_body(shape: StructureShape, body: bytes) -> JSON:
    payload = shape.serialization.get("payload")
    if payload:
        return {payload: body}
    if not body.strip():
        return {}
    try:
        document = json.loads(body)
    except ValueError as error:
        raise ApiGatewayError("SerializationException", 400, "Invalid JSON") from error
    if not isinstance(document, dict):
        raise bad_request("Invalid request input")
    return _read_members(shape, document, lambda member: "location" not in member.serialization)


def _read_members(shape: StructureShape, document: JSON, wanted: Any = None) -> JSON:
    read: JSON = {}
    for name, member in shape.members.items():
        value = document.get(_wire_name(name, member))
        if value is not None and (wanted is None or wanted(member)):
            read[name] = _read(member, value)
    return read


def _mismatch(value: Any, wanted: str) -> ApiGatewayError:
    # recorded text: localstack snapshot test_put_integration_request_parameter_bool_type
    names = {bool: "java.lang.Boolean", str: "java.lang.String", list: "java.util.ArrayList"}
    number = "com.amazon.coral.value.json.numbers.TruncatingBigNumber"
    found = names.get(type(value), "java.util.HashMap" if isinstance(value, dict) else number)
    return ApiGatewayError(
        "SerializationException", 400, f"class {found} can not be converted to an {wanted}"
    )


def _read(shape: Shape, value: Any) -> Any:
    match shape.type_name:
        case "structure":
            if not isinstance(value, dict):
                raise _mismatch(value, "Object")
            return _read_members(shape, value)  # type: ignore[arg-type]
        case "list":
            if not isinstance(value, list):
                raise _mismatch(value, "List")
            return [_read(shape.member, item) for item in value]  # type: ignore[attr-defined]
        case "map":
            if not isinstance(value, dict):
                raise _mismatch(value, "Map")
            return {
                key: _read(shape.value, item)  # type: ignore[attr-defined]
                for key, item in value.items()
                if item is not None
            }
        case _:
            return _read_scalar(shape.type_name, value)


def _read_scalar(type_name: str, value: Any) -> Any:
    if type_name == "boolean":
        return value if isinstance(value, bool) else str(value).lower() == "true"
    if type_name in ("integer", "long", "double", "float"):
        try:
            return float(value) if type_name in ("double", "float") else int(value)
        except (TypeError, ValueError) as error:
            raise _mismatch(value, "Number") from error
    if type_name == "string" and not isinstance(value, str):
        raise _mismatch(value, "String")
    return base64.b64decode(value) if type_name == "blob" else value


def serialize(operation: str, output: JSON) -> Answer:
    """The HTTP answer of a successful call."""
    status = service_model.success_status(operation)
    shape = service_model.operation_model(operation).output_shape
    if not isinstance(shape, StructureShape) or (not shape.members and not output):
        return Answer(status, common_headers(), b"")
    headers = common_headers()
    for name, member in shape.members.items():
        if member.serialization.get("location") == "header" and name in output:
            headers[_wire_name(name, member)] = str(output[name])
    payload = shape.serialization.get("payload")
    if payload:
        return Answer(status, headers, output.get(payload, b""))
    return Answer(status, headers, _to_json(_write(shape, output)))


def serialize_error(error: ApiGatewayError) -> Answer:
    """The HTTP answer of a refused call (aws-recorded.md 0)."""
    headers = common_headers() | {"x-amzn-errortype": error.code}
    return Answer(error.status, headers, _to_json({"message": error.message}))


def common_headers() -> dict[str, str]:
    """Headers that every answer has."""
    return {
        "Content-Type": JSON_TYPE,
        "x-amzn-requestid": str(uuid.uuid4()),
        "x-amz-apigw-id": base64.urlsafe_b64encode(uuid.uuid4().bytes[:11]).decode(),
    }


def _to_json(value: Any) -> bytes:
    """Compact JSON and one byte more, as recorded."""
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


def _write(shape: Shape, value: Any) -> Any:
    match shape.type_name:
        case "structure":
            members: dict[str, Shape] = shape.members  # type: ignore[attr-defined]
            return {
                _wire_name(name, member): _write(member, value[name])
                for name, member in members.items()
                if value.get(name) is not None and "location" not in member.serialization
            }
        case "list":
            return [_write(shape.member, item) for item in value]  # type: ignore[attr-defined]
        case "map":
            return {
                key: _write(shape.value, item)  # type: ignore[attr-defined]
                for key, item in value.items()
            }
        case "double" | "float":
            return float(value)
        case "integer" | "long" | "timestamp":
            return int(value)
        case _:
            return value
