"""template.yaml as the local AWS gets it: read with its short forms, paths replaced by uploads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from keyward.values import JSON

Upload = Callable[[str], JSON]


class TemplateError(ValueError):
    """The template uses something that the local AWS cannot deploy."""


# YAML with CloudFormation's short forms (`!Sub x` is `{"Fn::Sub": x}`). libyaml, where PyYAML has
# it, reads eight times as fast.
_Loader: Any = type("_Loader", (getattr(yaml, "CSafeLoader", yaml.SafeLoader),), {})


def _short_form(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> JSON:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


def _as_text(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> str:
    return str(loader.construct_scalar(node))


_Loader.add_multi_constructor("!", _short_form)
# an unquoted date (AWSTemplateFormatVersion, a policy's Version) is text to CloudFormation
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _as_text)


def load(path: Path) -> JSON:
    """A template, with the long forms of its functions, or a state machine's definition."""
    template = yaml.load(path.read_text("utf-8"), Loader=_Loader)  # noqa: S506 - a SafeLoader
    if not isinstance(template, dict):
        raise TemplateError(f"{path} has no members")
    return template


@dataclass(frozen=True)
class Uploads:
    """What uploads the template's local paths: the code of functions, the folder of a layer, the
    definition of a state machine. Each takes the path and answers with SAM's S3 location."""

    code: Upload
    layer: Upload
    definition: Upload


def localize(template: JSON, uploads: Uploads, variables: Mapping[str, str]) -> JSON:
    """The template with uploads for its local paths and `variables` for every function.

    Only SAM's functions, layers and state machines may name local paths.
    """
    functions = template.setdefault("Globals", {}).setdefault("Function", {})
    environment = functions.setdefault("Environment", {}).setdefault("Variables", {})
    environment.update(variables)
    if isinstance(functions.get("CodeUri"), str):
        functions["CodeUri"] = uploads.code(functions["CodeUri"])
    for resource in template["Resources"].values():
        _localize_resource(resource, uploads)
    return template


def without_what_is_of_aws_only(template: JSON) -> JSON:
    """The template without what the local AWS has not: alarms on an expression, and HTTPS."""
    resources = {
        key: resource
        for key, resource in template["Resources"].items()
        if not _is_of_aws_only(resource)
    }
    return template | {"Resources": resources}


def _is_of_aws_only(resource: JSON) -> bool:
    properties = resource.get("Properties", {})
    return (resource["Type"] == "AWS::CloudWatch::Alarm" and "Metrics" in properties) or (
        resource["Type"] == "AWS::S3::BucketPolicy" and "aws:SecureTransport" in str(properties)
    )


def _localize_resource(resource: JSON, uploads: Uploads) -> None:
    properties = resource.get("Properties", {})
    for kind, name, upload in (
        ("AWS::Serverless::Function", "CodeUri", uploads.code),
        ("AWS::Serverless::LayerVersion", "ContentUri", uploads.layer),
        ("AWS::Serverless::StateMachine", "DefinitionUri", uploads.definition),
    ):
        if resource["Type"] == kind and isinstance(properties.get(name), str):
            properties[name] = upload(properties[name])
