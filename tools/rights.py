"""What each role may do, and what proves that it must: the table of docs/permissions.md.

    make permissions                run the tests of tools/rights.json, listen, write the page
    python -m tools.rights --whole  listen to all tests of functions, and choose these tests anew;
                                    `--whole 20` begins no group of tests after 20 minutes
    python -m tools.rights --table  write what is granted, and prove nothing (after a merge)

A right of the template is proven by a call that a test saw, or stands in `grants.BY_CODE`:
Lambda itself uses it, or only AWS asks for it. A right of a shared policy is proven by one of those
who share it, as they share the code as well. tools/rights.json has the fewest tests that prove all;
tests/rules/test_permissions.py fails for a right without one, and tells of the table what differs.

`--whole` takes a quarter of an hour of one idle core, and gives way to all else. It saves what it
heard after each group of tests (build/calls/), and goes on there after a break: a group is heard
again when the product or a test of its own was changed. A call without a right fails it, and so
does a right without a proof. Its figures stand below the table.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from tools.grants import Right, called, granted, is_called, page, reason, refused, unproven

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "permissions.md"
PROOFS = ROOT / "tools" / "rights.json"
HEARD = ROOT / "build" / "calls"
# The rooms whose tests call functions, and what a function's calls depend on.
ROOMS = (
    *("apis", "audit", "cli", "customers", "events"),
    *("explain", "policy", "report", "runs", "updates"),
)
MACHINES = ("", "apply_policy", "audit_account", "issue_keys", "protect_api", "reconcile_customer")
PRODUCT = ("functions", "layers", "statemachines", "emulator", "local", "tests", "template.yaml")
# As `nice`: other work on the machine goes first.
PATIENCE = 12

Proofs = Mapping[str, Iterable[Right]]


def heard(lines: Iterable[str]) -> dict[str, set[Right]]:
    """What tools.calls noted, by test."""
    tests = dict[str, set[Right]]()
    for line in lines:
        *call, test = line.rstrip("\n").split(" ", 3)
        tests.setdefault(test, set()).add(Right(*call))
    return tests


def choose(rights: set[Right], tests: dict[str, set[Right]]) -> dict[str, list[Right]]:
    """Few tests that prove all rights which calls can prove, each with those that it is for: always
    the test next that proves most of what is left."""
    calls = {
        call: [right for right in rights if is_called(right, {call})] for call in all_of(tests)
    }
    proves = {test: {one for call in mine for one in calls[call]} for test, mine in tests.items()}
    left, chosen = {one for mine in proves.values() for one in mine}, dict[str, list[Right]]()
    while left:
        best = max(sorted(proves), key=lambda test: len(proves[test] & left))
        chosen[best] = sorted(proves[best] & left)
        left -= proves[best]
    return dict(sorted(chosen.items()))


def all_of(tests: Proofs) -> set[Right]:
    """The calls, or rights, of all tests."""
    return {one for mine in tests.values() for one in mine}


def known() -> dict[str, list[Right]]:
    """The tests of tools/rights.json, each with the rights that it proves."""
    saved = json.loads(PROOFS.read_text("utf-8"))
    return {test: [Right(*one.split(" ", 2)) for one in mine] for test, mine in saved.items()}


def save(proofs: Proofs) -> None:
    """Write tools/rights.json."""
    shown = {test: [" ".join(one[:3]) for one in mine] for test, mine in proofs.items()}
    PROOFS.write_text(json.dumps(shown, indent=1) + "\n", encoding="utf-8")


def groups() -> dict[str, list[str]]:
    """All tests that call functions, in groups of some minutes."""
    rooms = {room: [f"tests/{room}"] for room in ROOMS}
    for name in MACHINES:
        files = (ROOT / "tests" / "machines" / name).glob("test_*.py")
        rooms[f"machines-{name}".rstrip("-")] = sorted(str(f.relative_to(ROOT)) for f in files)
    return rooms


def listen(tests: list[str], notes: Path) -> bool:
    """Run tests and note what functions call; whether the run came to its end."""
    notes.parent.mkdir(parents=True, exist_ok=True)
    notes.write_text("", encoding="utf-8")
    listening = {"KEYWARD_CALLS": str(notes), "PYTEST_PLUGINS": "tools.calls", "PYTHONPATH": "."}
    # A test that is named runs, however large it has become.
    chosen = [] if any("::" in test for test in tests) else ["-m", "not sizes"]
    command = [sys.executable, "-m", "pytest", "-q", *chosen, *tests]
    ended = subprocess.run(command, cwd=ROOT, env=os.environ | listening, check=False)
    # 0: all passed, 1: some failed; a failed test called functions as well (pytest, exit codes).
    return ended.returncode in (0, 1)


def whole(minutes: float = math.inf) -> int:
    """Listen to all tests, group by group, and choose the proofs anew. The exit code: 2 when a
    group broke off, or the minutes are over."""
    os.nice(PATIENCE)
    began, told, done = time.monotonic(), files_of_product(), list[Path]()
    for number, (name, tests) in enumerate(groups().items(), 1):
        about = f"rights: {name}, group {number} of {len(groups())}"
        file = HEARD / f"{name}-{digest(told, tests)}.txt"
        done.append(file)
        if file.exists():
            print(f"{about}: was heard before", flush=True)
            continue
        seconds = time.monotonic() - began
        print(f"{about}, after {seconds:.0f} s", flush=True)
        if seconds > minutes * 60 or not listen(tests, HEARD / "now.txt"):
            print(f"{about}: not heard. The same command goes on here.", file=sys.stderr)
            return 2
        (HEARD / "now.txt").replace(file)
    calls = heard(line for file in done for line in file.read_text("utf-8").splitlines())
    rights, made = granted(), all_of(calls)
    figures = (
        f"The whole suite on {datetime.now(UTC).date()}: {summary(rights, made)}. Heard were "
        f"{len(made)} calls of a function on a resource, none of them without a right."
    )
    ended = compare(rights, made, figures)
    if not ended:
        save(choose(rights, calls))
    return ended


def files_of_product() -> list[str]:
    """What a test's calls depend on: the product, and what tests are made of."""
    command = ["git", "ls-files", "-co", "--exclude-standard", *PRODUCT]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True)
    return [name for name in names.stdout.splitlines() if not Path(name).name.startswith("test_")]


