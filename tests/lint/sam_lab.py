"""SAM's own transform beside our reading: the methods of a template, and which ask for a key."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any
from unittest import mock

import boto3
import yaml
from samcli.yamlhelper import yaml_parse
from samtranslator.model.exceptions import InvalidDocumentException
from samtranslator.policy_template_processor.processor import PolicyTemplatesProcessor
from samtranslator.translator.managed_policy_translator import ManagedPolicyLoader
from samtranslator.translator.transform import transform

from emulator.tests.openapi_lab import imported, methods
from keyward.lint import sam
from keyward.lint.model import Findings
from keyward.lint.source import read
from keyward.lint.template import Template
from keyward.values import JSON

FUNCTION = {"InlineCode": "x", "Handler": "index.handler", "Runtime": "python3.13"}
MACHINE = {"Definition": {"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}}
SESSION = boto3.session.Session(region_name="us-east-1")
# What SAM refuses and the check reads all the same: it says what is open, or notes the event.
REFUSED = re.compile(
    r"Unable to set ApiKeyRequired \[False\]|'Method' should be a string|"
    r"RestApiId must be a valid reference"
)


def _region() -> Any:
    """SAM makes a session of boto3 for each template, to know the Region; its own policy templates
    it checks each time too (above). Both are two thirds of the time of a small template."""
    return mock.patch.object(boto3.session, "Session", return_value=SESSION)


def transformed(body: JSON) -> Iterator[tuple[str, bool, bool]]:
    """("GET /path", asks for a key, asks for authorization) of each method that SAM and an import
    make of a template."""
    with mock.patch.object(PolicyTemplatesProcessor, "_is_valid_templates_dict"), _region():
        made = transform(deepcopy(body), {}, ManagedPolicyLoader(None))["Resources"]
    apis = [one for one in made.values() if one["Type"] == "AWS::ApiGateway::RestApi"]
    bodies = [one["Properties"].get("Body") or {} for one in apis]
    for body in [one for one in bodies if "paths" in one]:  # the others lie elsewhere
        for line, method in methods(imported(body)).items():
            yield line, method["apiKeyRequired"], method["authorizationType"] != "NONE"


def _parsed(text: str) -> Any:
    """A template as SAM reads it. SAM adds its constructors to YAML's own loader, for all."""
    names = ("yaml_constructors", "yaml_multi_constructors")
    copies = {name: dict(getattr(yaml.SafeLoader, name)) for name in names}
    bases = yaml.constructor.SafeConstructor.yaml_constructors
    with mock.patch.dict(bases), mock.patch.multiple(yaml.SafeLoader, **copies):
        return yaml_parse(text)


def assert_read_as_sam_does(path: Path) -> None:
    """Our reading of a SAM template has the methods that SAM makes of it, and their keys. A value
    that only the deployment tells counts as open here, as a key for SAM."""
    body = _parsed(path.read_text(encoding="utf-8-sig"))
    try:
        expected = Counter(line_and_key[:2] for line_and_key in transformed(reduced(body)))
    except InvalidDocumentException as refused:
        told = [cause.message for cause in refused.causes]
        assert all(REFUSED.search(one) for one in told), (path, told)
        return
    template = Template(read(path, str(path)), Findings())
    found = Counter(
        (f"{one.deployed.verb} {one.deployed.path}", one.deployed.key_required)
        for one in sam.methods(template)
    )
    if all(value in (True, False, "true", "false") for value in asked(body)):
        assert found == expected, path
    else:
        assert {line for line, _ in found} == {line for line, _ in expected}, path
        assert {line for line, key in found if key} <= {line for line, key in expected if key}


def reduced(body: JSON) -> JSON:
    """The template without what SAM would refuse and no method depends on: code, layers, files."""
    kept: JSON = {"Kept": {"Type": "AWS::SNS::Topic"}}  # SAM refuses a template without any
    for name, resource in deepcopy(body["Resources"]).items():
        own = resource.get("Properties") or {}
        events = {key: own[key] for key in ("Events",) if key in own}
        kind = str(resource.get("Type")).removeprefix("AWS::Serverless::")
        if kind == "Api":
            uri = {"DefinitionUri": "s3://bucket/key"} if "DefinitionUri" in own else {}
            kept[name] = resource | {"Properties": {"StageName": "prod"} | own | uri}
        elif kind in ("Function", "StateMachine"):
            stub = FUNCTION if kind == "Function" else MACHINE
            kept[name] = {"Type": resource["Type"], "Properties": stub | events}
    shared = {"Api": (body.get("Globals") or {}).get("Api") or {}}
    return {"Globals": shared, "Parameters": body.get("Parameters") or {}, "Resources": kept}


def asked(value: Any) -> Iterator[Any]:
    """Each value of ApiKeyRequired in a template, however deep."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "ApiKeyRequired":
                yield inner
            yield from asked(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from asked(inner)


def is_sam(path: Path) -> bool:
    """Whether a file is a template with SAM's own resources."""
    if path.suffix not in (".yaml", ".yml", ".json", ".template"):
        return False
    text = path.read_text(encoding="utf-8", errors="replace")
    return re.search(r"AWS::Serverless::(Api|Function|StateM|Appl)", text) and bool(
        re.search(r"^\W*Resources\W", text, re.MULTILINE)
    )
