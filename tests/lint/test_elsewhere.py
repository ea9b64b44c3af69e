"""The check away from the command line: in no function, as a hook, in its document."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import tree


def test_no_function_and_no_room_but_the_command_imports_the_check() -> None:
    files = [*tree.FUNCTIONS.glob("*.py"), *tree.PACKAGE.rglob("*.py")]
    # the command `keyward` is for people's machines, as the check is
    rooms = {tree.PACKAGE / "lint", tree.PACKAGE / "cli"}
    others = [path for path in files if not rooms & set(path.parents)]
    assert len(others) > 30
    importers = [
        tree.name(path)
        for path in others
        if any(name.startswith(("keyward.lint", "yaml")) for name in tree.imports(path))
    ]
    assert importers == []


def hook() -> dict[str, Any]:
    (found,) = yaml.safe_load((tree.ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize(
    "name",
    [
        "template.yaml",
        "stacks/template.json",
        "app.template.yml",
        "sam-template.yaml",
        "openapi.json",
        "docs/petstore.openapi.yaml",
        "swagger.yml",
        "local/sample_api.yaml",
    ],
)
def test_the_hook_looks_at_templates_and_documents(name: str) -> None:
    assert re.search(hook()["files"], name)


@pytest.mark.parametrize(
    "name", ["package.json", ".github/workflows/ci.yml", "capital.yaml", "template.yaml.md"]
)
def test_the_hook_leaves_other_files_alone(name: str) -> None:
    assert not re.search(hook()["files"], name)


def test_the_package_has_what_the_hook_needs() -> None:
    package = tomllib.loads((tree.ROOT / "pyproject.toml").read_text("utf-8"))
    (where,) = package["tool"]["setuptools"]["packages"]["find"]["where"]
    assert (tree.ROOT / where / "keyward" / "lint" / "__main__.py").exists()
    assert any(line.startswith("PyYAML") for line in package["project"]["dependencies"])
    assert hook()["entry"] == "python -m keyward.lint --skip-others"


def test_the_action_fails_with_findings_and_writes_them_down(tmp_path: Path) -> None:
    action = yaml.safe_load((tree.ROOT / "action.yml").read_text("utf-8"))
    install, check = action["runs"]["steps"]
    assert install["run"] == 'pip install --quiet "$GITHUB_ACTION_PATH"'
    (tmp_path / "an api.json").write_text('{"openapi": "3.0.1", "paths": {"/a": {"get": {}}}}')
    (tmp_path / "keyward").write_text(f'#!/bin/sh\nexec {sys.executable} -m keyward "$@"\n')
    (tmp_path / "keyward").chmod(0o755)
    path = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(tree.PACKAGE.parent)}
    inputs = {"FILES": "*.json", "POLICY": "", "SARIF": "found.sarif"}
    ended = subprocess.run(
        ["bash", "-e", "-c", check["run"]],
        cwd=tmp_path,
        env=path | inputs,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (1, "")
    assert "GET /a asks for no key" in ended.stdout
    (run,) = json.loads((tmp_path / "found.sarif").read_text())["runs"]
    assert len(run["results"]) == 1


def prevention() -> str:
    return (tree.ROOT / "docs" / "prevention.md").read_text("utf-8")


def test_the_documents_hook_and_options_exist() -> None:
    assert re.findall(r"- id: (\S+)", prevention()) == [hook()["id"]]
    told = set(re.findall(r"(?<![\w-])(--[a-z]+)", prevention()))
    assert {"--policy", "--api", "--format", "--sarif", "--fix"} <= told
