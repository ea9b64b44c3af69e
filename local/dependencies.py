"""The packages that a function finds on Lambda, as a folder of links into this environment.

On AWS the layer brings what layers/keyward/requirements.txt locks and the runtime brings boto3.
Here both come from the environment that runs us, without copying, and nothing else does: an import
that Lambda would refuse fails here as well.
"""

from __future__ import annotations

import re
import tempfile
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

RUNTIME = "boto3"

_LOCKED = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;\\]+)", re.MULTILINE)
_REQUIRED = re.compile(r"^[A-Za-z0-9._-]+")


class DependencyError(RuntimeError):
    """This environment lacks a package that the layer locks, or has another version of it."""


def link_packages(requirements: Path) -> Path:
    """A new folder with links to the locked packages and to boto3 with what it needs.

    Raises:
        DependencyError: a package is missing or has another version.
    """
    folder = Path(tempfile.mkdtemp(prefix="keyward-packages-"))
    for package in [*_locked(requirements), *_with_requirements(RUNTIME, set())]:
        _link(package, folder)
    return folder


def _locked(requirements: Path) -> list[Distribution]:
    found = []
    for line in _LOCKED.finditer(requirements.read_text()):
        package = _installed(line["name"])
        if package.version != line["version"]:
            wanted = f"{line['name']} {line['version']}"
            raise DependencyError(f"{requirements.name} locks {wanted}, found {package.version}")
        found.append(package)
    return found


def _with_requirements(name: str, seen: set[str]) -> list[Distribution]:
    if name in seen:
        return []
    seen.add(name)
    package = _installed(name)
    found = [package]
    for line in package.requires or []:
        required = _REQUIRED.match(line)
        if required and "extra ==" not in line:
            found += _with_requirements(required[0], seen)
    return found


def _installed(name: str) -> Distribution:
    try:
        return distribution(name)
    except PackageNotFoundError as error:
        raise DependencyError(f"{name} is not installed: run `make setup`") from error


def _link(package: Distribution, folder: Path) -> None:
    tops = {path.parts[0] for path in package.files or [] if path.parts[0] != ".."}
    for top in tops - {"__pycache__"}:
        link = folder / top
        if not link.exists():
            link.symlink_to(str(package.locate_file(top)))
