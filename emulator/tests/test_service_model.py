"""Routes and shapes: what botocore would send is understood, for every operation there is."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.compat import urlencode
from botocore.model import ListShape, MapShape, Shape, StructureShape
from botocore.serialize import create_serializer

from emulator import service_model, wire
from emulator.operations import HANDLERS

OPERATIONS = list(service_model.service_model().operation_names)


def sample(shape: Shape, depth: int = 0) -> Any:
    """A value that fits the shape, awkward characters included."""
    if isinstance(shape, StructureShape):
        return {
            name: sample(member, depth + 1)
            for name, member in shape.members.items()
            if depth < 3 or name in shape.required_members
        }
    if isinstance(shape, ListShape):
        return [sample(shape.member, depth + 1)]
    if isinstance(shape, MapShape):
        return {"some.name": sample(shape.value, depth + 1)}
    if getattr(shape, "enum", None):
        return shape.enum[0]
    return {
        "string": "a b/c?d=é&+%",
        "boolean": True,
        "integer": 7,
        "long": 7,
        "double": 0.5,
        "blob": b"{}",
        "timestamp": 1_795_000_000,
    }[shape.type_name]


@pytest.mark.parametrize("operation", OPERATIONS)
def test_what_botocore_sends_is_read_back(operation: str) -> None:
    model = service_model.operation_model(operation)
    if model.input_shape is None:
        return
    params = sample(model.input_shape)
    sent = create_serializer("rest-json", include_validation=True).serialize_to_request(
        params, model
    )
    target = urlsplit(sent["url_path"])
    query = _query(sent["query_string"], target.query)
    headers = {name.lower(): value for name, value in sent["headers"].items()}
    read = wire.parse(model.http["method"], f"{target.path}{query}", headers, _bytes(sent["body"]))
    assert read == (operation, params)


def _query(parameters: Any, already: str) -> str:
    pairs = urlencode(parameters, doseq=True)
    text = "&".join(part for part in (already, pairs) if part)
    return f"?{text}" if text else ""


def _bytes(body: Any) -> bytes:
    return body if isinstance(body, bytes) else str(body or "").encode()


def test_every_operation_answers_or_says_that_it_is_not_built() -> None:
    assert set(HANDLERS) <= set(OPERATIONS)
    unbuilt = {name for name in OPERATIONS if name not in HANDLERS}
    words = (
        "Domain|BasePath|VpcLink|ClientCertificate|Documentation|Sdk|TestInvokeAuth|ModelTemplate"
    )
    assert {name for name in unbuilt if not re.search(words, name)} == set()


def test_what_only_reads_is_no_write() -> None:
    writes = {name for name in OPERATIONS if service_model.is_write(name)}
    assert not {name for name in writes if name.startswith(("Get", "Test"))}
    assert {"CreateApiKey", "UpdateUsage", "ImportApiKeys", "TagResource", "DeleteStage"} <= writes
