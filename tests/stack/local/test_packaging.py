"""What is packed from the working tree, and what the template becomes."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from local import template
from local.aws import LocalAws
from local.dependencies import DependencyError, link_packages
from local.packaging import DeployError, Stack, zip_folder

ROOT = Path(__file__).parents[3]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    package = tmp_path / "package"
    package.mkdir()
    (package / "module.py").write_text("ANSWER = 42\n")
    (package / "data.json").write_text("{}")
    (package / "__pycache__").mkdir()
    (package / "__pycache__" / "old.pyc").write_bytes(b"old")
    return tmp_path


def test_a_zip_has_sources_data_and_fresh_bytecode(folder: Path) -> None:
    names = zipfile.ZipFile(io.BytesIO(zip_folder(folder, "python"))).namelist()

    assert "python/package/module.py" in names
    assert "python/package/data.json" in names
    (bytecode,) = [name for name in names if name.endswith(".pyc")]
    assert bytecode.startswith("python/package/__pycache__/module.")


def test_the_bytecode_does_not_depend_on_file_times(folder: Path) -> None:
    archive = zipfile.ZipFile(io.BytesIO(zip_folder(folder)))
    (name,) = [name for name in archive.namelist() if name.endswith(".pyc")]

    flags = int.from_bytes(archive.read(name)[4:8], "little")

    assert flags == 0b01  # hash-based, unchecked (PEP 552)


def test_short_forms_become_long_ones(tmp_path: Path) -> None:
    path = tmp_path / "template.yaml"
    path.write_text(
        "AWSTemplateFormatVersion: 2010-09-09\n"
        "A: !Ref B\nC: !GetAtt D.Arn\nE: !Sub '${F}-g'\nH: !If [I, !Ref J, 1]\n"
    )

    assert template.load(path) == {
        "AWSTemplateFormatVersion": "2010-09-09",
        "A": {"Ref": "B"},
        "C": {"Fn::GetAtt": ["D", "Arn"]},
        "E": {"Fn::Sub": "${F}-g"},
        "H": {"Fn::If": ["I", {"Ref": "J"}, 1]},
    }


def test_local_paths_become_uploads_and_functions_get_the_variables() -> None:
    given: dict[str, Any] = {
        "Globals": {"Function": {"CodeUri": "functions", "Environment": {"Variables": {"A": "1"}}}},
        "Resources": {
            "Layer": {"Type": "AWS::Serverless::LayerVersion", "Properties": {"ContentUri": "l"}},
            "Machine": {
                "Type": "AWS::Serverless::StateMachine",
                "Properties": {"DefinitionUri": "m.yaml"},
            },
            "Bus": {"Type": "AWS::Events::EventBus"},
        },
    }
    uploads = template.Uploads(
        code=lambda path: {"code": path},
        layer=lambda path: {"layer": path},
        definition=lambda path: {"definition": path},
    )

    made = template.localize(given, uploads, {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"})

    assert made["Globals"]["Function"] == {
        "CodeUri": {"code": "functions"},
        "Environment": {"Variables": {"A": "1", "AWS_ENDPOINT_URL": "http://127.0.0.1:1"}},
    }
    assert made["Resources"]["Layer"]["Properties"] == {"ContentUri": {"layer": "l"}}
    assert made["Resources"]["Machine"]["Properties"] == {"DefinitionUri": {"definition": "m.yaml"}}


def test_functions_find_what_the_layer_locks_and_what_the_runtime_has() -> None:
    linked = {
        path.name for path in link_packages(ROOT / "layers/keyward/requirements.txt").iterdir()
    }

    assert {"aws_lambda_powertools", "boto3", "botocore", "urllib3"} <= linked
    assert not {"pytest", "ministack", "moto"} & linked


@pytest.mark.parametrize(
    ("line", "says"),
    [("boto3==0.0.1", "locks boto3 0.0.1, found"), ("no-such-package==1", "is not installed")],
)
def test_a_lock_that_this_environment_does_not_meet_is_refused(
    tmp_path: Path, line: str, says: str
) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text(f"{line} \\\n    --hash=sha256:0\n")

    with pytest.raises(DependencyError, match=says):
        link_packages(requirements)


def test_a_stack_that_fails_says_why_however_much_it_has_rolled_back(
    aws: LocalAws, tmp_path: Path
) -> None:
    body: dict[str, Any] = {"Resources": {}}
    for number in range(60):
        body["Resources"][f"Topic{number}"] = {"Type": "AWS::SNS::Topic"}
    body["Resources"]["Loud"] = {
        "Type": "AWS::Lambda::Url",
        "DependsOn": list(body["Resources"]),
        "Properties": {"TargetFunctionArn": "nobody", "AuthType": "AWS_IAM"},
    }
    path = tmp_path / "template.yaml"
    path.write_text(json.dumps(body))

    with pytest.raises(DeployError, match=r"Loud: .*nobody"):
        Stack(aws.client, path, "failing").deploy(parameters={}, variables={})
