"""The checkout as the rules for it see it: files, imports, template, state machines."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator
from copy import deepcopy
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

from samtranslator.translator.managed_policy_translator import ManagedPolicyLoader
from samtranslator.translator.transform import transform

from keyward.values import JSON
from local.template import Uploads, load, localize

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "layers" / "keyward" / "keyward"
FUNCTIONS = ROOT / "functions"

# What tools leave in the tree; .git and .venv hold other people's files.
NOT_OURS = {".git", ".venv", ".aws-sam", ".local", "build", "__pycache__", ".hypothesis"}


def files(pattern: str = "*") -> list[Path]:
    """Our files, by a glob for the name."""
    return [path for path in _all_files() if fnmatch(path.name, pattern)]


@cache
def _all_files() -> tuple[Path, ...]:
    found = []
    for folder, inner, names in os.walk(ROOT):
        inner[:] = [name for name in inner if name not in NOT_OURS and not name.endswith("_cache")]
        found += [Path(folder, name) for name in names if name not in NOT_OURS]
    return tuple(sorted(found))


def name(path: Path) -> str:
    """A file as people write it, from the root."""
    return path.relative_to(ROOT).as_posix()


@cache
def syntax(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imports(path: Path) -> set[str]:
    """Every module that a file imports anywhere, inside functions and for typing too."""
    found = set()
    for node in ast.walk(syntax(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def packages(path: Path) -> set[str]:
    """The first name of every import: `boto3` for `boto3.session`."""
    return {module.split(".")[0] for module in imports(path)}


def function_files() -> dict[str, Path]:
    """The file of each function by its id: `CreateKey` for functions/create_key.py."""
    return {camel(path.stem): path for path in sorted(FUNCTIONS.glob("*.py"))}


def camel(words: str) -> str:
    """`CreateKey` for `create_key` and `Create key`, `ConfirmApi` for `Confirm API`."""
    return "".join(word.capitalize() for word in re.split(r"[ _]", words))


@cache
def template() -> JSON:
    return load(ROOT / "template.yaml")


def resources(kind: str) -> dict[str, JSON]:
    """The template's resources of a type, by logical id."""
    return {key: item for key, item in template()["Resources"].items() if item["Type"] == kind}


@cache
def machines() -> dict[str, JSON]:
    """Each state machine's definition, by its file's name without endings."""
    return {
        path.name.removesuffix(".asl.yaml"): load(path)
        for path in sorted((ROOT / "statemachines").glob("*.asl.yaml"))
    }


def levels(definition: JSON) -> Iterator[JSON]:
    """A definition and every machine within it (Map and Parallel)."""
    yield definition
    for state in definition["States"].values():
        for inner in [*state.get("Branches", []), *filter(None, [state.get("ItemProcessor")])]:
            yield from levels(inner)


def states(definition: JSON) -> dict[str, JSON]:
    """All states by name, inner ones too."""
    return {key: state for level in levels(definition) for key, state in level["States"].items()}


@cache
def deployed() -> JSON:
    """The template after SAM's transform: what CloudFormation gets."""
    place = {"Bucket": "uploads", "Key": "upload"}
    uploads = Uploads(*[lambda _: dict(place)] * 3)
    return transform(localize(deepcopy(template()), uploads, {}), {}, ManagedPolicyLoader(None))


def deployed_resources(kind: str) -> dict[str, JSON]:
    """The resources of a type after SAM's transform, by logical id."""
    return {key: item for key, item in deployed()["Resources"].items() if item["Type"] == kind}


def assert_outlives_the_stack(logical_id: str, resource: JSON) -> None:
    """A resource with data stays when its stack goes; when its creation fails, nothing is left."""
    assert resource["DeletionPolicy"] == "RetainExceptOnCreate", logical_id
    assert resource["UpdateReplacePolicy"] == "Retain", logical_id
