"""The stack on the local AWS: zips from the working tree, uploads, the real template, outputs.

No `sam build`: the same files are zipped as they lie, with bytecode; the layer's third-party
packages come from this environment (local/dependencies.py).
"""

from __future__ import annotations

import io
import json
import py_compile
import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from botocore.exceptions import WaiterError

from keyward.values import JSON
from local import template

BUCKET = "keyward-artifacts"
CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
NOT_SHIPPED = frozenset({"__pycache__", ".mypy_cache", ".ruff_cache"})
LAYER_PREFIX = "python"


class DeployError(RuntimeError):
    """CloudFormation did not bring the stack up."""


def zip_folder(folder: Path, prefix: str = "") -> bytes:
    """A zip of the folder's files below `prefix`, each Python module with its bytecode."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(folder.rglob("*")):
            inside = path.relative_to(folder)
            if not path.is_file() or NOT_SHIPPED & set(inside.parts):
                continue
            archive.write(path, Path(prefix, inside))
            if path.suffix == ".py":
                archive.writestr(*_bytecode(path, Path(prefix, inside)))
    return packed.getvalue()


def _bytecode(source: Path, inside: Path) -> tuple[str, bytes]:
    """Name and content of the module's bytecode, valid whatever the extracted file's time is."""
    with tempfile.NamedTemporaryFile(suffix=".pyc") as compiled:
        py_compile.compile(
            str(source),
            cfile=compiled.name,
            dfile=str(inside),
            doraise=True,
            invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        )
        content = Path(compiled.name).read_bytes()
    cached = f"{inside.stem}.{sys.implementation.cache_tag}.pyc"
    return str(inside.parent / "__pycache__" / cached), content


class Stack:
    """The stack of one template, packed from the folder in which it lies."""

    def __init__(self, client: Callable[[str], Any], template_path: Path, name: str) -> None:
        self._s3 = client("s3")
        self._formation = client("cloudformation")
        self._folder = template_path.parent
        self._template = template.load(template_path)
        self.name = name

    @property
    def defaults(self) -> dict[str, str]:
        """The stack parameters that the template declares, with their defaults (or empty)."""
        declared = self._template.get("Parameters", {})
        return {name: str(parameter.get("Default", "")) for name, parameter in declared.items()}

    def deploy(
        self, *, parameters: Mapping[str, str], variables: Mapping[str, str]
    ) -> dict[str, str]:
        """Upload what the template names, create the stack, return its outputs.

        Parameters that the template does not declare are left out; every function gets `variables`.

        Raises:
            DeployError: with the reasons that the stack's events give.
        """
        self._s3.create_bucket(Bucket=BUCKET)
        uploads = template.Uploads(self._upload_code, self._upload_layer, self._upload_definition)
        here = template.without_what_is_of_aws_only(self._template)
        body = template.localize(here, uploads, variables)
        self._put("template.json", json.dumps(body).encode())
        self._formation.create_stack(
            StackName=self.name,
            TemplateURL=f"https://s3.amazonaws.com/{BUCKET}/template.json",
            Capabilities=CAPABILITIES,
            Parameters=[
                {"ParameterKey": key, "ParameterValue": value}
                for key, value in parameters.items()
                if key in self.defaults
            ],
        )
        return self._await_outputs()

    def _await_outputs(self) -> dict[str, str]:
        waiter = self._formation.get_waiter("stack_create_complete")
        try:
            waiter.wait(StackName=self.name, WaiterConfig={"Delay": 0.2, "MaxAttempts": 300})
        except WaiterError as error:
            raise DeployError(self._reasons()) from error
        stack = self._formation.describe_stacks(StackName=self.name)["Stacks"][0]
        return {item["OutputKey"]: item["OutputValue"] for item in stack.get("Outputs", [])}

    def _reasons(self) -> str:
        pages = self._formation.get_paginator("describe_stack_events")
        failed = [
            f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', 'no reason given')}"
            for page in pages.paginate(StackName=self.name)
            for event in page["StackEvents"]
            if event["ResourceStatus"].endswith("FAILED")
        ]
        return "; ".join(failed) or "the stack was not created, without a reason"

    def _upload_code(self, local_path: str) -> JSON:
        return self._put(f"code/{local_path}.zip", zip_folder(self._below(local_path)))

    def _upload_layer(self, local_path: str) -> JSON:
        content = zip_folder(self._below(local_path), LAYER_PREFIX)
        return self._put(f"layer/{local_path}.zip", content)

    def _below(self, local_path: str) -> Path:
        folder = (self._folder / local_path).resolve()
        if not folder.is_dir():
            raise DeployError(f"the template names {local_path}, which is not a folder")
        return folder

    def _upload_definition(self, local_path: str) -> JSON:
        definition = template.load(self._folder / local_path)
        return self._put(f"{local_path}.json", json.dumps(definition).encode())

    def _put(self, key: str, content: bytes) -> JSON:
        self._s3.put_object(Bucket=BUCKET, Key=key, Body=content)
        return {"Bucket": BUCKET, "Key": key}
