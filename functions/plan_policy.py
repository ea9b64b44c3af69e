"""Plan policy: compare the policy that its owner wants with what is in force and with the account;
put in force what may be, hold what a person has to agree to."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from keyward.aws.gateway import Patience
from keyward.events import contracts
from keyward.events.fields import FINGERPRINT
from keyward.runs import run, runtime
from keyward.runs.policy.run import PolicyRun

# Of the 300 s of this function.
PATIENCE_SECONDS, READ_SECONDS = 200, 240


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Task input `{execution_arn, approve?, reject?}`; output `{next, wait_seconds?}`."""
    run.only_fields(event, ("approve", "reject"))
    for name in ("approve", "reject"):
        contracts.optional_of(event, name, FINGERPRINT)
    until = runtime.now() + READ_SECONDS
    patience = Patience(PATIENCE_SECONDS, runtime.pause, until, runtime.now)
    surroundings = runtime.context()
    patient = replace(surroundings, gateway=surroundings.gateway.patiently(patience))
    mode, queue_url = runtime.setting("DEFAULT_MODE"), runtime.setting("APIS_QUEUE_URL")
    return PolicyRun(patient, event, mode, queue_url).plan()
