"""The tree keeps its shape: imports run one way, names agree, nothing grows too long."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

from tests import tree

THINGS = {"errors", "contracts", "event_fields", "policy", "key", "customer", "api", "api_compare"}
THINGS |= {"api_steps", "callers", "desired", "policy_parts", "policy_billing", "billing"}
THINGS |= {"changes", "wishes", "notices", "foreign_events"}
THINGS |= {"ledger"}
THINGS |= {"policy_usage", "key_usage", "extension"}
THINGS |= {"paths", "quota_periods", "denial_facts", "denial_words", "denial_question"}
THINGS |= {"policy_lifecycle", "rotation", "actions"}
PLANNERS = {"customer_plan", "succession", "api_plan", "api_loops", "denial", "denial_told"}
PLANNERS |= {"usage_plan", "extending", "key_doubts"}
PLANNERS |= {"taking_back"}
ADAPTERS = {"gateway", "registry", "bus", "access_logs", "caller"}
FOR_FUNCTIONS = {"runtime", "batches"}
# `outside` is what `runtime` is, on a person's machine; the commands name the errors that end them.
MAY_CALL_AWS = ADAPTERS | {"runtime", "outside", "why", "history", "holds"}

# What a planner may take from the standard library: nothing that reads, writes or tells time
# (datetime reckons only: its clock is looked for by name below).
PURE = {
    "__future__",
    "collections",
    "dataclasses",
    "datetime",
    "enum",
    "functools",
    "hashlib",
    "itertools",
} | {
    "json",
    "math",
    "typing",
}

LINES_OF_A_FILE = 300
LINES_OF_A_HANDLER = 25


def module_files() -> list[tuple[str, Path]]:
    """Every file of the package with the module at its top level: `gateway` for gateway/keys.py."""
    return [
        (path.relative_to(tree.PACKAGE).parts[0].removesuffix(".py"), path)
        for path in sorted(tree.PACKAGE.rglob("*.py"))
    ]


def own_imports(path: Path) -> set[str]:
    """The modules of the package that a file imports, by their top level."""
    dotted = {name for name in tree.imports(path) if name.startswith("keyward.")}
    return {name.split(".")[1] for name in dotted if _is_module(name.split(".")[1])}


def _is_module(name: str) -> bool:
    return (tree.PACKAGE / f"{name}.py").exists() or (tree.PACKAGE / name).is_dir()


def test_the_modules_that_the_rules_name_are_there() -> None:
    found = {module for module, _ in module_files()}
    assert found >= THINGS | PLANNERS | ADAPTERS | FOR_FUNCTIONS


def test_things_import_only_things() -> None:
    wrong = {
        tree.name(path): beyond
        for module, path in module_files()
        if module in THINGS and (beyond := own_imports(path) - THINGS)
    }
    assert not wrong


def test_planners_import_only_things_and_each_other() -> None:
    wrong = {
        tree.name(path): beyond
        for module, path in module_files()
        if module in PLANNERS and (beyond := own_imports(path) - THINGS - PLANNERS)
    }
    assert not wrong


def test_adapters_know_neither_planners_nor_each_other() -> None:
    wrong = {
        tree.name(path): beyond
        for module, path in module_files()
        if module in ADAPTERS and (beyond := own_imports(path) - THINGS - {module})
    }
    assert not wrong


def test_only_functions_import_what_is_for_functions_only() -> None:
    wrong = [
        tree.name(path)
        for module, path in module_files()
        if module not in FOR_FUNCTIONS and own_imports(path) & FOR_FUNCTIONS
    ]
    assert not wrong


def test_only_the_adapters_and_the_runtime_import_an_aws_sdk() -> None:
    wrong = [
        tree.name(path)
        for module, path in module_files()
        if tree.packages(path) & {"boto3", "botocore"} and module not in MAY_CALL_AWS
    ]
    assert not wrong


def test_functions_import_no_aws_sdk_and_no_other_function() -> None:
    others = {path.stem for path in tree.function_files().values()}
    wrong = {
        tree.name(path): beyond
        for path in tree.function_files().values()
        if (beyond := tree.packages(path) & ({"boto3", "botocore"} | others))
    }
    assert not wrong


def test_the_layer_does_not_import_functions_or_the_local_aws() -> None:
    others = {path.stem for path in tree.function_files().values()} | {"functions", "local"}
    assert not {
        tree.name(p): found for _, p in module_files() if (found := tree.packages(p) & others)
    }


@pytest.mark.parametrize("planner", sorted(PLANNERS))
def test_a_planner_has_no_io_and_no_clock(planner: str) -> None:
    path = tree.PACKAGE / f"{planner}.py"
    assert tree.packages(path) - PURE - {"keyward"} == set()
    calls = [node.func for node in ast.walk(tree.syntax(path)) if isinstance(node, ast.Call)]
    names = {call.id for call in calls if isinstance(call, ast.Name)}
    methods = {call.attr for call in calls if isinstance(call, ast.Attribute)}
    assert not names & {"open", "print", "input"}
    assert not methods & {"now", "utcnow", "today", "read_text", "write_text"}


def test_key_values_come_from_secrets_and_not_from_random() -> None:
    used = tree.packages(tree.PACKAGE / "key.py")
    assert "secrets" in used
    assert "random" not in used


def test_no_file_is_longer_than_its_reader_is_patient() -> None:
    lengths = {tree.name(p): len(p.read_text("utf-8").splitlines()) for p in tree.files("*.py")}
    assert {name: lines for name, lines in lengths.items() if lines > LINES_OF_A_FILE} == {}


@pytest.mark.parametrize("path", tree.function_files().values(), ids=lambda path: path.stem)
def test_a_handler_comes_first_and_is_short(path: Path) -> None:
    functions = [node for node in tree.syntax(path).body if isinstance(node, ast.FunctionDef)]
    assert functions[0].name == "handler"
    assert functions[0].end_lineno is not None
    assert functions[0].end_lineno - functions[0].lineno + 1 < LINES_OF_A_HANDLER


def test_every_function_file_is_a_function_of_the_template_and_the_other_way_round() -> None:
    in_template = {
        logical_id: item["Properties"]["Handler"]
        for logical_id, item in tree.resources("AWS::Serverless::Function").items()
    }
    in_tree = {key: f"{path.stem}.handler" for key, path in tree.function_files().items()}
    assert in_template == in_tree


def test_a_state_that_calls_a_function_has_its_name() -> None:
    functions = tree.function_files()
    for machine, definition in tree.machines().items():
        for state, body in tree.states(definition).items():
            called = re.findall(r"\$\{(\w+?)(?:Arn)?\}", json.dumps(body.get("Arguments", "")))
            for name in set(called) & set(functions):
                assert tree.camel(state) == name, f"{machine}: {state} calls {name}"


def test_every_event_file_is_used_by_a_test_or_told_in_the_readme() -> None:
    texts = [*tree.files("*.py"), tree.ROOT / "README.md"]
    text = "\n".join(path.read_text("utf-8") for path in texts)
    unused = [tree.name(p) for p in (tree.ROOT / "events").glob("*.json") if p.stem not in text]
    assert unused == []


def test_every_function_has_an_input_of_its_name_in_events() -> None:
    named = {path.stem for path in (tree.ROOT / "events").glob("*.json")}
    wanted = {path.stem.replace("_", "-") for path in tree.function_files().values()}
    assert wanted - named == set()


def test_every_event_file_is_json() -> None:
    for path in sorted((tree.ROOT / "events").glob("*.json")):
        assert isinstance(json.loads(path.read_text("utf-8")), dict | list), path.name


def test_no_package_registry_is_named_anywhere() -> None:
    # put together here, so that this file does not name one itself
    hosts = re.compile("|".join((r"pypi\.", "pythonhosted", r"debian\.org", r"registry\.npm")))
    own = Path(__file__).resolve()
    named = [
        tree.name(path)
        for path in tree.files()
        if path != own and hosts.search(path.read_text("utf-8", errors="ignore"))
    ]
    assert named == []


def test_no_absolute_path_of_a_machine_is_in_the_tree() -> None:
    homes = re.compile(r"(?<![\w.])/(?:home|Users|root|work)/\w")
    own = Path(__file__).resolve()
    named = [
        tree.name(path)
        for path in tree.files()
        if path != own and homes.search(path.read_text("utf-8", errors="ignore"))
    ]
    assert named == []


def test_locks_have_hashes_and_no_addresses() -> None:
    for path in tree.files("*.txt"):
        if path.parent.name not in ("requirements", "keyward"):
            continue
        lines = path.read_text("utf-8").splitlines()
        pinned = [line for line in lines if re.match(r"[a-z]", line)]
        assert pinned, path
        assert all(re.match(r"[a-z0-9.-]+==\S+ (; .*)?\\$", line) for line in pinned), path
        assert not [line for line in lines if "://" in line or line.startswith("-")], path
