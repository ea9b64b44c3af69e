"""Many APIs: exposed at once or found by the audit, and the audit of an account."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from benchmarks.custodian import AUDITED_METHODS, STAGES
from benchmarks.desk import Desk, Row
from benchmarks.ground import paths
from benchmarks.jobs import LATER
from benchmarks.load import burst
from keyward.values import DAY
from local.lifetime.schedules import following

METHODS = 10
# Default of the parameter AuditSchedule.
NIGHT = "cron(17 3 * * ? *)"


class Apis:
    """APIs of a desk, each with so many open methods."""

    def __init__(self, made: Desk) -> None:
        self._made, self.ids = made, list[str]()

    def deploy(self, number: int) -> None:
        """Make and deploy so many, each heard by Keyward."""
        self.ids += [self._made.bench.api(paths(METHODS)) for _ in range(number)]

    def deploy_unheard(self, number: int) -> None:
        """The same while CloudTrail tells nothing: the audit has to find them."""
        emulator = self._made.bench.emulator
        tell, emulator.on_event = emulator.on_event, None
        self.deploy(number)
        emulator.on_event = tell

    def still_open(self) -> int:
        """How many of them serve a method without a key."""
        return sum(self._is_open(api_id) for api_id in self.ids)

    def _is_open(self, api_id: str) -> bool:
        stage = self._made.team("GetStage", {"restApiId": api_id, "stageName": "prod"})
        wanted = {"restApiId": api_id, "deploymentId": stage["deploymentId"]}
        served = self._made.team("GetDeployment", wanted | {"embed": ["apisummary"]})
        verbs = [method for path in served["apiSummary"].values() for method in path.values()]
        return not all(method["apiKeyRequired"] for method in verbs)


def exposed(made: Desk, number: int) -> Iterator[Row]:
    """A team deploys all its APIs at once, all exposed, in usage plans that are there."""
    made.bench.api(paths(2))
    made.bench.run()
    made.bench.advance(seconds=LATER)
    apis = Apis(made)
    job = f"{number} APIs exposed at once"
    yield made.measure(job, partial(apis.deploy, number), number, apis.still_open)


def repaired(made: Desk, number: int) -> Iterator[Row]:
    """The same, found by the audit and handed to the reconcilers."""
    made.bench.api(paths(2))
    made.bench.run()
    made.bench.advance(seconds=LATER)
    apis = Apis(made)
    apis.deploy_unheard(number)
    repair = partial(made.bench.audit, repair=True)
    job = f"{number} APIs repaired by the audit"
    yield made.measure(job, repair, number, apis.still_open)


def burst_audited(made: Desk, apis: int, keys: int) -> Iterator[Row]:
    """So many customers at once. Then their account has APIs with two stages each, in which nothing
    is wrong: one audit in one go, and a night with its report."""
    yield from burst(made, keys)
    with made.bench.emulator.quotas.lifted():
        closed = paths(AUDITED_METHODS, ["api_key"])
        for _ in range(apis):
            made.bench.api(closed, mode="observe", stages=[*STAGES])
        made.bench.run()
    name = audit_name(apis, keys)
    yield made.measure(name, made.bench.audit, apis)
    made.bench.run(until=following(NIGHT, made.bench.clock.now()) - 1)
    night = partial(made.bench.advance, DAY / 2)
    yield made.measure(name.replace("audit", "night"), night, apis, nights=True)


def audit_name(apis: int, keys: int) -> str:
    """The audit of so many APIs and keys."""
    return f"audit of {apis} APIs × {len(STAGES)}, {keys:,} keys"
