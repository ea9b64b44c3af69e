from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyward.customers.key import own_value
from keyward.errors import InvalidRecordError
from keyward.events.key_value import ALPHABET, is_value, new_value
from tests.support import ROOT


def test_a_new_value_is_accepted_by_its_own_check() -> None:
    value = new_value("kw")
    assert value.startswith("kw")
    assert len(value) == 2 + 43 + 6
    assert is_value(value)


def test_two_values_are_never_the_same() -> None:
    assert len({new_value("kw") for _ in range(1000)}) == 1000


@given(st.integers(min_value=0, max_value=50), st.sampled_from(ALPHABET))
def test_a_changed_character_is_noticed(place: int, letter: str) -> None:
    value = new_value("kw")
    changed = value[:place] + letter + value[place + 1 :]
    assert is_value(changed) == (changed == value)


@given(st.text(max_size=60))
def test_any_other_text_is_no_value(text: str) -> None:
    assert not is_value(text)


@pytest.mark.parametrize("prefix", ["", "with-dash", "x" * 21, "ä"])
def test_a_prefix_that_is_not_alphanumeric_is_refused(prefix: str) -> None:
    with pytest.raises(ValueError, match="1 to 20 letters and digits"):
        new_value(prefix)


def test_an_own_value_is_taken_without_its_line_end() -> None:
    assert own_value("A" * 20 + "\n", 1) == "A" * 20


@pytest.mark.parametrize(
    "text", ["short", "x" * 129, "has a space in the middle of it", "\u00e9" * 30]
)
def test_an_unusable_own_value_is_refused_without_quoting_it(text: str) -> None:
    with pytest.raises(InvalidRecordError, match="20 to 128 letters, digits and signs") as told:
        own_value(text, 1)
    assert text not in str(told.value)


@pytest.mark.parametrize(
    ("text", "code"), [(new_value("acme"), 0), ("A" * 51, 1)], ids=["ours", "another"]
)
def test_the_check_command_tells_by_its_exit_code(text: str, code: int) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "keyward.key", "check", text],
        env={"PYTHONPATH": str(ROOT / "layers" / "keyward")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == code
    assert text not in run.stdout + run.stderr
