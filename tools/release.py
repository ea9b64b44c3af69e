"""Cut a release: one version in the package, in the template's metadata and in CHANGELOG.

    .venv/bin/python -m tools.release 1.0.0

What was under Unreleased goes under the version and today's date (UTC). The version must be later
than the last one (semver.org), and there must be something to release. Nothing is committed, tagged
or published: it prints what comes next (docs/releases.md).
"""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
UNRELEASED = "## [Unreleased]"
VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")
# Each file that states the version, and how its line reads.
STATED = {
    "layers/keyward/keyward/__init__.py": '__version__ = "{}"',
    "template.yaml": "    SemanticVersion: {}",
}
NEXT = """Released {version} in the tree. Next:
  git commit --all --message "Release {version}" && git tag v{version}
  sam build && sam package --resolve-s3 --output-template-file build/packaged.yaml
  sam publish --template build/packaged.yaml    # docs/releases.md"""


class ReleaseError(ValueError):
    """Why there is no release; nothing was changed."""


def stated(root: Path = ROOT) -> dict[str, str]:
    """The version that each file states. Raises ReleaseError."""
    found = {}
    for name, line in STATED.items():
        pattern = re.escape(line).replace(r"\{\}", f"({VERSION.pattern})")
        match = re.search(f"^{pattern}$", (root / name).read_text("utf-8"), re.MULTILINE)
        if match is None:
            raise ReleaseError(f"{name}: no line reads {line.format('1.2.3')}. Restore it")
        found[name] = match[1]
    return found


def release(version: str, day: str, root: Path = ROOT) -> None:
    """Write the version into all files. Raises ReleaseError."""
    before = stated(root)
    last = max(before.values(), key=_parts)
    if not VERSION.fullmatch(version) or _parts(version) <= _parts(last):
        raise ReleaseError(f"version: must be later than {last}, as 1.2.3, got {version}")
    changelog = root / "CHANGELOG.md"
    text = changelog.read_text("utf-8")
    body = text.partition(UNRELEASED)[2].partition("\n## [")[0]
    if not body.strip():
        raise ReleaseError("CHANGELOG.md: nothing is under Unreleased, so nothing is released")
    dated = f"{UNRELEASED}\n\n## [{version}] - {day}"
    changelog.write_text(text.replace(UNRELEASED, dated, 1), encoding="utf-8")
    for name, was in before.items():
        line, file = STATED[name], root / name
        whole = file.read_text("utf-8").replace(line.format(was), line.format(version), 1)
        file.write_text(whole, encoding="utf-8")


def _parts(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]


def main(arguments: list[str]) -> int:
    """Release the version that the arguments name. The exit code."""
    if len(arguments) != 1:
        print("usage: python -m tools.release VERSION", file=sys.stderr)
        return 2
    try:
        release(arguments[0], datetime.now(UTC).date().isoformat())
    except ReleaseError as error:
        print(f"release: {error}", file=sys.stderr)
        return 1
    print(NEXT.format(version=arguments[0]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
