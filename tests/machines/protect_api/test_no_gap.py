"""protect-api with every fault at each of its calls, while changes take as long as on AWS: it ends
protected, never half, never open again, and a good key is never refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from emulator.faults import AFTER, CONFLICT, KINDS, STALE
from emulator.tests.openapi_lab import real_document
from keyward.values import JSON
from tests.machines.api_lab import Lab, laboratory
from tests.machines.protect_api.test_straight import DOCUMENTS
from tests.machines.watch_lab import PROPAGATION_SECONDS, Watch, customer, slow
from tests.support import sampled

# A run without faults takes the plans' propagation (policy: 120 s) and its turns; a fault 120 s.
FAULT_SECONDS = 120
# The calls of a run that attaches an API's stage to its plans and closes it.
CLOSING: dict[str, int] = {
    "GetRestApi": 1,
    "GetStages": 1,
    "GetDeployment": 2,
    "GetUsagePlans": 3,
    "UpdateUsagePlan": 2,
    "GetResources": 3,
    "GetExport": 1,
    "UpdateMethod": 2,
    "CreateDeployment": 1,
    "GetStage": 1,
    "UpdateStage": 1,
}
# Of one that closes what was added to a closed API, which is in its plans since long.
ADDING: dict[str, int] = {
    name: number - (name == "GetUsagePlans") * 2
    for name, number in CLOSING.items()
    if name != "UpdateUsagePlan"
}
# Those that change the stage, and that read what it serves.
AT_STAGE = {
    name: ADDING[name]
    for name in ("UpdateMethod", "CreateDeployment", "GetStage", "UpdateStage", "GetDeployment")
}
PATHS: JSON = {"/pets": {"get": None, "options": None}, "/orders": {"post": None}}
# The others are the like of 500: no effect, and tried again.
UNLIKE = ("throttle", "500", CONFLICT, AFTER, STALE)
METHODS = ("GET /pets", "POST /orders")
# One has methods without integrations: API Gateway deploys no such API.
DEPLOYABLE = [name for name in DOCUMENTS if not name.startswith("PLAIN")]
MAX_METHODS = 4


def faults(calls: dict[str, int], kinds: tuple[str, ...] = KINDS) -> list[tuple[str, int, str]]:
    """Every kind that can meet a call, for each call: only a write conflicts, only a read is
    stale."""
    return [
        (operation, call, kind)
        for operation, number in calls.items()
        for call in range(1, number + 1)
        for kind in kinds
        if kind != (CONFLICT if operation.startswith("Get") else STALE)
    ]


class World:
    """An account with a customer's key, used for many APIs, one after the other."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.key = customer(lab)
        # the second plan is made here
        assert lab.run(lab.api()).status == "SUCCEEDED"
        slow(lab)
        self.closed = self.later(lab.api({"/closed": {"get": None}}))
        assert lab.run(self.closed).status == "SUCCEEDED"
        self.later(self.closed)

    def later(self, api_id: str) -> str:
        """When everything is known everywhere, and nothing is remembered of the last hour."""
        self.lab.bench.clock.advance(2 * 3600)
        self.lab.forget()
        return api_id

    def opened(self) -> str:
        """An API that Keyward closed long ago, and whose team has just added open methods."""
        self.lab.edit(self.closed, PATHS | {"/closed": {"get": ["api_key"]}})
        self.lab.deploy(self.closed)
        return self.later(self.closed)

    def watched(self, api_id: str, methods: tuple[str, ...], *orders: JSON) -> Watch:
        """A run with these faults, and clients all the while until its end has reached all."""
        watch = Watch(self.lab, api_id, methods, self.key)
        clock, emulator = self.lab.bench.clock, self.lab.bench.emulator
        emulator.order_faults(list(orders))
        began = clock.now()
        with watch.watching():
            run = self.lab.run(api_id)
            took = clock.now() - began
            clock.advance(PROPAGATION_SECONDS + 30)
        emulator.order_faults([])
        assert run.status == "SUCCEEDED", run.cause
        assert took < 140 + FAULT_SECONDS
        return watch


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with laboratory() as lab:
        yield World(lab)


def assert_no_gap(watch: Watch) -> None:
    assert watch.never_refused()
    assert watch.never_half_closed()
    assert watch.never_opened()
    assert watch.closed_for_good()
    deployments = watch.lab.client.get_deployments(restApiId=watch.api_id, limit=500)["items"]
    described = [one["description"] for one in deployments if one.get("description")]
    assert len(described) == len(set(described))
    assert watch.lab.plans_of(watch.api_id) == ["free", "pro"]
    # The worlds add the same methods again and again, as an open source does.
    assert [name for name in watch.lab.event_types() if name != "SourceOpen"] == ["ApiProtected"]


def test_the_calls_of_the_run_that_is_broken_are_known(world: World) -> None:
    api_id = world.later(world.lab.api(PATHS))
    world.lab.run(api_id)
    assert Counter(world.lab.bench.operations()) == CLOSING
    api_id = world.opened()
    world.lab.run(api_id)
    assert Counter(world.lab.bench.operations()) == ADDING


@pytest.mark.parametrize(("operation", "call", "kind"), sampled(faults(CLOSING), 3), ids=str)
def test_no_fault_of_the_first_closing_makes_a_gap(
    world: World, operation: str, call: int, kind: str
) -> None:
    api_id = world.later(world.lab.api(PATHS))
    order = {"operation": operation, "call": call, "fault": kind}
    watch = world.watched(api_id, METHODS, order)
    assert_no_gap(watch)


@pytest.mark.parametrize(
    ("operation", "call", "kind"), sampled(faults(AT_STAGE, UNLIKE), 3), ids=str
)
def test_no_fault_of_a_later_closing_makes_a_gap_or_opens_what_is_closed(
    world: World, operation: str, call: int, kind: str
) -> None:
    order = {"operation": operation, "call": call, "fault": kind}
    assert_no_gap(world.watched(world.opened(), (*METHODS, "GET /closed"), order))


@pytest.mark.real_data
@pytest.mark.parametrize("name", DEPLOYABLE)
def test_real_apis_are_closed_without_a_gap(world: World, name: str) -> None:
    lab = world.lab
    api_id = world.later(lab.imported(real_document(name)))
    # a method that asked for a key before has turned away all customers, as the plans lacked it
    methods = tuple(
        method
        for method, asks in lab.live(api_id).items()
        if not asks and not method.startswith("OPTIONS")
    )
    watch = world.watched(api_id, methods[:MAX_METHODS])
    assert watch.never_refused()
    assert watch.never_half_closed()
    assert not watch.looks[-1].open
    assert lab.plans_of(api_id) == ["free", "pro"]
    assert lab.event_types() == ["ApiProtected"]
