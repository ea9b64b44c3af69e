"""What the events of keys say that a key opens: one read a plan, nothing where none is known."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from keyward.customers.coverage import OPENING
from keyward.runs.opens import Opens
from keyward.values import JSON
from tests.support import Bench, workbench

PETS, SHOP = ("pets", "prod"), ("shop", "prod")


@pytest.fixture
def bench() -> Iterator[Bench]:
    with workbench() as made:
        made.registry.plan_stages.save("free", [SHOP], 1)
        made.registry.plan_stages.save("pro", [PETS, SHOP], 1)
        made.registry.plan_stages.save("empty", [], 1)
        yield made


def opens(bench: Bench, stack: str = "keyward") -> Opens:
    context = bench.context()
    return Opens(bench.registry.plan_stages, context.policy, stack)


def event(detail_type: str, **plans: object) -> JSON:
    detail = {"customer_id": "acme", "key_id": "k1", "key_number": 1, "actions": []} | plans
    return {"detail_type": detail_type, "detail": detail}


def stages(*refs: tuple[str, str]) -> list[JSON]:
    return [{"rest_api_id": api_id, "stage": stage} for api_id, stage in refs]


@pytest.mark.parametrize("detail_type", OPENING)
def test_a_key_that_works_says_the_stages_of_its_plan(bench: Bench, detail_type: str) -> None:
    [told] = opens(bench).add_to([event(detail_type, plan="free")])
    assert told["detail_type"] == detail_type
    assert told["detail"]["opens"] == stages(SHOP)
    assert told["detail"]["customer_id"] == "acme"


def test_the_stages_of_several_plans_are_told_once_each_in_order(bench: Bench) -> None:
    [told] = opens(bench).add_to([event("KeyIssued", plans=["free", "pro"])])
    assert told["detail"]["opens"] == stages(PETS, SHOP)


@pytest.mark.parametrize(
    "silent",
    [
        event("KeySuspended", plan="free"),
        event("KeyIssued", plan="unknown"),
        event("KeyIssued", plans=["free", "unknown"]),
        event("KeyIssued"),
    ],
    ids=str,
)
def test_what_is_not_known_is_left_out_and_the_event_stays_as_it_was(
    bench: Bench, silent: JSON
) -> None:
    assert opens(bench).add_to([silent]) == [silent]


def test_a_key_that_opens_nothing_says_why_and_what_to_do_in_its_stack(bench: Bench) -> None:
    [told] = opens(bench, "other").add_to([event("KeyIssued", plan="empty")])
    assert told["detail"]["opens"] == []
    assert told["detail"]["reason"].startswith("the key opens nothing yet: usage plan empty")
    assert told["detail"]["remedy"] == "keyward policy show --stack other"


def test_a_plan_is_read_once_in_a_task(bench: Bench) -> None:
    task = opens(bench)
    first = task.add_to([event("KeyIssued", plan="free")])
    bench.registry.plan_stages.save("free", [PETS], 2)
    assert task.add_to([event("KeyIssued", plan="free")]) == first
    [told] = opens(bench).add_to([event("KeyIssued", plan="free")])
    assert told["detail"]["opens"] == stages(PETS)
