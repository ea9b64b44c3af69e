"""The command `keyward`: its help, its exit codes, and what it says when something is missing."""

from __future__ import annotations

import email
import os
import shutil
import socket
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path
from urllib.parse import urlsplit

import click
import pytest
from packaging.requirements import Requirement

import keyward
from emulator import server
from emulator.emulator import Emulator
from keyward.cli import app
from keyward.cli.options import with_colour
from keyward.cli.stack import local_endpoints
from keyward.events.key_value import new_value
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
    assert app.main([*command, "--help"]) == 0
    assert capsys.readouterr().out.startswith(f"Usage: {' '.join(('keyward', *command))} ")


@pytest.mark.parametrize("group", [(), ("dlq",), ("key",), ("policy",)], ids=" ".join)
def test_no_line_of_a_list_of_commands_is_cut(group: tuple[str, ...], capsys: Capture) -> None:
    assert app.main([*group, "--help"]) == 0
    assert "..." not in capsys.readouterr().out.partition("Commands:")[2]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_each_command_prints_data_on_request(command: tuple[str, ...], capsys: Capture) -> None:
    app.main([*command, "--help"])
    assert "--json" in capsys.readouterr().out


@pytest.mark.parametrize(
    "call",
    [(), ("key",), ("no-such-command",), ("history", "--api"), ("why", "GET", "/pets")],
    ids=str,
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


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that pipx makes of a checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    copy = folder / "checkout"
    caches = shutil.ignore_patterns("__pycache__")
    shutil.copytree(tree.PACKAGE, copy / tree.name(tree.PACKAGE), ignore=caches)
    shutil.copy(tree.ROOT / "pyproject.toml", copy)
    built = ["--no-index", "--wheel-dir", str(folder), str(copy)]
    subprocess.run([*command, *built], check=True, capture_output=True)
    (file,) = folder.glob("*.whl")
    return file


def test_pip_installs_the_command_with_its_data_and_version(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as package:
        names = set(package.namelist())
        (info,) = {name.partition("/")[0] for name in names if ".dist-info/" in name}
        entry = package.read(f"{info}/entry_points.txt").decode()
        about = email.message_from_bytes(package.read(f"{info}/METADATA"))
    assert "keyward = keyward.cli:main" in entry
    assert about["Version"] == keyward.__version__
    data = {p.relative_to(tree.PACKAGE.parent).as_posix() for p in tree.PACKAGE.rglob("*.json")}
    assert data <= names


def needed(line: str, found: dict[str, metadata.Distribution]) -> None:
    """Add what a line of requirements asks for here, and all that it needs, to those `found`."""
    wanted = Requirement(line)
    if wanted.name in found or (wanted.marker and not wanted.marker.evaluate({"extra": ""})):
        return
    found[wanted.name] = metadata.distribution(wanted.name)
    assert found[wanted.name].version in wanted.specifier
    for line in found[wanted.name].requires or ():
        needed(line, found)


def test_each_installed_command_explains_itself_where_nothing_else_is(
    wheel: Path, tmp_path: Path
) -> None:
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as package:
        package.extractall(site)
    (info,) = site.glob("*.dist-info")
    packages: dict[str, metadata.Distribution] = {}
    for line in metadata.Distribution.at(info).requires or ():
        needed(line, packages)
    for package in packages.values():
        for file in {Path(file.parts[0]) for file in package.files or () if file.parts[0] != ".."}:
            if not (site / file).exists():
                (site / file).symlink_to(str(package.locate_file(file)))
    program = (
        "import sys; sys.path.append(sys.argv[1])\n"
        "from keyward.cli import main\n"
        "for line in sys.argv[2:]: print(main([*line.split(), '--help']))\n"
        "assert 'site' not in sys.modules"
    )
    commands = [" ".join(command) for command in [(), *COMMANDS]]
    # -S and -I: nothing of this environment, nor of the checkout, is there.
    ended = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program, str(site), *commands],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.splitlines().count("0") == len(commands)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_completes_commands(shell: str, capsys: Capture) -> None:
    assert app.main(["completion", shell]) == 0
    assert "_KEYWARD_COMPLETE" in capsys.readouterr().out
    asked = {"COMP_WORDS": "keyward pol", "COMP_CWORD": "pol" if shell == "fish" else "1"}
    ended = run("keyward", _KEYWARD_COMPLETE=f"{shell}_complete", **asked)
    assert "policy" in ended.stdout


@pytest.mark.parametrize("no_colour", ["", "1"])
def test_nothing_is_coloured_but_a_terminal(
    no_colour: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", no_colour)
    assert with_colour() is (False if no_colour else None)
    assert "\x1b" not in run("keyward", "--help").stdout


def test_local_asks_the_aws_of_this_machine_whatever_the_environment_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    emulator = Emulator()
    running = server.start(emulator)
    try:
        monkeypatch.setenv("PORT", str(int(str(urlsplit(running.url).port)) - 1))
        for name in local_endpoints(1):
            monkeypatch.setenv(name, "https://elsewhere.invalid")
        assert app.main(["--local", "look", "--json"]) == 0
    finally:
        running.stop()
    assert emulator.calls()


@pytest.mark.parametrize("port", ["abc", "0", "65535", "-1", "4580 "])
def test_a_port_that_is_none_is_a_wrong_call(
    port: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PORT", port)
    assert app.main(["--local", "status"]) == 2
    assert f"PORT must be a number from 1 to 65534, got {port!r}" in capsys.readouterr().err


def test_where_nothing_listens_the_address_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody accepts
        port = taken.getsockname()[1]
        monkeypatch.setenv("PORT", str(port))
        for name in local_endpoints(1):
            monkeypatch.setenv(name, "https://elsewhere.invalid")
        assert app.main(["--local", "status"]) == 2
    assert f"Nothing answers at http://127.0.0.1:{port}. Is `make local`" in capsys.readouterr().err
