"""How ministack is mended: only the version that was read, only functions whose text was read.

Each shim names the function that it replaces and the digest of its source. When a new version
changes that text, the launcher refuses to start and says which shim to look at, instead of running
with a shim that no longer fits.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

MINISTACK = "1.5.33"


class SeamChangedError(RuntimeError):
    """ministack is not what the shims were written for."""


def check_version() -> None:
    """Refuse every version of ministack but the one that the shims were written for.

    Raises:
        SeamChangedError: another version is installed.
    """
    found = version("ministack")
    if found != MINISTACK:
        raise SeamChangedError(f"the shims fit ministack {MINISTACK}, found {found}")


def digest(text: str) -> str:
    """The first 16 hexadecimal digits of the text's SHA-256."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def replace(
    owner: Any, name: str, source: str, build: Callable[[Callable[..., Any]], Callable[..., Any]]
) -> None:
    """Put `build(original)` in the place of `owner.name`; `source` is the original's digest.

    Raises:
        SeamChangedError: the function's text has changed.
    """
    original = getattr(owner, name)
    found = digest(inspect.getsource(original))
    if found != source:
        raise SeamChangedError(f"{owner.__name__}.{name}: text {found}, the shim fits {source}")
    setattr(owner, name, build(original))


def edit(owner: Any, name: str, old: str, new: str) -> None:
    """Exchange a passage that must occur exactly once in the text `owner.name`.

    Raises:
        SeamChangedError: the passage is not there once.
    """
    text = getattr(owner, name)
    if text.count(old) != 1:
        raise SeamChangedError(f"{owner.__name__}.{name} lacks the passage that the shim replaces")
    setattr(owner, name, text.replace(old, new))
