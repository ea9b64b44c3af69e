"""Reports to render: a believable one, and a very large one."""

from __future__ import annotations

from dataclasses import replace

from keyward.report.customers import days_until
from keyward.report.model import (
    ActivityRow,
    ApiRow,
    CustomerRow,
    CustomerUsage,
    ExemptionRow,
    ExemptMethods,
    OpenMethod,
    PendingItem,
    PlanRow,
    PlanUsage,
    Report,
    StageRow,
)

NOW = 1_795_428_124.0
NOW_ISO = "2026-11-23T10:02:04Z"
ATTACK = "<script>alert(1)</script>"
EMPTY = Report(NOW_ISO, "account 123456789012, us-east-1")


def believable() -> Report:
    """Something of everything."""
    exempt = (ExemptMethods(0, ("OPTIONS /orders", "OPTIONS /orders/{id}")),)
    open_ones = (OpenMethod("GET", "/orders", "NONE"), OpenMethod("POST", "/orders", "AWS_IAM"))
    apis = (
        ApiRow(
            "pets123456",
            "pet shop",
            "enforce",
            tuple(StageRow(name, 24, 0, (), exempt, ("free", "pro")) for name in ("prod", "test")),
        ),
        ApiRow(
            "orders1234",
            "orders",
            "observe",
            (
                StageRow("prod", 8, 1, open_ones, exempt, (), 10.0),
                StageRow("test", 10, 1, open_ones[:1], exempt, ()),
            ),
        ),
        ApiRow("held123456", "invoices", "enforce", (StageRow("prod", 4, held=True),)),
        ApiRow("internal12", "internal", "off"),
        ApiRow("broken1234", "", "on", (), "InvalidInputError: must be enforce, got 'on'"),
    )
    return Report(
        written_at=NOW_ISO,
        place="account 123456789012, us-east-1",
        apis=apis,
        exemptions=(
            ExemptionRow("*", "OPTIONS", "*", "CORS preflight", methods=8),
            ExemptionRow("pets", "GET", "/health", "probe", "ops", "2026-11-27", "ends soon", 1),
        ),
        plans=(
            PlanRow("free", "5 a second, burst 10, 1,000 a day", {"enabled": 41, "disabled": 2}),
            PlanRow("pro", "50 a second, burst 100, no quota", {"enabled": 9}, "p1r2o3", opens=3),
        ),
        usage=(usage("free"), PlanUsage("pro", days_until(NOW))),
        done=(
            ActivityRow(
                NOW_ISO, "KeyIssued", "acme", plan="free", key_id="k1", did=("create key acme/1",)
            ),
            ActivityRow(
                "2026-11-22T09:00:00Z", "ApiFailed", None, "orders1234", "prod", reason="no"
            ),
        ),
        done_counts={"KeyIssued": 1, "ApiFailed": 1},
        waiting=(
            PendingItem(
                "held",
                "high",
                "a deployment would publish more than the keys that Keyward requires",
                "To approve it: `keyward approve held123456 prod 5f2b7c01aa`. "
                "To reject it: `keyward reject held123456 prod 5f2b7c01aa`",
                rest_api_id="held123456",
                stage="prod",
                since="2026-11-21T18:12:00Z",
            ),
            PendingItem(
                "dead_letters", "high", "CUSTOMERS_DLQ: 1 message", "Read why: `keyward dlq list`"
            ),
        ),
        mending=(
            PendingItem(
                "unannounced", "low", "waits", "Nothing", "acme", mended_by="reconcile-customer"
            ),
        ),
        customers=43,
        keys=57,
        keys_of_others=5,
        policy_version=4,
        read_at=NOW_ISO,
        usage_read_at=NOW_ISO,
    )


