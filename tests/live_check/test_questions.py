"""What a check makes of answers that no local AWS gives: by small stand-ins of AWS."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from keyward.values import JSON
from tools.live_check import gateway, play, records
from tools.live_check.run import Run
from tools.live_check.state import State


def refused(status: int, code: str, message: str = "no") -> ClientError:
    about = {"HTTPStatusCode": status}
    return ClientError(
        {"Error": {"Code": code, "Message": message}, "ResponseMetadata": about}, "x"
    )


class Anything:
    """A client that answers every call with an id, but for calls that have an answer: a value, a
    function of the call's parameters, or an error."""

    def __init__(self, **answers: Any) -> None:
        self._answers = answers

    def __getattr__(self, operation: str) -> Any:
        def call(*_: Any, **params: Any) -> Any:
            answer = self._answers.get(operation, {"id": "a1b2c3"})
            if isinstance(answer, Exception):
                raise answer
            return answer(params) if callable(answer) else answer

        return call


@dataclass
class World:
    """An AWS that is made of the given clients."""

    clients: dict[str, Any]
    roles: dict[str, Any] = field(default_factory=dict)
    region: str = "us-east-1"
    partition: str = "aws"
    account: str = "123456789012"
    patience: float = 0.02
    look_every: float = 0.0001
    is_local: bool = False

    def client(self, service: str) -> Any:
        return self.clients.get(service, Anything())

    hasty = client

    def as_role(self, arn: str) -> Any:
        return self.roles[arn]


def asked(check_id: str, world: World, folder: Path, **facts: Any) -> JSON:
    """The row of a check; facts are what earlier ones noted."""
    state = State("abc123", world.account, world.region, facts=facts, file=folder / "state.json")
    [check] = [one for one in play.ALL if one.id == check_id]
    return check.answer(Run(world, state))  # type: ignore[arg-type]


def cloudwatch(state: str, **answer: Any) -> World:
    metrics = {"MetricDataResults": [{"Id": "total", "Values": [1.0]}]} | answer
    alarm = {"MetricAlarms": [{"StateValue": state}]}
    client = Anything(get_metric_data=metrics, describe_alarms=alarm)
    return World({"cloudwatch": client})


@pytest.mark.parametrize(("state", "agrees"), [("ALARM", True), ("INSUFFICIENT_DATA", False)])
def test_an_alarm_that_does_not_ring_differs(state: str, agrees: bool, tmp_path: Path) -> None:
    row = asked("alarm-of-a-sum", cloudwatch(state), tmp_path)
    assert (row["agrees"], bool(row["engine"])) == (agrees, not agrees)


def test_a_cloudwatch_without_expressions_is_said(tmp_path: Path) -> None:
    world = cloudwatch("OK", Messages=[{"Code": "Unsupported", "Value": "not implemented"}])
    row = asked("alarm-of-a-sum", world, tmp_path)
    assert (row["agrees"], row["seen"]) == (None, "not here: CloudWatch computes no expression")


def role_world(*enough: int) -> World:
    """Roles by number: those of `enough` may make tagged things."""

    def client(number: int) -> Anything:
        def make(params: JSON) -> JSON:
            if "tags" in params and number not in enough:
                raise refused(403, "AccessDeniedException")
            return {"id": "a1b2c3"}

        return Anything(create_api_key=make, create_usage_plan=make)

    iam = Anything(create_role=lambda params: {"Role": {"Arn": params["RoleName"]}})
    names = (f"keyward-live-check-abc123-right-{number}" for number in range(4))
    return World({"iam": iam}, {name: client(number) for number, name in enumerate(names)})


@pytest.mark.parametrize(
    ("enough", "seen", "agrees"),
    [
        ((1,), "a key and a plan: PUT on /tags", True),
        ((2, 3), "a key and a plan: POST on /tags or PATCH", False),
        ((), "a key and a plan: none of these", False),
        ((0, 1), "not here: a role without a right on tags is not refused", None),
    ],
    ids=["put", "others", "none", "nobody-enforces"],
)
def test_the_right_to_tag_is_the_one_whose_role_is_not_refused(
    enough: tuple[int, ...], seen: str, agrees: bool | None, tmp_path: Path
) -> None:
    row = asked("tag-rights", role_world(*enough), tmp_path)
    assert (row["seen"], row["agrees"]) == (seen, agrees)


def updating(status: str, refusal: ClientError | None) -> World:
    def update(params: JSON) -> JSON:
        if refusal and params["patchOperations"][0]["path"] == "/description":
            raise refusal
        return {}

    client = Anything(get_rest_api={"apiStatus": status}, update_rest_api=update)
    return World({"apigateway": client})


@pytest.mark.parametrize(
    ("refusal", "agrees"),
    [
        (None, True),
        (refused(429, "TooManyRequestsException"), True),
        (refused(409, "ConflictException", "Unable to complete: concurrent modification"), True),
        (refused(400, "BadRequestException", "The API is being updated"), False),
    ],
    ids=["accepted", "throttled", "conflict", "another-word"],
)
def test_a_refusal_while_updating_that_keyward_would_not_try_again_differs(
    refusal: ClientError | None, agrees: bool, tmp_path: Path
) -> None:
    row = asked("api-updating", updating("UPDATING", refusal), tmp_path)
    assert row["agrees"] is agrees


def test_an_api_that_is_never_updating_settles_nothing(tmp_path: Path) -> None:
    row = asked("api-updating", updating("AVAILABLE", None), tmp_path)
    assert (row["agrees"], "AVAILABLE" in row["seen"]) == (None, True)


