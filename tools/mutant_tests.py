"""Run the tests that reach each mutant, inside the copy that tools/mutants.py made.

    python -m tools.mutant_tests ANSWER MODULE ...

The tests of all modules are collected once. They run without a change first, which tells which
functions each of them reaches and how long it takes. Then each mutant has a process of its own,
which runs its tests, the quickest first, until one fails: about 20 ms a mutant.
"""

from __future__ import annotations

import ast
import copy
import difflib
import json
import math
import os
import resource
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import pytest
from _pytest.runner import runtestprotocol

from tools.mutants import MODULES, Outcome

PACKAGE = "layers/keyward/keyward"
CHILDREN = 2
# A test that takes longer than so many CPU seconds is left out.
LONGEST_TEST = 1.0
# A mutant that waits for ever is ended, and counts as killed.
LONGEST_WAIT = 300


@dataclass(frozen=True)
class Mutant:
    """One change of a module. `name` is mutmut's, with that of the module to import."""

    module: str
    name: str
    change: str

    @property
    def function(self) -> str:
        """The function that is changed, by mutmut's name."""
        return self.name.partition("__mutmut_")[0]


def main(answer: str, modules: Sequence[str]) -> int:
    """Write the outcome to `answer`. Exit code 1 when a test fails without any change."""
    plugin = Mutants([mutant for module in modules for mutant in _mutants(module)])
    tests = sorted({test for module in modules for test in MODULES[module]})
    options = ["-q", "--tb=no", "-p", "no:cacheprovider"]
    code = pytest.main([*options, *tests], plugins=[plugin])
    if not code:
        Path(answer).write_text(json.dumps([vars(item) for item in plugin.outcome()]), "utf-8")
    return int(code)


def _mutants(module: str) -> Iterator[Mutant]:
    """Change the module to one that can be each of its mutants."""
    path = Path(PACKAGE) / module
    generator = import_module("mutmut.mutation.file_mutation")
    made = generator.mutate_file_contents(module, path.read_text("utf-8"))
    path.write_text(made.code, "utf-8")
    imported = "keyward." + module.removesuffix(".py").replace("/", ".")
    for name, change in _changes(made.code, made.mutant_names):
        yield Mutant(module, f"{imported}.{name}", change)


def _changes(code: str, mutants: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Each mutant with its change, which stays the same when other code moves. A mutant of words is
    left out."""
    functions = {
        node.name: node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.FunctionDef)
    }
    for mutant in mutants:
        about = mutant.partition("__mutmut_")[0]
        before, after = (
            copy.deepcopy(functions[name]) for name in (f"{about}__mutmut_orig", mutant)
        )
        before.name = after.name = about.rpartition("ǁ")[2].removeprefix("x_")
        if ast.dump(_Wordless().visit(copy.deepcopy(before))) == ast.dump(
            _Wordless().visit(copy.deepcopy(after))
        ):
            continue
        lines = difflib.ndiff(ast.unparse(before).splitlines(), ast.unparse(after).splitlines())
        changed = [f"{line[0]} {line[1:].strip()}" for line in lines if line[0] in "-+"]
        yield mutant, "\n".join([before.name, *changed])


class _Wordless(ast.NodeTransformer):
    """A function without the words of its sentences."""

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        is_sentence = isinstance(node.value, str) and " " in node.value
        return ast.Constant("words") if is_sentence else node


class Mutants:
    """A pytest plugin that runs the collected tests for each mutant."""

    def __init__(self, mutants: Sequence[Mutant]) -> None:
        self.mutants = mutants
        self.survivors: list[Mutant] = []
        self._trampoline = import_module("mutmut.mutation.trampoline")
        self._hits: set[str] = import_module("mutmut.state").state()._stats
        self._trampoline.set_mutant_under_test("")

    def outcome(self) -> list[Outcome]:
        """What became of each module's mutants."""
        return [
            Outcome(
                module,
                sum(mutant.module == module for mutant in self.mutants),
                sorted(mutant.change for mutant in self.survivors if mutant.module == module),
            )
            for module in dict.fromkeys(mutant.module for mutant in self.mutants)
        ]

    def pytest_collection(self) -> None:
        """Draw the same examples for each mutant, and look for no smaller one."""
        # Not at the top: pytest wants to import it first.
        from hypothesis import Phase, settings

        settings.register_profile(
            "mutants",
            settings.get_profile("keyward"),
            derandomize=True,
            database=None,
            phases=(Phase.explicit, Phase.generate),
            report_multiple_bugs=False,
        )
        settings.load_profile("mutants")

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run all tests, then those of each mutant, in CHILDREN processes."""
        reached = self._reached(session)
        running: dict[int, Mutant] = {}
        for mutant in self.mutants:
            tests = reached.get(mutant.function, {})
            if not tests:
                self.survivors.append(mutant)
                continue
            if len(running) == CHILDREN:
                self._await(running)
            running[self._start(mutant, tests)] = mutant
        while running:
            self._await(running)
        return True

    def _reached(self, session: pytest.Session) -> dict[str, dict[pytest.Item, float]]:
        """The tests that reach a function, each with its CPU seconds."""
        found: dict[str, dict[pytest.Item, float]] = {}
        self._trampoline.set_mutant_under_test("stats")
        for item, following in zip(session.items, [*session.items[1:], None], strict=True):
            self._hits.clear()
            begun = time.process_time()
            for report in runtestprotocol(item, log=False, nextitem=following):
                if report.failed:
                    raise pytest.UsageError(
                        f"{item.nodeid} fails without a change:\n{report.longrepr}"
                    )
            seconds = time.process_time() - begun
            for name in self._hits if seconds <= LONGEST_TEST else ():
                found.setdefault(name, {})[item] = seconds
        self._trampoline.set_mutant_under_test("")
        return found

    def _start(self, mutant: Mutant, tests: dict[pytest.Item, float]) -> int:
        child = os.fork()
        if child:
            return child
        code = 1
        try:
            code = self._run(mutant, tests)
        finally:
            os._exit(code)

    def _run(self, mutant: Mutant, tests: dict[pytest.Item, float]) -> int:
        """Exit code 1 when a test fails."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        limit = math.ceil(5 + 10 * sum(tests.values()))
        resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 1))
        signal.alarm(LONGEST_WAIT)
        self._trampoline.set_mutant_under_test(mutant.name)
        for item in sorted(tests, key=lambda item: tests[item]):
            if any(report.failed for report in runtestprotocol(item, log=False, nextitem=None)):
                return 1
        return 0

    def _await(self, running: dict[int, Mutant]) -> None:
        child, status = os.wait()
        mutant = running.pop(child, None)
        if mutant and status == 0:
            self.survivors.append(mutant)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