def usage(plan: str) -> PlanUsage:
    """Customers at every shade of the quota."""
    shares = (1.0, 0.83, 0.61, 0.3, 0.02)
    return PlanUsage(
        plan,
        days_until(NOW),
        1000,
        "DAY",
        tuple(
            CustomerUsage(f"customer-{place}", (0, *[int(1000 * share)] * 13), share)
            for place, share in enumerate(shares)
        ),
        others=17,
    )


def large(apis: int = 600, stages: int = 10, methods: int = 20) -> Report:
    """Many APIs; every seventh has something open on a stage, and no two stages are alike there."""
    return Report(
        NOW_ISO,
        "account 123456789012, us-east-1",
        apis=tuple(_large_api(number, stages, methods) for number in range(apis)),
        exemptions=(ExemptionRow("*", "OPTIONS", "*", "CORS preflight", methods=apis * stages),),
        usage=(usage("free"),),
    )


def _large_api(number: int, stages: int, methods: int) -> ApiRow:
    exempt = (ExemptMethods(0, tuple(f"OPTIONS /thing-{n}" for n in range(methods // 2))),)
    opened = tuple(OpenMethod("GET", f"/thing-{n}", "NONE") for n in range(stages))
    return ApiRow(
        f"api{number:07}",
        f"api number {number}",
        "enforce",
        tuple(
            StageRow(
                f"stage-{stage}",
                methods,
                0,
                opened[:stage] if number % 7 == 0 else (),
                exempt,
                ("free", "pro"),
            )
            for stage in range(stages)
        ),
    )


def busy(apis: int = 40, customers: int = 500) -> Report:
    """An account as large as most: what waits has long words, and commands to be copied."""
    answer = (
        "To approve it: `keyward approve held123456 prod 5f2b7c01aa`, or start protect-api with "
        '`{"rest_api_id": "held123456", "stage": "prod", "approve": "5f2b7c01aa"}`'
    )
    waiting = (
        PendingItem("held", "high", "it would publish more: put method POST /orders", answer),
        PendingItem("dead_letters", "high", "CUSTOMERS_DLQ: 1 message", "Read `reason`"),
        PendingItem("exemption", "low", "an exemption ends on 2026-11-27", "Extend it"),
    )
    states, plans = ("active", "active", "suspended"), (("free",), ("pro",), ("free", "extra"))
    rows = tuple(
        CustomerRow(f"customer-{n}", states[n % 3], plans[n % 3], {"enabled": 1})
        for n in range(customers)
    )
    many = large(apis, stages=2, methods=6).apis
    made = believable()
    return replace(
        made, waiting=waiting, apis=(*made.apis, *many), by_customer=rows, customers=customers
    )


def hostile() -> Report:
    """Every text is an attack, and as long as it may be."""
    text = f"{ATTACK}\"'><img src=x onerror=alert(1)>\u202e{'x' * 200}"
    attack = (text,)
    return Report(
        NOW_ISO,
        text,
        apis=(
            ApiRow(text, text, text, (StageRow(text, 1, 1, (OpenMethod(*attack * 3),)),)),
            ApiRow("b", text, "observe", problem=text),
            ApiRow("c", text, "off"),
            ApiRow("d", text, "enforce", (StageRow(text, exempt=(ExemptMethods(0, attack),)),)),
        ),
        exemptions=(ExemptionRow(text, text, text, text, text, text, text, 1),),
        plans=(PlanRow(text, text, {"enabled": 1}, text),),
        by_customer=(CustomerRow(text, text, (text,), {"enabled": 1}),),
        usage=(
            PlanUsage(
                text, days_until(NOW), 10, text, (CustomerUsage(text, tuple(range(14)), 0.5),)
            ),
            PlanUsage("pro", (), problem=text),
        ),
        done=(ActivityRow(NOW_ISO, text, text, text, text, text, text, text, attack, text),),
        done_counts={text: 1},
        waiting=(PendingItem(text, text, text, f"{text}`{text}", text, since=NOW_ISO),),
        mending=(PendingItem(text, text, text, text, None, text, text),),
    )
