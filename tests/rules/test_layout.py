"""The tree keeps its shape: imports run one way, names agree, nothing grows too long."""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from pathlib import Path

import pytest

from keyward.customers.actions import ACTIONS
from tests import tree

# The floors of the package: a room imports lower floors only, and itself.
FLOORS = (
    {"errors", "values"},
    {"policy"},
    {"events"},
    {"customers"},
    {"apis"},
    {"aws", "lint"},
    {"runs"},
    {"audit", "explain"},
    {"report"},
    {"cli"},
    {"__main__", "key", "why"},  # doors: `python -m keyward`, `keyward.key`, `keyward.why`
)
MAY_CALL_AWS = ("aws/", "runs/runtime.py", "cli/")
FOR_FUNCTIONS = {"keyward.runs.runtime", "keyward.runs.intake"}
PURE_NAMES = re.compile(r"(model|plan\w*|words)\.py")

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
    "re",
    "typing",
}

# What a type alias begins with.
GENERIC = {"dict", "list", "tuple", "set", "frozenset", "Mapping", "Sequence", "Callable"}

LINES_OF_A_FILE = 300
LINES_OF_A_FUNCTION = 40
LINES_OF_A_HANDLER = 25


def modules() -> dict[str, Path]:
    """Every module of the package by its path in it: `aws/gateway/keys.py`."""
    return {p.relative_to(tree.PACKAGE).as_posix(): p for p in sorted(tree.PACKAGE.rglob("*.py"))}


def room(dotted: str) -> str:
    """The room of a module: `aws` for `keyward.aws.bus`."""
    return dotted.split(".")[1] if "." in dotted else ""


def floor(name: str) -> int:
    return next(number for number, rooms in enumerate(FLOORS) if name in rooms)


def test_rooms_import_lower_floors_only() -> None:
    upwards = [
        f"{name} imports {imported}"
        for name, path in modules().items()
        if name != "__init__.py"
        for own in [re.split(r"[/.]", name)[0]]
        for imported in tree.imports(path)
        if imported.startswith("keyward.") and room(imported) not in ("", own)
        if not (floor(room(imported)) < floor(own))
    ]
    assert upwards == []


def test_every_module_is_in_a_room() -> None:
    assert {re.split(r"[/.]", name)[0] for name in modules()} - {"__init__"} == set().union(*FLOORS)


def test_only_functions_import_what_is_for_functions_only() -> None:
    users = [name for name, path in modules().items() if tree.imports(path) & FOR_FUNCTIONS]
    assert [name for name in users if name not in ("runs/intake.py",)] == []


def test_only_the_adapters_the_runtime_and_the_command_import_an_aws_sdk() -> None:
    users = [n for n, path in modules().items() if tree.packages(path) & {"boto3", "botocore"}]
    assert [name for name in users if not name.startswith(MAY_CALL_AWS)] == []


def test_functions_import_no_aws_sdk_and_no_other_function() -> None:
    others = {path.stem for path in tree.function_files().values()}
    wrong = {
        tree.name(path): beyond
        for path in tree.function_files().values()
        if (beyond := tree.packages(path) & ({"boto3", "botocore"} | others))
    }
    assert not wrong


def test_the_layer_imports_neither_functions_nor_the_local_aws_nor_the_emulator() -> None:
    others = {path.stem for path in tree.function_files().values()}
    others |= {"functions", "local", "emulator", "tests"}
    assert not {n: found for n, p in modules().items() if (found := tree.packages(p) & others)}


def test_the_emulator_imports_nothing_of_keyward() -> None:
    files = (tree.ROOT / "emulator").rglob("*.py")
    users = {tree.name(p): tree.packages(p) & {"keyward", "local", "functions"} for p in files}
    assert {name: found for name, found in users.items() if found} == {}


def pure_modules() -> list[str]:
    """Models, planners and words of every room above the adapters."""
    names = [name for name in modules() if not name.startswith("aws/")]
    return [name for name in names if PURE_NAMES.fullmatch(name.split("/")[-1])]


@pytest.mark.parametrize("name", pure_modules())
def test_a_planner_has_no_io_and_no_clock(name: str) -> None:
    path = tree.PACKAGE / name
    assert tree.packages(path) - PURE - {"keyward"} == set()
    assert not [i for i in tree.imports(path) if i.startswith(("keyward.aws", "keyward.runs"))]
    calls = [node.func for node in ast.walk(tree.syntax(path)) if isinstance(node, ast.Call)]
    names = {call.id for call in calls if isinstance(call, ast.Name)}
    methods = {call.attr for call in calls if isinstance(call, ast.Attribute)}
    assert not names & {"open", "print", "input"}
    assert not methods & {"now", "utcnow", "today", "read_text", "write_text"}


def test_key_values_come_from_secrets_and_not_from_random() -> None:
    used = tree.packages(tree.PACKAGE / "events" / "key_value.py")
    assert "secrets" in used
    assert "random" not in used


def aliases(path: Path) -> dict[str, str]:
    """The type aliases of a module: `JSON = dict[str, Any]`."""
    nodes = [node for node in tree.syntax(path).body if isinstance(node, ast.Assign)]
    return {
        ast.unparse(node): tree.name(path)
        for node in nodes
        if isinstance(node.value, ast.Subscript) and ast.unparse(node.value.value) in GENERIC
    }


