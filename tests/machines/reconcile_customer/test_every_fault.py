"""A customer's life with one fault at each of its calls: the same end, announced once."""

from __future__ import annotations

from typing import Any

import pytest

from tests.machines.life_lab import LifeLab
from tests.support import sampled

FAULTS = ("throttle", "500", "timeout_before", "timeout_after")
Story = list[tuple[str, dict[str, Any]]]

SUSPEND: Story = [("CustomerSuspended", {})]
RESUME: Story = [*SUSPEND, ("CustomerResumed", {})]
CLOSE: Story = [("CustomerClosed", {})]
MOVE: Story = [("CustomerPlanChanged", {"plan": "pro"})]
AT_ONCE: Story = [("KeyRotationRequested", {"overlap_hours": 0})]
LEAK: Story = [("KeyRotationRequested", {"overlap_hours": 0, "reason": "leaked"})]
SUCCESSOR: Story = [("CustomerPlanChanged", {"plan": "pro", "key": "successor"})]
# With propagation 0 an overlap of nothing is over in the same run.
ROTATED = {"acme/2": (True, ["free"])}
ENDED = ["KeyDisabled", "KeyRetired"]
ROTATION = (
    "CreateApiKey",
    "CreateUsagePlanKey",
    "GetUsage",
    "UpdateUsage",
    "UpdateApiKey",
    "DeleteApiKey",
)
# What happens, the call that fails, what is then on the gateway, what was announced.
LIVES: list[tuple[Story, str, int, dict[str, Any], list[str]]] = [
    (SUSPEND, "UpdateApiKey", 1, {"acme/1": (False, ["free"])}, ["KeySuspended"]),
    (RESUME, "UpdateApiKey", 2, {"acme/1": (True, ["free"])}, ["KeySuspended", "KeyResumed"]),
    (CLOSE, "DeleteApiKey", 1, {}, ["KeyRevoked"]),
    (MOVE, "DeleteUsagePlanKey", 1, {"acme/1": (True, ["pro"])}, ["PlanChanged"]),
    (MOVE, "CreateUsagePlanKey", 1, {"acme/1": (True, ["pro"])}, ["PlanChanged"]),
    *(
        (AT_ONCE, name, 1, ROTATED, ["KeyRotated", "KeyDisabled", "KeyRetired"])
        for name in ROTATION
    ),
    *((LEAK, name, 1, ROTATED, ["KeyDisabled", "KeyRotated", "KeyRetired"]) for name in ROTATION),
    *(
        (
            SUCCESSOR,
            name,
            1,
            {"acme/1": (True, ["free"]), "acme/2": (True, ["pro"])},
            ["KeyRotated", "PlanChanged", "KeyExpiring"],
        )
        for name in ROTATION[:2]
    ),
]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(
    "life_told", sampled(zip(LIVES), 2), ids=lambda told: f"{told[0][-1]}-{told[1]}"
)
def test_a_single_fault_is_over_within_two_minutes_and_leaves_no_trace(
    life: LifeLab, life_told: tuple[Story, str, int, dict[str, Any], list[str]], fault: str
) -> None:
    story, operation, call, end, told = life_told
    life.policy(propagation_seconds=0)
    life.signed_up()
    life.known_plans("pro")
    assert life.ask(life.stage(), life.value()) == 200
    life.forget()
    life.fault(operation, fault, call)
    for event, detail in story:
        life.bench.clock.advance(60)
        began = life.bench.clock.now()
        assert life.settled(event, **detail).status == "SUCCEEDED"
        assert life.bench.clock.now() - began < 120
    assert life.keys() == end
    assert life.event_types() == told
    life.forget()
    life.run()
    assert (life.bench.operations(), life.event_types()) == ([], [])
