"""A ministack that is not the one that was read is refused, with the reason."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from local.shims import seam


def plain(value: int) -> int:
    return value


def test_another_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seam, "version", lambda _package: "1.5.34")

    with pytest.raises(seam.SeamChangedError, match=r"fit ministack 1\.5\.33, found 1\.5\.34"):
        seam.check_version()


def test_a_function_whose_text_changed_is_left_alone() -> None:
    owner: Any = SimpleNamespace(__name__="owner", plain=plain)

    with pytest.raises(seam.SeamChangedError, match=r"owner\.plain"):
        seam.replace(owner, "plain", "0" * 16, lambda original: original)

    assert owner.plain is plain


def test_a_text_without_the_passage_is_left_alone() -> None:
    owner: Any = SimpleNamespace(__name__="owner", script="a b b")

    with pytest.raises(seam.SeamChangedError, match=r"owner\.script"):
        seam.edit(owner, "script", "b", "c")

    assert owner.script == "a b b"
