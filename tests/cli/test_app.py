"""The command `keyward`: its help, its exit codes, and what it says when something is missing."""

from __future__ import annotations

import email
import os
import shutil
import subprocess
import sys
import zipfile
from contextlib import suppress
from pathlib import Path

import click
import pytest

import keyward
from keyward.cli import app
from keyward.customers.key import new_value
from tests import tree

Capture = pytest.CaptureFixture[str]
READING = [
    ("history", "acme"),
    ("holds",),
    ("why", "--customer", "acme", "--api", "a1b2c3d4e5", "--stage", "prod", "GET", "/pets"),
]


def names(group: click.Group, before: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for name, command in group.commands.items():
        deeper = names(command, (*before, name)) if isinstance(command, click.Group) else []
        found += deeper or [(*before, name)]
    return found


COMMANDS = names(app.commands)


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command in a process that has only these variables."""
    base = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "AWS_EC2_METADATA_DISABLED": "true"}
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        env=base | {"PYTHONPATH": str(tree.PACKAGE.parent)} | environment,
        cwd=tree.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("command", [(), *COMMANDS], ids=" ".join)
def test_each_command_explains_itself(command: tuple[str, ...], capsys: Capture) -> None:
    try:
        code = app.main([*command, "--help"])
    except SystemExit as ended:  # `keyward lint` has the help of argparse
        code = int(ended.code or 0)
    assert code == 0
    assert capsys.readouterr().out.lower().startswith(f"usage: {' '.join(('keyward', *command))} ")


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_each_command_prints_data_on_request(command: tuple[str, ...], capsys: Capture) -> None:
    with suppress(SystemExit):  # `keyward lint` has the help of argparse
        app.main([*command, "--help"])
    assert "--json" in capsys.readouterr().out


@pytest.mark.parametrize(
    "call", [(), ("key",), ("no-such-command",), ("history",), ("why", "GET", "/pets")], ids=str
)
def test_a_wrong_call_ends_with_2(call: tuple[str, ...], capsys: Capture) -> None:
    assert app.main(call) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "Usage: keyward" in err


def test_the_version_stands_in_one_place(capsys: Capture) -> None:
    assert app.main(["--version"]) == 0
    assert capsys.readouterr().out == f"keyward, version {keyward.__version__}\n"


@pytest.mark.parametrize("call", READING, ids=lambda call: call[0])
def test_a_missing_region_is_named(call: tuple[str, ...]) -> None:
    ended = run("keyward", *call)
    assert ended.returncode == 2
    assert ended.stderr == "error: No Region is set. Give --region, or set AWS_DEFAULT_REGION\n"


@pytest.mark.parametrize("call", READING, ids=lambda call: call[0])
def test_missing_credentials_are_named(call: tuple[str, ...]) -> None:
    ended = run("keyward", *call, AWS_DEFAULT_REGION="us-east-1")
    assert ended.returncode == 2
    assert ended.stderr == (
        "error: There are no AWS credentials. Sign in with the AWS CLI, or set AWS_PROFILE\n"
    )


def test_an_unknown_profile_is_named() -> None:
    ended = run("keyward", "holds", AWS_PROFILE="nobody", AWS_DEFAULT_REGION="us-east-1")
    assert ended.returncode == 2
    assert ended.stderr.startswith("error: The AWS configuration is not usable: ")
    assert "nobody" in ended.stderr


def test_a_key_value_is_told_by_its_checksum(capsys: Capture) -> None:
    assert app.main(["key", "check", new_value("kw")]) == 0
    assert app.main(["key", "check", "something else"]) == 1
    assert app.main(["key", "check", "something else", "--json"]) == 1
    out, _ = capsys.readouterr()
    assert out == 'a Keyward key value\nnot a Keyward key value\n{\n  "keyward_value": false\n}\n'


@pytest.mark.parametrize(
    ("module", "arguments"),
    [
        ("keyward.key", ("check", "something else")),
        ("keyward.why", READING[2][1:]),
        ("keyward.lint", ("no-such-file.yaml",)),
    ],
)
def test_the_modules_of_earlier_editions_still_run(module: str, arguments: tuple[str, ...]) -> None:
    command = ("keyward", module.partition(".")[2])
    old, new = run(module, *arguments), run(*command, *arguments)
    assert (old.returncode, old.stdout, old.stderr) == (new.returncode, new.stdout, new.stderr)
    assert old.stdout + old.stderr != ""


def test_the_layer_does_not_need_click() -> None:
    users = [
        tree.name(path) for path in tree.PACKAGE.rglob("*.py") if "click" in tree.imports(path)
    ]
    assert {str(Path(name).parent) for name in users} == {"layers/keyward/keyward/cli"}
    assert "click" not in (tree.PACKAGE.parent / "requirements.txt").read_text()


def test_pip_installs_the_command_with_its_data_and_version(tmp_path: Path) -> None:
    wheel = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    copy = tmp_path / "checkout"
    caches = shutil.ignore_patterns("__pycache__")
    shutil.copytree(tree.PACKAGE, copy / tree.name(tree.PACKAGE), ignore=caches)
    shutil.copy(tree.ROOT / "pyproject.toml", copy)
    built = ["--no-index", "--wheel-dir", str(tmp_path), str(copy)]
    subprocess.run([*wheel, *built], check=True, capture_output=True)
    (file,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(file) as package:
        names = set(package.namelist())
        (info,) = {name.partition("/")[0] for name in names if ".dist-info/" in name}
        entry = package.read(f"{info}/entry_points.txt").decode()
        about = email.message_from_bytes(package.read(f"{info}/METADATA"))
    assert "keyward = keyward.cli:main" in entry
    assert about["Version"] == keyward.__version__
    data = {p.relative_to(tree.PACKAGE.parent).as_posix() for p in tree.PACKAGE.rglob("*.json")}
    assert data <= names
