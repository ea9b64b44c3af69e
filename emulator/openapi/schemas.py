"""Schemas of documents as API Gateway keeps them in models, and back."""

from __future__ import annotations

import json
from typing import Any

from emulator.model import JSON

MODELS = "https://apigateway.amazonaws.com/restapis"


def model_schema(schema: Any, api_id: str) -> str:
    """A document's schema as a model's text; its references become addresses of models."""
    return json.dumps(_to_model(schema, api_id), indent=2, default=str)


def _to_model(node: Any, api_id: str) -> Any:
    if isinstance(node, list):
        return [_to_model(item, api_id) for item in node]
    if not isinstance(node, dict):
        return node
    made = {str(name): _to_model(item, api_id) for name, item in node.items()}
    reference = made.get("$ref")
    if isinstance(reference, str) and reference.startswith("#/"):
        made["$ref"] = f"{MODELS}/{api_id}/models/{reference.rpartition('/')[2]}"
    return made


def document_schema(text: str, prefix: str) -> JSON:
    """A model's text as a schema of a document whose schemas lie under `prefix`."""
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {"type": "object"}
    made: JSON = _to_document(found, prefix) if isinstance(found, dict) else {"type": "object"}
    made.pop("$schema", None)
    return made


def _to_document(node: Any, prefix: str) -> Any:
    if isinstance(node, list):
        return [_to_document(item, prefix) for item in node]
    if not isinstance(node, dict):
        return node
    made = {name: _to_document(item, prefix) for name, item in node.items()}
    reference = made.get("$ref")
    if isinstance(reference, str) and reference.startswith(MODELS):
        made["$ref"] = f"{prefix}{reference.rpartition('/')[2]}"
    return made
