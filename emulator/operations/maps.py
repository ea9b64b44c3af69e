"""Patches of maps inside methods, integrations and responses."""

from __future__ import annotations

from emulator.errors import not_found
from emulator.model import JSON
from emulator.operations.common import parse_boolean
from emulator.operations.patching import Patch

# what is said when a key to replace or remove is not there (localstack snapshots,
# test_update_method_lack_response_parameters_and_models)
MISSING = {"Parameters": "Invalid parameter name specified"}
NO_CONTENT_TYPE = "Content-Type specified was not found"


def change_map(thing: JSON, name: str, key: str, patch: Patch, *, as_boolean: bool = False) -> None:
    """Add, replace or remove one entry of the map `name`; an empty map is dropped."""
    entries = thing.get(name) or {}
    if patch.op != "add" and key not in entries:
        suffix = "Parameters" if name.endswith("Parameters") else ""
        raise not_found(MISSING.get(suffix, NO_CONTENT_TYPE))
    if patch.op == "remove":
        del entries[key]
    else:
        entries[key] = parse_boolean(patch.text) if as_boolean else patch.text
    thing.pop(name, None)
    if entries:
        thing[name] = entries
