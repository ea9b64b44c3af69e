"""`make quick`: the tests of what changed, the nearest first, in half a minute.

What changed is what `git diff` says against main, and files that git does not know yet. A test is
near when it changed itself, imports what changed, or stands in the folder of the changed room. The
tests of the whole stack and the random histories take minutes and are left to `make test`.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SECONDS = 20
MAX_FILES = 30  # reading a test file and what it imports takes time too
SLOW = ("tests/stack/", "tests/prove/")
EMULATOR = "emulator/tests"

_IMPORT = re.compile(
    r"^\s*(?:from\s+([\w.]+)\s+import\s+(\([^)]*\)|[^\n#]+)|import\s+([\w., ]+))", re.MULTILINE
)
# Files without imports, and the tests that read them.
READ_BY = (
    (re.compile(r"statemachines/(\w+)\.asl\.yaml"), r"tests/machines/\1"),
    (re.compile(r"statemachines/.*"), "tests/rules/test_state_machines.py"),
    (re.compile(r"events/.*"), "tests/events"),
    (re.compile(r"layers/keyward/keyward/(\w+)/.*"), r"tests/\1"),
    (re.compile(r"(?:layers|functions)/.*\.py"), "tests/rules/test_layout.py"),
    (re.compile(r"emulator/.*(?<!\.py)"), EMULATOR),
    (re.compile(r".*\.md"), "tests/rules/test_docs.py"),
    (re.compile(r".*\.md"), "tests/rules/test_documented_commands.py"),
    (re.compile(r".*(?<!\.py)(?<!\.md)"), "tests/rules"),
)


class Budget:
    """Stops pytest after `seconds`, once the test that runs has ended."""

    def __init__(self, seconds: float) -> None:
        self._ends = time.monotonic() + seconds
        self.left = self.failed = 0

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Count the tests that are to run."""
        self.left = len(session.items)

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logfinish(self) -> None:
        """Count down."""
        self.left -= 1

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count what failed: pytest's exit status says only that it was interrupted."""
        self.failed += report.failed

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> None:
        """Ask for the end when the time is over."""
        if time.monotonic() > self._ends:
            item.session.shouldstop = "the half minute of make quick is over"


def changed() -> list[str]:
    """The files that differ from main, those that git does not know too; without a difference,
    the files of the last commit."""
    base = next((name for name in ("origin/main", "main") if _git("rev-parse", "-q", name)), "HEAD")
    merged = _git("merge-base", "HEAD", base)
    new = _git("ls-files", "--others", "--exclude-standard")
    found = _git("diff", "--name-only", *(merged or ["HEAD"])) + new
    return sorted(set(found or _git("diff", "--name-only", "HEAD~1")))


def _git(*arguments: str) -> list[str]:
    done = subprocess.run(
        ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.stdout.split("\n")[:-1] if done.returncode == 0 else []


def near_tests(files: Iterable[str]) -> list[str]:
    """The test files to run for changed files, the nearest first."""
    files = list(files)
    importers = _importers()
    reached = set(files)
    ring, found = sorted(reached), [name for name in files if _is_test(name)]
    found += [test for name in files for test in _readers(name)]
    while ring:
        ring = sorted({user for name in ring for user in importers.get(name, ())} - reached)
        reached |= set(ring)
        found += [name for name in ring if _is_test(name)]
    present = [name for name in dict.fromkeys(found) if (ROOT / name).exists()]
    return [name for name in present if not name.startswith(SLOW)]


def _readers(name: str) -> list[str]:
    places = [match.expand(test) for rule, test in READ_BY if (match := rule.fullmatch(name))]
    return [test for place in places for test in _test_files(place)]


def _test_files(place: str) -> list[str]:
    if place.endswith(".py"):
        return [place]
    return sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / place).rglob("test_*.py"))


def _is_test(name: str) -> bool:
    return Path(name).name.startswith("test_") and name.endswith(".py")


def _importers() -> dict[str, set[str]]:
    """Which files import a file, by its name in the tree."""
    tracked = _git("ls-files", "--cached", "--others", "--exclude-standard", "*.py")
    modules = {_module(name): name for name in tracked}
    found: dict[str, set[str]] = {}
    for name in tracked:
        path = ROOT / name
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        for module in _imported(text):
            if target := modules.get(module):
                found.setdefault(target, set()).add(name)
    return found


def _module(name: str) -> str:
    for folder in ("layers/keyward/", "functions/"):
        name = name.removeprefix(folder)
    return name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _imported(text: str) -> Iterable[str]:
    for origin, names, plain in _IMPORT.findall(text):
        if origin:
            yield origin
        for name in re.findall(r"[\w.]+", names or plain):
            yield f"{origin}.{name}" if origin else name


def main() -> int:
    """Run the near tests until the time is over; the exit status is that of pytest."""
    started = time.monotonic()
    if not shutil.which("git") or not _git("rev-parse", "HEAD"):
        print("quick: needs git and a checkout, to see what changed. make test runs all tests")
        return 2
    files = changed()
    tests = near_tests(files)
    nearest = tests[:MAX_FILES]
    print(
        f"quick: {len(files)} changed files, the nearest {len(nearest)} of {len(tests)} test files"
    )
    if not nearest:
        return 0
    budget = Budget(SECONDS - (time.monotonic() - started))
    code = pytest.main(["-q", "--no-header", "-m", "not sizes", *nearest], plugins=[budget])
    if budget.left:
        print(f"quick: {budget.left} tests were not reached. make test runs all tests")
    stopped = code == pytest.ExitCode.INTERRUPTED and budget.left > 0
    return int(budget.failed > 0) if stopped else int(code)


if __name__ == "__main__":
    sys.exit(main())
