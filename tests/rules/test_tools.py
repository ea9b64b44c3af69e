"""The make targets: set-up, locks, quick tests, sums, and the tools behind them."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests import tree
from tools import check_state_machines, index, quick, run_tests, sam_local, tally
from tools.forwarder import forwarded

GOOD: dict[str, Any] = {
    "QueryLanguage": "JSONata",
    "StartAt": "Create key",
    "States": {
        "Create key": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Arguments": {"FunctionName": "create-key"},
            "End": True,
        }
    },
}


def test_a_good_definition_has_no_findings() -> None:
    assert check_state_machines.findings(GOOD) == []


def test_a_field_of_the_other_query_language_is_found() -> None:
    state = GOOD["States"]["Create key"] | {"ResultPath": "$.key"}
    (finding, *_) = check_state_machines.findings(GOOD | {"States": {"Create key": state}})
    assert "E3601" in finding
    assert "ResultPath" in finding


def test_every_definition_of_the_tree_is_checked() -> None:
    wanted = {tree.name(path) for path in (tree.ROOT / "statemachines").glob("*.yaml")}
    assert set(check_state_machines.definitions()) == wanted != set()


def test_an_answer_is_the_last_line_that_sam_prints() -> None:
    assert sam_local.answered('a line that was printed\n{"key_id": "k1"}', "CreateKey") == {
        "key_id": "k1"
    }


@pytest.mark.parametrize("output", ["", '{"errorType": "ValueError", "errorMessage": "no"}'])
def test_a_handler_that_raised_or_returned_nothing_is_a_failure(output: str) -> None:
    with pytest.raises(sam_local.SamLocalError, match="CreateKey"):
        sam_local.answered(output, "CreateKey")


def test_forwarded_bytes_arrive_and_the_answer_comes_back() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_echo_once, args=(server,), daemon=True).start()
        with forwarded(f"http://127.0.0.1:{server.getsockname()[1]}", "127.0.0.1") as url:
            host, port = url.removeprefix("http://").split(":")
            with socket.create_connection((host, int(port)), timeout=60) as client:
                client.sendall(b"hello")
                client.shutdown(socket.SHUT_WR)
                assert client.makefile("rb").read() == b"hello"


def _echo_once(server: socket.socket) -> None:
    connection, _ = server.accept()
    with connection:
        connection.sendall(connection.makefile("rb").read())


def test_forwarding_ends_with_its_block() -> None:
    with forwarded("http://127.0.0.1:9", "127.0.0.1") as url:
        host, port = url.removeprefix("http://").split(":")
    with pytest.raises(OSError, match="refused"):
        socket.create_connection((host, int(port)), timeout=60)


@pytest.mark.parametrize("script", ["tools/setup.sh", "tools/check.sh", "tools/lock.sh", ".ci/run"])
def test_a_script_is_executable_and_bash_can_read_it(script: str) -> None:
    path = tree.ROOT / script
    assert path.stat().st_mode & 0o100
    subprocess.run(["bash", "-n", str(path)], check=True)


LOCKS = {path.stem: path for path in (tree.ROOT / "requirements").glob("*.txt")}
# `make demo` and `make demo-lifecycle` install this many packages at most.
MAX_DEMO_PACKAGES = 37


def locked(name: str) -> dict[str, str]:
    """The packages of a lock with their versions."""
    return dict(re.findall(r"^([a-z0-9._-]+)==([^ ;]+)", LOCKS[name].read_text(), re.MULTILINE))


@pytest.mark.parametrize(("smaller", "larger"), [("demo", "local"), ("local", "dev")])
def test_a_lock_contains_the_smaller_one(smaller: str, larger: str) -> None:
    assert locked(smaller).items() <= locked(larger).items()


def test_the_demos_need_few_packages() -> None:
    assert 0 < len(locked("demo")) <= MAX_DEMO_PACKAGES


@pytest.mark.parametrize("target", ["demo", "demo-protection", "demo-lifecycle", "report"])
def test_a_demo_is_set_up_with_the_small_lock(target: str) -> None:
    makefile = (tree.ROOT / "Makefile").read_text()
    assert re.search(rf"^{target}: setup-demo\b", makefile, re.MULTILINE)


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_has_hashes_and_names_no_package_index(name: str) -> None:
    text = LOCKS[name].read_text()
    assert "://" not in text
    assert len(locked(name)) == len(re.findall(r"^\S+==.*\\\n    --hash=", text, re.MULTILINE))


def test_uv_asks_the_package_index_of_pip() -> None:
    commands = index.exports(
        "global.index-url='https://packages.example/simple'\n"
        "global.extra-index-url='file:///a/simple file:///b/simple'\n"
        ":env:.find-links='/wheels'\nglobal.find-links='/ignored'\nglobal.timeout='9'\n"
    )
    script = "\n".join([*commands, 'echo "$UV_DEFAULT_INDEX|$UV_INDEX|$UV_FIND_LINKS"'])
    shell = subprocess.run(
        ["bash", "-c", script],
        env={"UV_DEFAULT_INDEX": "https://mine.example"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert shell.stdout == "https://mine.example|file:///a/simple file:///b/simple|/wheels\n"


@pytest.mark.parametrize(
    ("changed", "near"),
    [
        ("tests/policy/test_policy.py", "tests/policy/test_policy.py"),
        ("layers/keyward/keyward/customers/plan.py", "tests/customers/test_plan.py"),
        ("functions/create_key.py", "tests/machines/reconcile_customer/test_run.py"),
        ("statemachines/protect_api.asl.yaml", "tests/rules/test_state_machines.py"),
        ("tests/machines/life_lab.py", "tests/machines/reconcile_customer/test_rotation.py"),
        ("README.md", "tests/rules/test_docs.py"),
        ("emulator/server.py", "emulator/tests/test_http_server.py"),
    ],
)
def test_make_quick_finds_the_tests_near_a_change(changed: str, near: str) -> None:
    assert near in quick.near_tests([changed])


def test_make_quick_leaves_the_whole_stack_to_make_test() -> None:
    near = quick.near_tests(["local/aws.py", "tests/stack/test_hold.py"])
    assert not [name for name in near if name.startswith("tests/stack/")]


def test_make_test_runs_every_file_of_tests_once() -> None:
    files = [tree.name(path) for path in tree.files("test_*.py")]
    # `make engines` has a folder of its own.
    files = [name for name in files if not name.startswith(f"{run_tests.ENGINES}/")]
    runs = Counter(
        name
        for arguments in run_tests.groups().values()
        for name in files
        if _runs(arguments, name)
    )
    assert dict(runs) == dict.fromkeys(files, 1)


def test_make_test_sizes_runs_every_file_with_a_large_test() -> None:
    (arguments,) = run_tests.sizes().values()
    large = {
        tree.name(path)
        for path in tree.files("test_*.py")
        if "pytest.mark.sizes" in path.read_text("utf-8") and path.stem != "test_tools"
    }
    assert large
    assert {name for name in large if not _runs(arguments, name)} == set()


def _runs(arguments: list[str], name: str) -> bool:
    """Whether pytest with these arguments collects a file."""
    left_out = [word.removeprefix("--ignore=") for word in arguments if word.startswith("--ignore")]
    places = [word for word in arguments if not word.startswith("-")]
    return _is_below(name, places) and not _is_below(name, left_out)


def _is_below(name: str, places: list[str]) -> bool:
    return any(name == place or name.startswith(f"{place}/") for place in places)


def test_runs_of_pytest_add_up(tmp_path: Path) -> None:
    file = tmp_path / "tally"
    test = tmp_path / "test_some.py"
    test.write_text(
        "import pytest\n"
        "def test_good(): pass\n"
        "def test_bad(): assert False\n"
        "def test_broken(nothing): pass\n"
        "@pytest.mark.xfail(strict=True)\n"
        "def test_expected(): assert False\n"
    )
    for workers in ("0", "2"):
        subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-n", workers, str(test)],
            env=tally.environment(file),
            cwd=tmp_path,
            capture_output=True,
            check=False,
        )
    tally.add_failure(file)
    assert tally.total(file) == (2, 5)


def test_make_test_ends_with_the_sum_of_its_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    good, bad = tmp_path / "test_good.py", tmp_path / "test_bad.py"
    good.write_text("def test_good(): pass\n")
    bad.write_text("def test_bad(): assert False\n")
    groups = {"one": [str(good)], "two": [str(bad)], "none": [str(tmp_path / "missing")]}
    monkeypatch.setattr(run_tests, "groups", lambda: groups)
    monkeypatch.delenv(tally.FILE, raising=False)
    assert run_tests.main() == 1
    assert capfd.readouterr().out.splitlines()[-1] == "1 passed, 2 failed"


STUBS = {
    "make": """case "$1" in
  test) printf '10 1\\n5 0\\n' >>"$KEYWARD_TALLY"; exit 1 ;;
  test-sizes) printf '3 0\\n' >>"$KEYWARD_TALLY" ;;
  conformance) printf '7 0\\n' >>"$KEYWARD_TALLY" ;;
  demo) exit 3 ;;