def digest(product: list[str], tests: list[str]) -> str:
    """Names what a group listens to: another one when the product, or a test of its own, is."""
    own = [file for name in tests for file in (ROOT / name).rglob("test_*.py")]
    own += [ROOT / name for name in tests if name.endswith(".py")]
    found = hashlib.sha256()
    for file in sorted({*own, *(ROOT / name for name in product)}):
        if file.is_file():
            found.update(str(file.relative_to(ROOT)).encode() + file.read_bytes())
    return found.hexdigest()[:12]


def main(arguments: list[str]) -> int:
    """Listen to tests, compare, write the page. The exit code: 1 when both differ."""
    if arguments == ["--table"]:
        write_page(granted())
        return 0
    if arguments[:1] == ["--whole"] and all(map(str.isdecimal, arguments[1:])):
        return whole(*map(float, arguments[1:2]))
    if arguments:
        print("usage: python -m tools.rights [--whole [MINUTES] | --table]", file=sys.stderr)
        return 2
    if not listen([*known()], HEARD / "now.txt"):
        print("rights: a test of tools/rights.json is gone: --whole finds another", file=sys.stderr)
        return 2
    return compare(granted(), called((HEARD / "now.txt").read_text("utf-8").splitlines()))


def compare(rights: set[Right], calls: set[Right], figures: str = "") -> int:
    """Say where rights and calls differ, and write the page where they do not."""
    wrong = [f"granted and never used: {' '.join(one[:3])}" for one in unproven(rights, calls)]
    wrong += [f"used and not granted: {' '.join(one[:3])}" for one in refused(rights, calls)]
    print("\n".join(sorted(wrong)) or summary(rights, calls))
    if not wrong:
        write_page(rights, figures)
    return 1 if wrong else 0


def summary(rights: set[Right], calls: set[Right]) -> str:
    """How many rights there are, and what proves them."""
    seen = sum(is_called(right, calls) for right in rights)
    by_code = sum(bool(reason(right)) for right in rights if not is_called(right, calls))
    functions = len({right.function for right in rights})
    return (
        f"{len(rights)} rights of {functions} functions, each proven: {seen} by calls, {by_code} "
        f"by a reason, {len(rights) - seen - by_code} by another holder of their shared policy"
    )


def write_page(rights: set[Right], figures: str = "") -> None:
    """Write the table of docs/permissions.md, and the figures where there are new ones."""
    PAGE.write_text(page(PAGE.read_text("utf-8"), rights, figures), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
