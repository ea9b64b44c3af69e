"""The tool of mutation testing: what is a mutant, and that its lists name what there is."""

from __future__ import annotations

import ast
import json

import pytest

from tests import tree
from tools import mutant_tests, mutants

CODE = """
def x_say__mutmut_orig(name):
    raise ValueError(f"{name}: must be a text", "plan")

def x_say__mutmut_1(name):
    raise ValueError({changed})

class Customer:
    def xǁCustomerǁname__mutmut_orig(self):
        return 1

    def xǁCustomerǁname__mutmut_2(self):
        return 2
"""
NAMES = ["x_say__mutmut_1", "xǁCustomerǁname__mutmut_2"]


@pytest.mark.parametrize(
    ("changed", "is_mutant"),
    [
        ('f"{name}: MUST BE A TEXT", "plan"', False),
        ('f"{other}: must be a text", "plan"', True),
        ('f"{name}: must be a text", "PLAN"', True),
        ('f"{name}: must be a text", None', True),
    ],
)
def test_a_change_of_the_words_of_a_sentence_is_no_mutant(changed: str, is_mutant: bool) -> None:
    found = dict(mutant_tests._changes(CODE.replace("{changed}", changed), NAMES))
    assert ("x_say__mutmut_1" in found) is is_mutant
    assert found["xǁCustomerǁname__mutmut_2"] == "name\n- return 1\n+ return 2"


def test_each_module_and_each_test_is_there() -> None:
    package = tree.ROOT / mutant_tests.PACKAGE
    assert [name for name in mutants.MODULES if not (package / name).is_file()] == []
    tests = {test for tests in mutants.MODULES.values() for test in tests}
    assert sorted(test for test in tests if not (tree.ROOT / test).is_file()) == []


def test_no_module_that_decides_is_left_out() -> None:
    package = tree.ROOT / mutant_tests.PACKAGE
    found = [path for part in ("policy", "runs") for path in (package / part).rglob("*.py")]
    found += [*package.glob("customers/plan*.py"), package / "apis/plan.py"]
    found.append(package / "apis/compare.py")
    wanted = {path.relative_to(package).as_posix() for path in found if path.stat().st_size}
    wanted = {name for name in wanted if not name.endswith("__init__.py")}
    assert wanted - {*mutants.MODULES} - {*mutants.EXCUSED} == set()


def test_a_module_that_is_excused_is_there_and_has_no_function() -> None:
    package = tree.ROOT / mutant_tests.PACKAGE
    assert not {*mutants.EXCUSED} & {*mutants.MODULES}
    for name in mutants.EXCUSED:
        parts = ast.walk(ast.parse((package / name).read_text("utf-8")))
        assert [part.name for part in parts if isinstance(part, ast.FunctionDef)] == []


def test_each_reason_is_of_a_module_that_is_run_and_says_something() -> None:
    reasons = json.loads((tree.ROOT / "tests/mutants.json").read_text("utf-8"))
    assert {*reasons} <= {*mutants.MODULES}
    told = [reason for changes in reasons.values() for reason in changes.values()]
    assert [reason for reason in told if not reason.endswith(".") or len(reason) < 20] == []
