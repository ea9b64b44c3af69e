"""Hands customers over to the run that imports keys for many of them, and starts that run."""

from __future__ import annotations

from keyward.aws.tables.due import IMPORTED, NEW
from keyward.aws.tables.import_progress import LEASE
from keyward.runs import run
from keyward.runs.context import Context
from keyward.values import JSON, run_name


def hand_over(context: Context, machine_arn: str, customer_id: str, asked: JSON) -> None:
    """Have the customer wait for the next batch, and start the import unless it runs. For a
    customer whose plan is simple (customers/bulk.py). `asked` says who asked for the key.
    Idempotent."""
    leases, now = context.registry.leases, context.now
    context.registry.imports.wait(customer_id, asked, now)
    # A read: ten thousand customers at once would be too many writes for one item.
    if leases.is_held(LEASE, now):
        return
    owner, name = _next_run(machine_arn, now)
    if leases.acquire(LEASE, owner, now):
        context.bus.start(machine_arn, name, {})


def start_import(context: Context, machine_arn: str) -> bool:
    """Start the import when somebody waits and no run is alive: the last one died, or the start of
    one failed. Raises TryUnderwayError while the last function of a dead run may be at work."""
    imports, leases, now = context.registry.imports, context.registry.leases, context.now
    if not any(imports.waiting(partition, 1) for partition in (NEW, IMPORTED)):
        return False
    owner, name = _next_run(machine_arn, now)
    if run.begin(leases, context.bus, LEASE, owner, now) is None:
        return False
    return context.bus.start(machine_arn, name, {})


def _next_run(machine_arn: str, now: float) -> tuple[str, str]:
    """The ARN and the name of a run that is to be started: it holds the lease from before that."""
    name = run_name("import", str(now))
    return f"{machine_arn.replace(':stateMachine:', ':execution:', 1)}:{name}", name
