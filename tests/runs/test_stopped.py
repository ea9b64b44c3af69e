"""A stop of writes that people may have forgotten: when it is told, how often, in which words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from keyward.aws.tables.call_schedule import Stop
from keyward.runs.stopped import PATIENCE_SECONDS, tell_of_stop
from keyward.values import DAY, JSON, iso
from tests.support import Bench


def told(bench: Bench) -> list[JSON]:
    entries: list[JSON] = bench.bus.entries
    return entries


def stop(bench: Bench, *, everything: bool = False) -> float:
    at = float(bench.clock.now())
    bench.registry.schedule.put_stop(Stop(at, everything))
    return at


def test_a_stop_is_told_from_its_first_hour_on_and_once_a_day(bench: Bench) -> None:
    tell_of_stop(bench.context())
    stop(bench)
    bench.clock.advance(PATIENCE_SECONDS - 1)
    tell_of_stop(bench.context())
    assert told(bench) == []
    bench.clock.advance(1)
    for seconds, times in ((0, 1), (0, 1), (DAY - 1, 1), (2, 2), (DAY + 1, 3)):
        bench.clock.advance(seconds)
        tell_of_stop(bench.context())
        assert len(told(bench)) == times


@pytest.mark.parametrize(
    ("everything", "words"),
    [
        (False, "writes to API Gateway, but for what stops a key, are stopped since {since}"),
        (True, "writes to API Gateway are stopped since {since}"),
    ],
)
def test_what_is_told_says_what_is_stopped_since_when_and_what_ends_it(
    bench: Bench, everything: bool, words: str
) -> None:
    since = iso(stop(bench, everything=everything))
    bench.clock.advance(PATIENCE_SECONDS)
    tell_of_stop(bench.context())
    [entry] = told(bench)
    detail = entry["Detail"]
    assert entry["DetailType"] == "WritesStopped"
    assert (detail["since"], detail["reason"]) == (since, words.format(since=since))
    assert detail["remedy"] == "keyward start"


def test_another_stop_is_told_by_itself_and_names_its_stack(bench: Bench) -> None:
    stop(bench)
    bench.clock.advance(PATIENCE_SECONDS)
    tell_of_stop(bench.context())
    bench.registry.schedule.put_stop(None)
    stop(bench)
    bench.clock.advance(PATIENCE_SECONDS)
    other = replace(bench.context(), stack="other")
    tell_of_stop(other)
    assert [entry["Detail"]["remedy"] for entry in told(bench)] == [
        "keyward start",
        "keyward start --stack other",
    ]
