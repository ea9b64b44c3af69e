"""audit-account to run on a laboratory, and what its documents say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest import mock

import audit
import audit_part
import repair
import report_failure
from emulator.clock import VirtualClock
from keyward.aws.bucket import Audits
from keyward.aws.gateway import Gateway
from keyward.runs import runtime
from keyward.values import JSON
from local.lifetime.services import S3
from tests.machines.api_lab import Lab
from tests.machines.life_lab import CUSTOMER_FUNCTIONS, LifeLab
from tests.machines.machine import Execution, Machine

BUCKET = "the-bucket"
FUNCTIONS = {
    "AuditPart": audit_part,
    "Repair": repair,
    "ReportFailure": report_failure,
}
SETTINGS = {
    "RECONCILE_CUSTOMER_ARN": "the-customer-machine",
    "ISSUE_KEYS_ARN": "the-import",
    "APPLY_POLICY_ARN": "the-policy-machine",
    "AUDIT_ACCOUNT_ARN": "the-audit-machine",
    "KEY_PREFIX": "kw",
}


@dataclass
class AuditLab:
    """A laboratory with audit-account on it."""

    lab: Lab
    audits: Audits
    machine: Machine
    s3: S3

    @property
    def life(self) -> LifeLab:
        """The same account, with reconcile-customer to run on it."""
        bench = self.lab.bench
        functions = {name: module.handler for name, module in CUSTOMER_FUNCTIONS.items()}
        machine = Machine("reconcile_customer", functions, bench.bus.announce, bench.clock)
        return LifeLab(bench, machine)

    def mend(self) -> Execution:
        """An audit that repairs, and the runs that it starts, to their end."""
        bus, life = self.lab.bench.bus, self.life
        bus.started.clear()
        execution = self.run(repair=True)
        # What an edit of the policy lacks is tested on the bench (apply_policy/test_edits.py).
        of_policy = SETTINGS["APPLY_POLICY_ARN"]
        for machine, name, task in [one for one in bus.started if one[0] != of_policy]:
            runs = life.machine if machine == "the-customer-machine" else self.lab.machine
            run = runs.run(task, name)
            assert run.status == "SUCCEEDED", run.cause
        return execution

    def run(self, name: str | None = None, **given: Any) -> Execution:
        """A run of audit-account."""
        return self.machine.run(given, name)

    def findings(self, **given: Any) -> list[JSON]:
        """What a run finds."""
        execution = self.run(**given)
        assert execution.status == "SUCCEEDED", execution.cause
        told: list[JSON] = self.audits.load(execution.output["audit"], "findings")["findings"]
        return told

    def items(self) -> dict[str, list[JSON]]:
        """What all tables hold, apart from the account's schedule of calls."""
        return {
            name: [item for item in table.scan()["Items"] if item.get("lease") != "schedule"]
            for name, table in self.lab.bench.tables.items()
        }

    def kinds(self, **given: Any) -> list[str]:
        """The kinds of what a run finds."""
        return sorted(finding["kind"] for finding in self.findings(**given))

    def in_one_go(self, **event: Any) -> JSON:
        """What the function Audit answers."""
        told: JSON = json.loads(json.dumps(audit.handler(event, None)))
        return told


@contextmanager
def audit_laboratory(lab: Lab) -> Iterator[AuditLab]:
    """audit-account on an empty laboratory, with a bucket of its own."""
    s3 = S3(VirtualClock(0), lambda bucket, key: None)
    audits = Audits(s3, BUCKET)
    bus = lab.bench.bus
    functions = {name: module.handler for name, module in FUNCTIONS.items()}
    machine = Machine("audit_account", functions, bus.announce, lab.bench.clock, send=bus.send)
    patient = Gateway(lab.client)
    with (
        mock.patch.dict("os.environ", SETTINGS | {"REPORT_BUCKET": BUCKET}),
        mock.patch.object(runtime, "audits", return_value=audits),
        mock.patch.object(runtime, "patient_gateway", return_value=patient),
    ):
        yield AuditLab(lab, audits, machine, s3)
