"""Mutation testing: does a test fail for each small change of the code that decides?

    python -m tools.mutants [MODULE ...]      modules by their paths in layers/keyward/keyward

mutmut wants the package at the top of its tree and the newest click, so it works on a copy under
build/mutants, in a venv that has its own packages and reads those of .venv. What survives is
compared with tests/mutants.json, where each survivor stands with the reason why it may.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
HOME = ROOT / "build/mutants"
TREE, VENV = HOME / "tree", HOME / "venv"
PACKAGE, SOURCE = "layers/keyward/keyward", "src/keyward"
LOCK = "requirements/mutants/mutants.txt"
REASONS = ROOT / "tests/mutants.json"
GOAL = 95.0

# What decides, with the tests that are about it: a mutant runs those that reach it.
MODULES: dict[str, tuple[str, ...]] = {
    "policy/narrower.py": ("tests/policy",),
    "policy/change_set.py": ("tests/policy",),
    "policy/coverage.py": ("tests/policy",),
    "customers/plan.py": ("tests/customers/test_plan.py", "tests/customers/test_several_plans.py"),
    "customers/plan_moves.py": ("tests/customers",),
    "apis/plan.py": ("tests/apis",),
    "apis/compare.py": ("tests/apis",),
}
SETTINGS = """[mutmut]
source_paths=
{modules}
pytest_add_cli_args_test_selection=
{tests}
also_copy=
    src
    layers
    local
    emulator
    functions
    statemachines
    events
    tests
    benchmarks
    tools
    template.yaml
    policy.json
"""


@dataclass(frozen=True)
class Outcome:
    """A module's mutants, and those that no test noticed, each as its change."""

    module: str
    mutants: int
    survivors: tuple[str, ...]

    @property
    def killed(self) -> float:
        """Percent of the mutants."""
        return 100 * (self.mutants - len(self.survivors)) / max(1, self.mutants)


def main(wanted: Sequence[str]) -> int:
    """Exit code 1 when less than GOAL percent are killed, or a survivor stands without a reason."""
    modules = {name: MODULES.get(name, ("tests",)) for name in wanted or MODULES}
    _make_venv()
    _make_tree(modules)
    print(f"mutants: {len(modules)} modules, this takes minutes ...", file=sys.stderr)
    _mutmut("run", quiet=True)
    reasons: dict[str, str] = json.loads(REASONS.read_text())
    outcomes = [_outcome(name) for name in modules]
    print("| module | mutants | killed | without a reason |\n| --- | --- | --- | --- |")
    for one in outcomes:
        left = [change for change in one.survivors if change not in reasons]
        print(f"| {one.module} | {one.mutants} | {one.killed:.1f} % | {len(left)} |")
    total = sum(one.mutants for one in outcomes)
    survivors = [change for one in outcomes for change in one.survivors]
    unknown = sorted({*survivors} - {*reasons})
    killed = 100 * (total - len(survivors)) / max(1, total)
    print(f"mutants: {total}, killed {killed:.1f} %, {len(unknown)} survivors without a reason")
    for change in unknown:
        print(f"\n{change}")
    return 1 if killed < GOAL or unknown else 0


def _make_venv() -> None:
    stamp, lock = VENV / ".installed", (ROOT / LOCK).read_text()
    if stamp.exists() and stamp.read_text() == lock:
        return
    uv = str(ROOT / ".venv/bin/uv")
    env = os.environ | {"VIRTUAL_ENV": str(VENV)}
    subprocess.run([uv, "venv", "-q", "--python", sys.executable, str(VENV)], check=True, env=env)
    install = [uv, "pip", "install", "-q", "--no-deps", "--require-hashes", "-r", str(ROOT / LOCK)]
    subprocess.run(install, check=True, env=env)
    [packages] = VENV.glob("lib/python*/site-packages")
    [shared] = (ROOT / ".venv").glob("lib/python*/site-packages")
    (packages / "shared.pth").write_text(f"{shared}\n")
    stamp.write_text(lock)


def _make_tree(modules: dict[str, tuple[str, ...]]) -> None:
    """A copy of the tree as mutmut wants it; the last run's is gone."""
    shutil.rmtree(TREE, ignore_errors=True)
    listed = subprocess.run(
        ["git", "ls-files"], check=True, cwd=ROOT, capture_output=True, text=True
    )
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (TREE / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, TREE / name)
    (TREE / SOURCE).parent.mkdir()
    (TREE / PACKAGE).rename(TREE / SOURCE)
    (TREE / PACKAGE).symlink_to(TREE / SOURCE)
    project = TREE / "pyproject.toml"
    project.write_text(project.read_text().replace('"layers/keyward"', '"src"'))
    tests = sorted({test for paths in modules.values() for test in paths})
    (TREE / "setup.cfg").write_text(
        SETTINGS.format(
            modules="\n".join(f"    {SOURCE}/{name}" for name in modules),
            tests="\n".join(f"    {test}" for test in tests),
        )
    )


def _mutmut(*words: str, quiet: bool = False) -> str:
    python = str(VENV / "bin/python")
    env = os.environ | {"HYPOTHESIS_PROFILE": "keyward", "PYTHONWARNINGS": "ignore"}
    command = [python, "-m", "mutmut", *words]
    done = subprocess.run(command, cwd=TREE, env=env, capture_output=True, text=True, check=False)
    if done.returncode and quiet:
        raise SystemExit(f"mutants: mutmut failed\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def _outcome(module: str) -> Outcome:
    """Read mutmut's verdicts: an exit code a mutant, 0 where all tests passed, 33 where none
    reached it."""
    meta = json.loads((TREE / f"mutants/{SOURCE}/{module}.meta").read_text())
    codes: dict[str, int | None] = meta["exit_code_by_key"]
    survivors = tuple(_change(name) for name, code in codes.items() if code in (0, 33, None))
    return Outcome(module, len(codes), survivors)


def _change(name: str) -> str:
    """A mutant as its change, which stays the same when other code moves."""
    lines = [line for line in _mutmut("show", name).splitlines() if re.match(r"[-+] ", line)]
    about = re.sub(r"__mutmut_\d+$", "", name)
    return "\n".join([about, *_squeezed(lines)])


def _squeezed(lines: Sequence[str]) -> Iterator[str]:
    for line in lines:
        yield f"{line[0]} {line[1:].strip()}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