def test_a_type_alias_has_one_home() -> None:
    # The emulator knows nothing of Keyward: what it shares with it, it has of its own.
    ours = [path for path in tree.files("*.py") if not tree.name(path).startswith("emulator/")]
    homes: dict[str, list[str]] = {}
    for alias, home in (found for path in ours for found in aliases(path).items()):
        homes.setdefault(alias, []).append(home)
    assert {alias: found for alias, found in homes.items() if len(found) > 1} == {}


def test_no_file_is_longer_than_the_limit() -> None:
    lengths = {tree.name(p): len(p.read_text("utf-8").splitlines()) for p in tree.files("*.py")}
    assert {name: lines for name, lines in lengths.items() if lines > LINES_OF_A_FILE} == {}


def test_no_function_is_longer_than_the_limit() -> None:
    # Samples of tests are data.
    ours = [path for path in tree.files("*.py") if "tests" not in path.parts]
    lengths = {
        f"{tree.name(path)}: {node.name}": node.end_lineno - node.lineno + 1
        for path in ours
        for node in ast.walk(tree.syntax(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno
    }
    assert {name: lines for name, lines in lengths.items() if lines > LINES_OF_A_FUNCTION} == {}


@pytest.mark.parametrize("path", tree.function_files().values(), ids=lambda path: path.stem)
def test_a_handler_comes_first_and_is_short(path: Path) -> None:
    functions = [node for node in tree.syntax(path).body if isinstance(node, ast.FunctionDef)]
    assert functions[0].name == "handler"
    assert functions[0].end_lineno is not None
    assert functions[0].end_lineno - functions[0].lineno + 1 < LINES_OF_A_HANDLER


def test_function_files_match_the_functions_of_the_template() -> None:
    in_template = {
        logical_id: item["Properties"]["Handler"]
        for logical_id, item in tree.resources("AWS::Serverless::Function").items()
    }
    in_tree = {key: f"{path.stem}.handler" for key, path in tree.function_files().items()}
    assert in_template == in_tree


def test_a_state_that_calls_a_function_has_its_name_or_is_an_action_that_shares_it() -> None:
    shared = {kind.state: tree.camel(kind.function) for kind in ACTIONS.values()}
    shared["Roll back stage"] = "VerifyStage"
    functions = tree.function_files()
    for machine, definition in tree.machines().items():
        for state, body in tree.states(definition).items():
            called = re.findall(r"\$\{(\w+?)(?:Arn)?\}", json.dumps(body.get("Arguments", "")))
            for name in set(called) & set(functions):
                expected = shared.get(state, tree.camel(state))
                assert expected == name, f"{machine}: {state} calls {name}"


def test_every_event_file_is_used_by_a_test_or_named_in_the_readme() -> None:
    texts = [*tree.files("*.py"), tree.ROOT / "README.md"]
    text = "\n".join(path.read_text("utf-8") for path in texts)
    files = (tree.ROOT / "events").glob("*/*.json")
    # tests/rules/test_actions.py takes one sample an action.
    samples = {action.replace("_", "-") for action in ACTIONS}
    assert [tree.name(p) for p in files if p.stem not in text and p.stem not in samples] == []


def test_every_function_or_its_actions_have_inputs_of_their_names_in_events() -> None:
    named = {path.stem for path in (tree.ROOT / "events").glob("*/*.json")}
    applied = {kind.function for kind in ACTIONS.values()}
    functions = {path.stem for path in tree.function_files().values()} - applied
    wanted = {name.replace("_", "-") for name in (*functions, *ACTIONS)}
    assert wanted - named == set()


def test_every_event_file_is_json() -> None:
    for path in sorted((tree.ROOT / "events").glob("*/*.json")):
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
        if path.parent.name not in ("requirements", "engines", "mutants", "keyward"):
            continue
        lines = path.read_text("utf-8").splitlines()
        pinned = [line for line in lines if re.match(r"[a-z]", line)]
        assert pinned, path
        assert all(re.match(r"[a-z0-9.-]+==\S+ (; .*)?\\$", line) for line in pinned), path
        assert not [line for line in lines if "://" in line or line.startswith("-")], path


def test_the_lock_of_npm_has_hashes_and_no_addresses() -> None:
    lock = json.loads((tree.ROOT / "requirements/engines/package-lock.json").read_text("utf-8"))
    packages = {name: about for name, about in lock["packages"].items() if name}
    assert packages
    assert [name for name, about in packages.items() if "integrity" not in about] == []
    assert [name for name, about in packages.items() if "resolved" in about] == []
    wanted = json.loads((tree.ROOT / "requirements/engines/package.json").read_text("utf-8"))
    assert all(re.fullmatch(r"[\d.]+", pinned) for pinned in wanted["dependencies"].values())


def test_no_prefix_does_the_work_of_a_folder() -> None:
    prefixes = Counter(
        (path.parent, path.stem.split("_")[0])
        for path in modules().values()
        if "_" in path.stem[1:]
    )
    # a planner is known by its name: PURE_NAMES
    assert {prefix for (_, prefix), count in prefixes.items() if count > 2} <= {"plan"}
