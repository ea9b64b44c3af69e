"""A key value in a record of CloudTrail rests nowhere, and no record of another shape stays without
a word."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from emulator import cloudtrail
from emulator.tests.places import places, replaced
from keyward.events.cloudtrail import DETAIL_TYPE
from keyward.events.key_value import BLOT, new_value
from keyward.values import JSON
from local.bench import Bench
from tests import tree
from tests.events.test_pasted_values import everything
from tests.machines.drift_lab import ADA, bench_with_customers, detach, told
from tests.support import load_event

VALUE = new_value("kw")
SESSION = f"arn:aws:sts::123456789012:assumed-role/deployer/{VALUE}"
RECORDS = sorted(path.stem for path in (tree.ROOT / "events" / "in").glob("cloudtrail-*.json"))
SHAPES: tuple[Any, ...] = (None, 7, True, [], [7], {}, {"a": 1}, "", "x", 1.5)


@pytest.fixture
def bench() -> Iterator[Bench]:
    with Bench() as made:
        made.api({"/pets": {"get": None}})
        yield made


def about(bench: Bench, name: str) -> JSON:
    """The sample, about the API of the bench."""
    (api,) = bench.emulator.state.rest_apis
    event = load_event(name)
    event["detail"]["requestParameters"]["restApiId"] = api
    return event


@pytest.mark.parametrize("value", [VALUE, SESSION, [VALUE], {VALUE: 1}], ids=range(4))
@pytest.mark.parametrize("name", RECORDS)
def test_a_value_anywhere_in_a_record_rests_nowhere(bench: Bench, name: str, value: Any) -> None:
    event, tried = about(bench, name), 0
    for place in places(event["detail"]):
        bench.account.publish(
            "default", event["source"], DETAIL_TYPE, replaced(event["detail"], place, value)
        )
        tried += 1
    bench.run()
    bench.audit(repair=True)
    assert tried > 20
    assert VALUE not in everything(bench)


def test_a_session_that_is_named_by_a_value_is_told_without_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plain = cloudtrail.event_for

    def as_session(*args: Any, **more: Any) -> Any:
        return json.loads(json.dumps(plain(*args, **more)).replace(ADA, SESSION))

    monkeypatch.setattr(cloudtrail, "event_for", as_session)
    with bench_with_customers() as bench:
        detach(bench)
        bench.run()
        [change] = told(bench, "PlanChanged")
        lines = bench.tables["LedgerTable"].scan()["Items"]
        who = {line["asked"]["who"] for line in lines if line["asked"]["by"] == "drift"}
        assert change["caused_by"]["detail_type"] == DETAIL_TYPE
        assert [one.partition(" (")[0] for one in who] == [SESSION.replace(VALUE, BLOT[1:-1])]
        assert VALUE not in everything(bench)


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_of_another_shape_is_taken_or_refused_with_a_reason(
    bench: Bench, name: str
) -> None:
    event, letters = about(bench, name), bench.account.queues.by_name["ApisDlq"].messages
    for place in places(event["detail"]):
        for shape in SHAPES:
            changed = replaced(event["detail"], place, shape)
            bench.account.publish("default", event["source"], DETAIL_TYPE, changed)
    bench.run()
    waiting = bench.account.queues.by_name["ApisQueue"].messages
    reasons = [letter.attributes["reason"]["StringValue"] for letter in letters]
    assert [message.body for message in waiting] == []
    assert reasons
    assert [reason for reason in reasons if not reason.startswith("detail.")] == []
