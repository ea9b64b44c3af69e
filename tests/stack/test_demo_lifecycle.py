"""`make demo-lifecycle` is as told, and shows no value."""

from __future__ import annotations

import re

import pytest

from local.__main__ import main


def test_the_story_of_a_keys_life_is_as_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo-lifecycle"]) == 0
    told = capsys.readouterr().out
    assert "UNEXPECTED" not in told
    assert not re.search(r"kw[0-9A-Za-z]{49}", told)
