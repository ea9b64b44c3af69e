"""Remedies: each is a command of `keyward` that its own parser takes, whatever it is about."""

from __future__ import annotations

import ast
import shlex
from importlib import import_module
from itertools import product

import pytest

from keyward.audit.model import Finding
from keyward.audit.remedies import remedy_of
from keyward.customers.drift import DISABLED
from keyward.errors import KeywardError, class_named
from keyward.events import remedy
from keyward.report.waiting import finding_items, with_command
from tests import tree
from tests.cli.desk import parsed

NAMES = ("acme", "o'brien; rm -rf ~", "-x", "a b", "ev\x1b[2Kil\nname", "$(id)", "ünï", "a\u202eb")


def errors() -> list[str]:
    found, left = [], [KeywardError]
    while left:
        kind = left.pop()
        found.append(kind.__name__)
        left += kind.__subclasses__()
    return [name for name in found if class_named(name)]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("stack", ["keyward", "a-stack"])
def test_the_remedy_of_every_error_is_a_command_of_keyward(name: str, stack: str) -> None:
    for error in (*errors(), "States.Timeout"):
        for kind in ("customer", "api"):
            text = remedy.after_failure(error, kind, name, stack)
            parsed(text)
            assert text.isprintable()


@pytest.mark.parametrize("name", NAMES)
def test_an_answer_is_a_command_whatever_the_names(name: str) -> None:
    parsed(remedy.answer("approve", "a1b2c3d4e5", name, "0123456789abcdef", stack=name))
    assert remedy.visible(name).isprintable()


@pytest.mark.parametrize("name", NAMES)
def test_a_remedy_names_the_stack_that_it_is_for(name: str) -> None:
    text = remedy.of_stack(remedy.after_failure("KeywardError", "customer", name), "another")
    parsed(text)
    assert shlex.split(text)[-2:] == ["--stack", "another"]
    text = remedy.of_stack(remedy.answer("reject", "-x"), name)
    parsed(text)
    assert ("--stack" in text, text.endswith(" -- -x")) == (True, True)


def kinds_of_findings() -> set[str]:
    """The kinds of which the audit makes findings: what it gives `Finding`, or calls `kind`."""
    kinds: set[str] = set()
    for file in (tree.PACKAGE / "audit").glob("*.py"):
        module = import_module(f"keyward.audit.{file.stem}")
        for node in ast.walk(tree.syntax(file)):
            given = [word.value for word in getattr(node, "keywords", ()) if word.arg == "kind"]
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "Finding":
                given += node.args[:1]
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Tuple):
                is_kind = ast.unparse(node.targets[0]).startswith("(kind,")
                given += node.value.elts[:1] if is_kind else []
            kinds |= {str(one.value) for one in given if isinstance(one, ast.Constant)}
            names = (one.id for one in given if isinstance(one, ast.Name))
            kinds |= {str(getattr(module, name)) for name in names if name.isupper()}
    return kinds


@pytest.mark.parametrize("about", ["customer_id", "rest_api_id", "plan"])
def test_audit_and_report_name_one_command_with_its_arguments(about: str) -> None:
    kinds = kinds_of_findings()
    assert len(kinds) > 30
    assert {"held", DISABLED, "exposed_methods", "keys_near_limit", "not_possible"} <= kinds
    for kind, name in product(sorted(kinds), (None, *NAMES)):
        found = Finding(kind, "low", "says", **{about: name})
        told = remedy_of(found, "a-stack")
        parsed(told)
        words = shlex.split(told)
        if name and about != "plan" and words[1] in ("start", "send"):
            assert remedy.visible(name) in words
        for item in finding_items([found], {})[0]:
            assert with_command(item, "a-stack").remedy.endswith(f"`{told}`"), kind