esac""",
    "docker": "exit 1",
    "id": "echo 1000",
}


def test_ci_ends_with_the_sum_of_all_its_parts(tmp_path: Path) -> None:
    script = tmp_path / "tree" / ".ci" / "run"
    script.parent.mkdir(parents=True)
    shutil.copy(tree.ROOT / ".ci" / "run", script)
    (tmp_path / "shared" / "conformance").mkdir(parents=True)
    for name, body in STUBS.items():
        stub = tmp_path / "bin" / name
        stub.parent.mkdir(exist_ok=True)
        stub.write_text(f"#!/bin/sh\n{body}\n")
        stub.chmod(0o755)
    environment = {"PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    ended = subprocess.run(
        ["bash", str(script)], env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert "were NOT run" in ended.stdout
    assert "ci: FAILED: test demo" in ended.stdout
    # 10 + 5 + 3 + 7 passed; one test failed, and the demo broke off without a test
    assert ended.stdout.splitlines()[-1] == "25 passed, 2 failed"


def test_every_sample_that_a_tool_reads_is_there() -> None:
    folders = ("tools", "local", "benchmarks")
    sources = [
        path for path in tree.files("*.py") if path.relative_to(tree.ROOT).parts[0] in folders
    ]
    named = {
        (place, name)
        for path in sources
        for place, name in re.findall(
            r'"events" / (?:"(\w+)" / )?"([\w-]+\.json)"', path.read_text("utf-8")
        )
    }
    assert named
    assert {item for item in named if not tree.ROOT.joinpath("events", *item).is_file()} == set()
