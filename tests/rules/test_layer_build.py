"""The layer is built with bytecode, or says that it is not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import tree

HERE = ".".join(map(str, sys.version_info[:2]))
LAYER = tree.ROOT / "layers" / "keyward"


def build(folder: Path, python: str, commands: tuple[str, ...] = ("python3",)) -> str:
    """Build a layer of one module for Lambda's `python`, where `commands` are of this Python: what
    sam shows."""
    (folder / "keyward").mkdir()
    (folder / "keyward" / "module.py").write_text("ANSWER = 42\n", encoding="utf-8")
    shutil.copy(LAYER / "Makefile", folder)
    (folder / "bin").mkdir()
    for command in commands:
        script = folder / "bin" / command
        # Installs nothing: no test reaches the network.
        script.write_text(f'#!/bin/sh\n[ "$2" = pip ] || exec {sys.executable} "$@"\n', "utf-8")
        script.chmod(0o755)
    where = {"PATH": f"{folder / 'bin'}{os.pathsep}/usr/bin{os.pathsep}/bin"}
    command = ["make", "build-KeywardLayer", f"LAMBDA_PYTHON={python}"]
    (folder / "out" / "python").mkdir(parents=True)
    done = subprocess.run(
        [*command, f"ARTIFACTS_DIR={folder / 'out'}"],
        cwd=folder,
        env=where,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.mark.parametrize("commands", [("python3",), ("python3", f"python{HERE}")])
def test_the_layer_has_bytecode_where_lambdas_python_is(
    tmp_path: Path, commands: tuple[str, ...]
) -> None:
    said = build(tmp_path, HERE, commands)
    assert [path.name for path in tmp_path.glob("out/**/*.pyc")] == [
        f"module.{sys.implementation.cache_tag}.pyc"
    ]
    assert "WARNING" not in said


def test_a_layer_without_bytecode_says_so_and_what_to_do(tmp_path: Path) -> None:
    said = build(tmp_path, "9.99")
    assert list(tmp_path.glob("out/**/*.py"))
    assert not list(tmp_path.glob("out/**/*.pyc"))
    assert "WITHOUT BYTECODE" in said
    assert "sam build --use-container" in said


def test_the_layer_is_compiled_for_the_python_that_runs_it() -> None:
    makefile = (LAYER / "Makefile").read_text(encoding="utf-8")
    template = (tree.ROOT / "template.yaml").read_text(encoding="utf-8")
    [version] = [line.split()[-1] for line in makefile.splitlines() if "LAMBDA_PYTHON :=" in line]
    assert f"CompatibleRuntimes: [python{version}]" in template