def trail_world(events: list[str], *kinds: str) -> World:
    """A stack with a trail of these selectors, in an account where CloudTrail looked these up."""
    trail = {"ResourceType": "AWS::CloudTrail::Trail", "PhysicalResourceId": "trail"}
    pages = SimpleNamespace(paginate=lambda **_: [{"StackResourceSummaries": [trail]}])
    cloudtrail = Anything(
        get_trail_status={"IsLogging": True},
        get_event_selectors={"EventSelectors": [{"ReadWriteType": kind} for kind in kinds]},
        lookup_events={"Events": [{"CloudTrailEvent": text} for text in events]},
    )
    key = {"id": "k1a2b3", "value": VALUE}
    return World(
        {
            "cloudformation": Anything(get_paginator=pages),
            "cloudtrail": cloudtrail,
            "apigateway": Anything(create_api_key=key),
        }
    )


VALUE = "v" * 40


@pytest.mark.parametrize(("kind", "agrees"), [("WriteOnly", True), ("All", False)])
def test_a_trail_of_reads_differs(kind: str, agrees: bool, tmp_path: Path) -> None:
    row = asked("trail", trail_world([], kind), tmp_path, stack="s")
    assert row["agrees"] is agrees


@pytest.mark.parametrize(
    ("texts", "seen"),
    [
        (["k1a2b3"], "the value is not there"),
        ([f"k1a2b3 {VALUE}"], "the value is there"),
        (["another"], "not here: the record of CreateApiKey did not happen within 0.02 s"),
    ],
    ids=["redacted", "whole", "no-record"],
)
def test_a_value_in_a_record_is_told_and_not_repeated(
    texts: list[str], seen: str, tmp_path: Path
) -> None:
    row = asked("value-in-trail", trail_world(texts), tmp_path, stack="s")
    assert (row["seen"], VALUE in json.dumps(row)) == (seen, False)


def test_a_record_is_compared_by_the_places_of_its_values() -> None:
    expected = {"requestParameters": {"a": {"b": [1, {"c": 2}]}}, "responseElements": None}
    same = {"requestParameters": {"a": {"b": [8, {"c": 9}]}}, "responseElements": None}
    other = {"requestParameters": {"a": {"b": [8]}}, "responseElements": {"id": "x"}}
    assert list(records.differences("Call", expected, same)) == []
    assert list(records.differences("Call", expected, other)) == [
        "Call: requestParameters lacks a.b[].c",
        "Call: responseElements has id",
    ]
    assert list(records.differences("Call", expected, None)) == ["Call: no record came"]


@pytest.mark.parametrize(
    ("written", "differs"),
    [("2026-11-27T10:00:00Z", False), ("Nov 27, 2026 10:00:00 AM", True), (1795773600, True)],
    ids=["iso", "words", "epoch"],
)
def test_a_date_that_is_written_otherwise_differs(written: object, differs: bool) -> None:
    at = datetime(2026, 11, 27, 10, tzinfo=UTC)
    expected, found = ({"responseElements": {"createdDate": date}} for date in (at, written))
    assert bool(list(records.differences("Call", expected, found))) is differs


def test_what_a_rule_did_not_find_is_named(tmp_path: Path) -> None:
    rules = [{"LogicalResourceId": name, "PhysicalResourceId": name} for name in records.CUT_OF]
    pages = SimpleNamespace(paginate=lambda **_: [{"StackResourceSummaries": rules}])
    world = World({"cloudformation": Anything(get_paginator=pages)})
    cut = [[name, ids] for name, ids in records.CUT_OF.values()]
    assert asked("record-inputs", world, tmp_path, stack="s", cut=cut)["agrees"]
    less = [[name, min(ids, 1)] for name, ids in cut if name != "TagResource"]
    row = asked("record-inputs", world, tmp_path, stack="s", cut=less)
    assert (row["agrees"], row["seen"]) == (False, "ImportApiKeys 1 of 2, TagResource None of 1")


@pytest.mark.parametrize(
    ("ids", "found"),
    [("a1b2c3d4e5", 1), ("[a1b2c3d4e5, f1a2b3c4d5]", 2), ("!", 0), ('["a", "b"]', 0)],
    ids=["one", "list", "none", "quotes"],
)
def test_what_a_transformer_cut_is_read_as_keyward_reads_it(ids: str, found: int) -> None:
    detail = f'{{"eventName": "ImportApiKeys", "requestParameters": {{"keyId": "{ids}"}}}}'
    event = records.read(f'{{"detail": {detail}}}')
    assert records.ids_in(event["detail"]) == found


def test_the_arn_of_a_plans_tag_is_the_one_that_the_rule_asks_for(tmp_path: Path) -> None:
    arn = "arn:aws:apigateway:us-east-1::/usageplans/abc123"
    assert asked("plan-tag-record", World({}), tmp_path, tagged=[arn])["agrees"]
    encoded = arn.replace("/", "%2F")
    assert asked("plan-tag-record", World({}), tmp_path, tagged=[encoded])["agrees"] is False


@pytest.mark.parametrize(
    ("refused_after", "step", "agrees"),
    [(1, 6, True), (1, 1000, False), (99, 2, None)],
    ids=["as-the-emulator", "refused-calls-take-tokens", "no-refusal"],
)
def test_the_rate_that_passes_tells_whether_refused_calls_take_tokens(
    refused_after: float, step: int, agrees: bool | None
) -> None:
    times = [number / 60 for number in range(360)]
    calls = [(at, at < refused_after or n % step == 0) for n, at in enumerate(times)]
    assert gateway.passing(calls, 6.0).agrees is agrees
