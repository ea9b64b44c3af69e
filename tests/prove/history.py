"""A random history, drawn from a seed: what happens to an account, and what goes wrong with it."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

from keyward.values import JSON

CUSTOMERS = ("acme", "bolt")
PLANS = ("free", "pro")
PASSING = (503, "ThrottlingException", "timeout_before", "timeout_after", "connection_refused")
DEATHS = ("death_before", "death_after")
# Calls that a fault may meet: the client, its operation, and what may go wrong with it.
CALLS: tuple[tuple[str, str, tuple[str | int, ...]], ...] = (
    *(
        ("apigateway", operation, PASSING + DEATHS)
        for operation in (
            "CreateApiKey",
            "CreateUsagePlanKey",
            "UpdateApiKey",
            "DeleteApiKey",
            "DeleteUsagePlanKey",
            "CreateUsagePlan",
            "GetApiKeys",
            "GetUsagePlans",
            "GetUsage",
            "UpdateUsage",
        )
    ),
    *(
        ("dynamodb", operation, (*PASSING, *DEATHS, "repeated"))
        for operation in ("GetItem", "PutItem", "Query", "DeleteItem")
    ),
    ("dynamodb", "UpdateItem", (*PASSING, *DEATHS, "repeated", "TransactionConflict")),
    ("dynamodb", "TransactWriteItems", (*PASSING, *DEATHS, "repeated", "TransactionConflict")),
    ("ssm", "GetParameter", PASSING),
    ("events", "PutEvents", PASSING + DEATHS),
    ("stepfunctions", "StartExecution", PASSING + DEATHS),
    ("stepfunctions", "DescribeExecution", PASSING),
    ("sqs", "SendMessage", PASSING),
)
API_CALLS: tuple[tuple[str, str, tuple[str | int, ...]], ...] = tuple(
    ("apigateway", operation, PASSING + DEATHS)
    for operation in (
        "UpdateUsagePlan",
        "UpdateMethod",
        "CreateDeployment",
        "UpdateStage",
        "DeleteDeployment",
        "GetDeployment",
        "GetStages",
        "GetResources",
        "GetExport",
        "GetRestApi",
        "GetUsagePlans",
    )
)
FUNCTIONS = (
    "RecordCustomer",
    "StartCustomerReconcile",
    "StartApiProtection",
    "PlanCustomer",
    "CreateKey",
    "AttachKey",
    "PlanProtection",
    "AttachStage",
    "RequireKey",
    "DeployApi",
    "VerifyStage",
    "ReportFailure",
)
LAMBDA = ("Runtime.ExitError", "Lambda.ServiceException", "Sandbox.Timedout", "timeout_after")
# Between two steps: at once, while a run is at work, after it, or much later.
PAUSES = (0.0, 0.03, 0.06, 0.1, 0.3, 2.0, 5.0, 60.0)
# Now and then days pass: overlaps end, bills stay unpaid.
EDITED_SHARE = 0.25
LONG_SHARE, LONG = 0.06, (4_000.0, 100_000.0, 700_000.0)


@dataclass(frozen=True)
class Fault:
    """A fault that is ordered at the beginning."""

    client: str
    operation: str
    call: int
    error: str | int


@dataclass(frozen=True)
class Step:
    """One thing that happens, `pause` seconds after the one before."""

    pause: float
    kind: str
    about: JSON = field(default_factory=dict)


@dataclass(frozen=True)
class History:
    """What happens. Of `apis` or of customers; `pace` seeds the times that calls take."""

    seed: int
    is_of_apis: bool
    steps: tuple[Step, ...]
    faults: tuple[Fault, ...]
    pace: int

    def __str__(self) -> str:
        lines = [f"seed {self.seed}", *map(str, self.faults), *map(str, self.steps)]
        return "\n  ".join(lines)


def history(seed: int) -> History:
    """The history of a seed."""
    draw = random.Random(seed)
    is_of_apis = draw.random() < 0.3
    steps = _of_apis(draw) if is_of_apis else _of_customers(draw)
    calls = CALLS[10:] + API_CALLS if is_of_apis else CALLS
    faults = tuple(_fault(draw, calls) for _ in range(draw.choice((0, 1, 1, 1, 2))))
    pace = draw.randrange(1 << 30)
    # Drawn last, so that a seed without edits plays what it played before there were any.
    return History(seed, is_of_apis, tuple(_with_edits(draw, steps)), faults, pace)


def _with_edits(draw: random.Random, steps: list[Step]) -> list[Step]:
    """The steps, and in some histories edits of the policy between them."""
    found = list(steps)
    if draw.random() < EDITED_SHARE:
        for kind in draw.choices(("edit_policy", "edit_policy", "answer_policy"), k=2):
            step = Step(draw.choice(PAUSES), kind, {"number": draw.randrange(100)})
            found.insert(draw.randint(1, len(found)), step)
    return found


def _fault(draw: random.Random, calls: Any) -> Fault:
    if draw.random() < 0.15:
        return Fault("lambda", draw.choice(FUNCTIONS), draw.randint(1, 3), draw.choice(LAMBDA))
    client, operation, errors = draw.choice(calls)
    return Fault(client, operation, draw.randint(1, 6), draw.choice(errors))


def _of_customers(draw: random.Random) -> list[Step]:
    first = Step(0, "send", {"kind": "CustomerSignedUp", "plan": draw.choice(PLANS)})
    steps = [first]
    for _ in range(draw.randint(1, 4)):
        kind = draw.choices(*zip(*CUSTOMER_STEPS, strict=True))[0]
        pauses = LONG if draw.random() < LONG_SHARE else PAUSES
        steps.append(Step(draw.choice(pauses), kind, _about(draw, kind)))
    customer = draw.choice(CUSTOMERS)
    return [Step(s.pause, s.kind, {"customer_id": customer} | s.about) for s in steps]


CUSTOMER_STEPS = (
    ("send", 10),
    ("again", 2),
    ("put", 2),
    ("run", 2),
    ("stop", 1),
    ("delete_key", 1),
    ("detach_key", 1),
    ("switch_key", 1),
)
EVENTS: tuple[tuple[str, JSON], ...] = (
    ("CustomerPlanChanged", {"plan": "free"}),
    ("CustomerPlanChanged", {"plan": "pro"}),
    ("CustomerPlanChanged", {"plan": "pro", "key": "successor"}),
    ("CustomerPlanChanged", {"plan": "free", "key": "in_place"}),
    ("CustomerSuspended", {}),
    ("CustomerResumed", {}),
    ("CustomerClosed", {}),
    ("CustomerSignedUp", {"plan": "pro"}),
    ("CustomerExpiryChanged", {"ahead": -60}),
    ("CustomerExpiryChanged", {"ahead": 3600}),
    ("CustomerExpiryChanged", {"ahead": 10**8}),
    ("PaymentFailed", {}),
    ("PaymentSucceeded", {}),
    ("KeyRotationRequested", {}),
    ("KeyRotationRequested", {"overlap_hours": 1}),
    ("KeyRotationRequested", {"overlap_hours": 0, "reason": "leaked"}),
)


def _about(draw: random.Random, kind: str) -> JSON:
    if kind == "send":
        name, detail = draw.choice(EVENTS)
        return {"kind": name, "age": draw.choice((0, 0, 0, 0, 1, 60, 3600))} | detail
    if kind == "put":
        return {"plan": draw.choice(PLANS), "status": draw.choice(("active", "suspended"))}
    return {"number": draw.randrange(100)}


API_STEPS = (
    ("open", 4),
    ("edit", 2),
    ("deploy", 4),
    ("protect", 2),
    ("stop", 1),
    ("mode", 1),
    ("approve", 1),
    ("take_stage", 1),
    ("between", 4),
    ("share", 1),
    ("tidy", 1),
)
# What a team does between two calls of a run: before the n-th call of an operation from now on.
BETWEEN = ("edit", "open", "deploy", "tidy")
BEFORE = (
    *("GetRestApi", "GetStages", "GetDeployment", "GetUsagePlans", "GetResources", "GetExport"),
    *("UpdateMethod", "CreateDeployment", "GetStage", "UpdateStage"),
)


def _of_apis(draw: random.Random) -> list[Step]:
    steps = [Step(0, "open", {})] if draw.random() < 0.5 else []
    for _ in range(draw.randint(1, 4)):
        kind = draw.choices(*zip(*API_STEPS, strict=True))[0]
        about: JSON = {"number": draw.randrange(100)}
        if kind == "mode":
            about = {"mode": draw.choice(("enforce", "observe", "warn", "off"))}
        if kind == "between":
            about |= {"act": draw.choice(BETWEEN), "operation": draw.choice(BEFORE)}
            about |= {"call": draw.choice((1, 1, 1, 2, 3))}
        steps.append(Step(draw.choice(PAUSES), kind, about))
    return steps
