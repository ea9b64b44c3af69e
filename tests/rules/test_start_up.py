"""What a cold start imports, by function: it is most of the CPU that a start takes.

The modules are counted in fresh processes, which import the function and nothing else; figures in
milliseconds are those of `make bench`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from dataclasses import FrozenInstanceError, field, fields, is_dataclass, replace
from functools import cache
from threading import Barrier

import pytest

from keyward.values import frozen
from tests import tree

FUNCTIONS = sorted(path.stem for path in (tree.ROOT / "functions").glob("*.py"))
# The functions that a sign-up calls.
SIGN_UP = (
    *("record_customer", "start_customer_reconcile", "plan_customer"),
    *("create_key", "attach_key", "conclude_customer"),
)
# Modules of Keyward; which ones a library imports beside its own depends on what is installed.
MAX_MODULES_OF_SIGN_UP = 310
# The nightly report reads with every room: it has the most.
MAX_MODULES = 150
# boto3 adds resources to botocore, which no function uses; a schema is not compiled at a start.
NEVER = {"boto3", "s3transfer", "fastjsonschema", "jsonschema", "yaml", "click"}
# Powertools is imported by who takes batches; the others import it when they log or count.
BATCHES = "keyward.runs.intake"

# The clients of all functions are botocore's, which no fork need import again.
IN_A_FORK = """
import json, os, sys
import botocore.session
sys.path[:0] = json.loads(sys.argv[1])
for name in json.loads(sys.argv[2]):
    read, write = os.pipe()
    if os.fork() == 0:
        before = set(sys.modules)
        __import__(name)
        os.write(write, json.dumps(sorted(set(sys.modules) - before)).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as answer:
        print(json.dumps([name, json.loads(answer.read())]))
    os.wait()
"""


@cache
def modules() -> dict[str, set[str]]:
    """The modules that each function imports."""
    folders = [str(tree.PACKAGE.parent), str(tree.ROOT / "functions")]
    done = subprocess.run(
        [sys.executable, "-c", IN_A_FORK, json.dumps(folders), json.dumps(FUNCTIONS)],
        capture_output=True,
        text=True,
        check=True,
    )
    return {name: set(found) for name, found in map(json.loads, done.stdout.splitlines())}


def own(function: str) -> set[str]:
    """Keyward's modules among them."""
    return {name for name in modules()[function] if name.startswith("keyward.")}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_imports_no_library_that_it_does_not_use(function: str) -> None:
    found = {name.partition(".")[0] for name in modules()[function]}
    assert not found & NEVER
    assert ("aws_lambda_powertools" in found) == (BATCHES in modules()[function])
    assert len(own(function)) <= MAX_MODULES


@pytest.mark.parametrize("function", SIGN_UP)
def test_a_function_of_customers_imports_nothing_of_apis(function: str) -> None:
    of_apis = {name for name in modules()[function] if name.startswith("keyward.apis.")}
    tables = {"apis", "edits", "storms", "plan_queue", "notices", "usage"}
    assert of_apis == set()
    assert not modules()[function] & {f"keyward.aws.tables.{name}" for name in tables}


def test_a_sign_up_imports_few_modules() -> None:
    assert sum(len(own(function)) for function in SIGN_UP) <= MAX_MODULES_OF_SIGN_UP


def test_a_frozen_class_is_compiled_by_its_first_object_and_not_by_its_import() -> None:
    code = [*tree.PACKAGE.rglob("*.py"), *(tree.ROOT / "functions").glob("*.py")]
    eager = [path.name for path in code if "@dataclass(frozen=True)" in path.read_text("utf-8")]
    assert eager == [], "write @frozen, of keyward.values"


def test_an_object_of_a_frozen_class_is_one_of_a_frozen_dataclass() -> None:
    @frozen
    class Point:
        x: int
        y: list[int] = field(default_factory=list)

    @frozen
    class Named(Point):
        name: str = ""
        kind: str = ""

    assert not is_dataclass(Named)
    one = Named(1, [2], name="a")
    assert one == Named(1, [2], "a") != Named(1, [2], "b")
    assert replace(one, x=3).x == 3
    assert [each.name for each in fields(one)] == ["x", "y", "name", "kind"]
    assert Point(1) == Point(1, [])
    with pytest.raises(FrozenInstanceError):
        one.x = 2  # type: ignore[misc]
    assert copy(one) == one
    assert [Named(x, kind="a").kind for x in (1, 2)] == ["a", "a"]


def test_threads_may_make_the_first_object_of_a_frozen_class_at_once() -> None:
    def first_objects(threads: int) -> list[tuple[int, int]]:
        @frozen
        class Point:
            x: int
            y: int = 2

        barrier = Barrier(threads)

        def make(x: int) -> tuple[int, int]:
            barrier.wait()
            point = Point(x)
            return point.x, point.y

        with ThreadPoolExecutor(threads) as pool:
            return list(pool.map(make, range(threads)))

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(5):
            assert first_objects(8) == [(x, 2) for x in range(8)]
    finally:
        sys.setswitchinterval(interval)
