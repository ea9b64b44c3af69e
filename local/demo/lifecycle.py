"""`python -m local demo-lifecycle`: the whole life of a key, told on a virtual clock.

On the bench: changes take 80 s to reach every gateway host, as recorded on AWS."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime

from keyward.cli import history
from keyward.policy.parse import default_text
from keyward.runs import runtime
from keyward.values import DAY, HOUR
from local.bench import Bench
from local.demo.story import DatedStory

STARTED, STAGE = "2027-01-04T09:00:00+00:00", "prod"
PROPAGATION, EFFECTIVE = 80, 120
LADDER = [
    {"step": "notice", "after_days": 0},
    {"step": "plan", "after_days": 7, "plan": "free"},
    {"step": "suspend", "after_days": 21},
    {"step": "close", "after_days": 40},
]
PROBE_SECONDS = 1
ACME = {"customer_id": "acme"}
# These functions read the account at night, whatever becomes of a customer.
NIGHTLY = ("AuditPart", "ReadUsage", "WriteReport")


class Life:
    """What the scenes do and look at: one customer, acme, and an API that asks for a key."""

    def __init__(self, bench: Bench) -> None:
        self.bench, self.story = bench, DatedStory(bench.clock.now)
        self.rows: list[tuple[str, ...]] = []
        self.api_id = bench.api({"/pets": {"get": ["api_key"]}}, stages=[STAGE])

    @property
    def newest(self) -> str:
        """The value of the newest key. It is never shown."""
        return self.values()[-1]

    def values(self) -> list[str]:
        """The values of the keys on the gateway, oldest first."""
        keys = self.bench.emulator.state.keys.values()
        return [key.value for key in sorted(keys, key=lambda key: str(key.settings["name"]))]

    def call(self, value: str | None) -> int:
        """What a client gets who sends this value."""
        return self.bench.call(self.api_id, STAGE, "GET", "/pets", key=value)

    def event(self, kind: str, budget: tuple[int, int], **detail: object) -> None:
        """Send an event, let its run end, and book its calls of API Gateway."""
        self.story.say(f"event {kind}" + (f" {json.dumps(detail)}" if detail else ""))

        def send() -> None:
            self.bench.send(kind, **ACME | detail)
            self.bench.run()

        self.counted(kind, budget, send)

    def counted(self, job: str, budget: tuple[int, int], work: Callable[[], object]) -> None:
        """Do it; tell what was announced, and book its calls: at most `budget` reads and writes."""
        calls, told = len(self.bench.emulator.ledger), len(self.bench.announced)
        work()
        lines = self.bench.emulator.ledger[calls:]
        others = {f"{self.bench.stack.role_path}{name}Role" for name in NIGHTLY} | {None}
        names = [line["operation"] for line in lines if line["caller"] not in others]
        reads = sum(name.startswith("Get") for name in names)
        for event in self.bench.announced[told:]:
            day, why = datetime.fromisoformat(event["time"]), event["detail"].get("reason")
            self.story.say(
                f"     Keyward announces {event['detail-type']}"
                + (f" ({why})" if why else "")
                + (f" on {day:%d %b}" if day.timestamp() < self.bench.clock.now() - HOUR else "")
            )
        fits = reads <= budget[0] and len(names) - reads <= budget[1]
        row = (job, str(reads), f"≤ {budget[0]}", str(len(names) - reads), f"≤ {budget[1]}")
        self.rows.append((*row, "ok" if fits else "OVER"))

    def after(self, days: float, why: str, budget: tuple[int, int] = (0, 0)) -> None:
        """Let days pass; what is due by itself is done in its time."""
        self.story.say(f"     … {days:g} days pass …")
        self.counted(why, budget, lambda: self.bench.advance(days * DAY))

    def announced(self, kind: str, at_least: int = 1) -> None:
        """Check how often it was announced since the start of the story."""
        found = sum(event["detail-type"] == kind for event in self.bench.announced)
        self.story.check(f"{kind} was announced at least {at_least} times", found >= at_least, True)

    def probed(self, value: str) -> list[int]:
        """What a client gets each second until a change should be known everywhere."""
        found = []
        for _ in range(EFFECTIVE // PROBE_SECONDS):
            found.append(self.call(value))
            self.bench.advance(PROBE_SECONDS)
        return found

    def answers(self, what: str, value: str | None, expected: int) -> None:
        """Check what a client gets now."""
        self.story.check(f"GET /pets {what}", self.call(value), expected)


def signs_up(life: Life) -> None:
    """An event becomes a key."""
    life.story.scene("acme signs up for the plan `free`")
    life.event("CustomerSignedUp", (0, 2), plan="free")
    life.bench.advance(EFFECTIVE)
    life.answers("with the key", life.newest, 200)
    life.answers("without a key", None, 403)


def moves_in_place(life: Life) -> None:
    """The key keeps its value; AWS has a window."""
    life.story.scene("acme moves to `pro` in place: same value, and the window that AWS has")
    value = life.newest
    life.event("CustomerPlanChanged", (0, 2), plan="pro")
    found = life.probed(value)
    life.story.say(
        f"     probes until effective_by: 200 {found.count(200)}×, 403 {found.count(403)}×"
    )
    life.story.check("the window is real: some probes were refused", found.count(403) > 0, True)
    life.answers("after effective_by, same value", value, 200)


def moves_by_successor(life: Life) -> None:
    """A successor key leaves no window."""
    life.story.scene("acme moves back to `free`, with a successor key: no window at all")
    former = life.newest
    life.event("CustomerPlanChanged", (1, 3), plan="free", key="successor")
    life.story.check("403s at any probe with the old value", life.probed(former).count(403), 0)
    life.answers("with the new value", life.newest, 200)
    life.after(11, "the old key retires", (0, 2))
    life.answers("with the old value", former, 403)


def suspended_and_resumed(life: Life) -> None:
    """The same key is switched off and on, and the customer hears why it was refused."""
    life.story.scene("acme is suspended, asks why, and is resumed with the same key")
    value = life.newest
    life.event("CustomerSuspended", (0, 1), reason="terms of use")
    life.bench.advance(EFFECTIVE)
    life.answers("with the key", value, 403)
    question = ACME | {"rest_api_id": life.api_id, "stage": STAGE}
    told = life.bench.invoke("ExplainDenial", question | {"method": "GET", "path": "/pets"})
    life.story.say(f"     why 403? {told.get('says') or told['cause']}")
    life.story.check("the cause that explain_denial names", told["cause"], "customer_suspended")
    life.event("CustomerResumed", (0, 1))
    life.bench.advance(EFFECTIVE)
    life.answers("with the same key", value, 200)


def rotates(life: Life) -> None:
    """Both keys work for a week, the quota counts on, and the old key retires."""
    life.story.scene(
        "acme rotates its key: a week of overlap, what it used of its quota carried over"
    )
    former = life.newest
    life.bench.advance(DAY)
    for _ in range(8):
        life.call(former)
    life.event("KeyRotationRequested", (1, 3))
    life.story.check("403s at any probe with the old value", life.probed(former).count(403), 0)
    life.answers("with the new value", life.newest, 200)
    left = remaining(life)
    life.story.say(f"     calls left today for the new key, of 1000: {left}")
    life.story.check("what the old key had used is counted", left <= 992, True)
    life.after(11, "KeyExpiring, the old key is disabled, deleted", (0, 2))
    life.announced("KeyExpiring", 2)
    life.announced("KeyRetired", 2)
    life.answers("with the old value", former, 403)
    life.answers("with the new value", life.newest, 200)


def remaining(life: Life) -> int:
    """What GetUsage tells is left of the newest key's quota today."""
    state, day = life.bench.emulator.state, datetime.fromtimestamp(life.bench.clock.now(), UTC)
    key = max(state.keys.values(), key=lambda key: str(key.settings["name"]))
    [plan] = state.plans_of(key.id)
    days = dict.fromkeys(("startDate", "endDate"), f"{day:%Y-%m-%d}")
    about = {"usagePlanId": plan.id, "keyId": key.id} | days
    used = life.bench.emulator.call("GetUsage", about)
    return int(used["items"][key.id][0][1])


def leaks(life: Life) -> None:
    """The leaked key is disabled before another one is made."""
    life.story.scene("acme's key is in a public repository: disabled first, then replaced")
    leaked = life.newest
    life.event("KeyRotationRequested", (1, 5), overlap_hours=0, reason="leaked")
    life.bench.advance(EFFECTIVE)
    life.answers("with the leaked value", leaked, 403)
    life.answers("with the new value", life.newest, 200)


def expires(life: Life) -> None:
    """A trial ends by itself."""
    life.story.scene("acme is on a trial of ten days")
    value = life.newest
    ends = datetime.fromtimestamp(life.bench.clock.now() + 10 * DAY, UTC).isoformat()
    life.event("CustomerExpiryChanged", (0, 0), expires_at=ends)
    life.after(10.1, "notices, then suspended by itself", (0, 1))
    life.announced("CustomerExpiring", 2)
    life.answers("with the key", value, 403)
    later = datetime.fromtimestamp(life.bench.clock.now() + 3650 * DAY, UTC).isoformat()
    life.event("CustomerExpiryChanged", (0, 1), expires_at=later)
    life.bench.advance(EFFECTIVE)
    life.answers("after a new date, same key", value, 200)


def does_not_pay(life: Life) -> None:
    """Each step of the policy's ladder comes in its time, and a payment takes it back."""
    life.story.scene("acme, on `pro`, does not pay: notice, lower plan, suspended; then it pays")
    value = life.newest
    life.event("CustomerPlanChanged", (0, 2), plan="pro")
    life.event("PaymentFailed", (0, 0))
    life.after(8, "the lower plan", (0, 2))
    life.announced("PaymentOverdue")
    life.after(14, "suspended", (0, 1))
    life.answers("with the key", value, 403)
    life.event("PaymentSucceeded", (0, 3))
    life.bench.advance(EFFECTIVE)
    life.answers("after the payment, same key, former plan", value, 200)
    life.story.scene("acme does not pay for forty days: closed; paid at last, it gets a new key")
    life.event("PaymentFailed", (0, 0))
    life.after(41, "lower plan, suspended, closed", (0, 4))
    life.answers("with the key", value, 403)
    life.story.check("keys on API Gateway", len(life.values()), 0)
    life.event("PaymentSucceeded", (0, 2))
    life.bench.advance(EFFECTIVE)
    life.answers("with the new key", life.newest, 200)


def undoes(life: Life) -> None:
    """One event takes the last change back."""
    life.story.scene("Somebody moved acme to the wrong plan: one event takes it back")
    life.bench.advance(HOUR)
    life.event("CustomerPlanChanged", (0, 2), plan="free")
    life.bench.advance(HOUR)
    life.event("UndoRequested", (0, 2), what="plan_change")
    life.bench.advance(EFFECTIVE)
    life.answers("with the key, in `pro` again", life.newest, 200)


def comes_again(life: Life) -> None:
    """Events that occurred before newer ones change nothing."""
    life.story.scene("Two events of the first day come months too late: nothing happens")
    old = STARTED
    life.event("CustomerSuspended", (0, 0), occurred_at=old, reason="late")
    life.event("CustomerClosed", (0, 0), occurred_at=old)
    life.answers("with the key", life.newest, 200)


def remembers(life: Life) -> None:
    """The ledger has a line for each change, and says who asked for it."""
    life.story.scene("The history of acme, from the ledger (keyward history acme)")
    lines = runtime.context().registry.ledger.of("customer#acme")
    for line in history.history_lines(lines[-8:]):
        print(f"     {line}")
    print(f"     … and {len(lines) - 8} earlier lines")
    text = json.dumps([lines, life.bench.announced], default=str)
    values = [value for value in life.values() if value in text]
    life.story.check("values in history and announcements", values, [])
    life.story.check("every line says who asked", all(line["asked"] for line in lines), True)


SCENES: tuple[Callable[[Life], None], ...] = (
    signs_up,
    moves_in_place,
    moves_by_successor,
    suspended_and_resumed,
    rotates,
    leaks,
    expires,
    does_not_pay,
    undoes,
    comes_again,
    remembers,
)


def run() -> int:
    """Tell the story; 0 when every check passed, else 1."""
    policy = json.loads(default_text())
    policy |= {"billing": {"ladder": LADDER}}
    with Bench(policy=policy, propagation=PROPAGATION, started=STARTED) as bench:
        life = Life(bench)
        life.story.headline("Keyward: the whole life of a key, on a virtual clock")
        bench.run()
        bench.advance(EFFECTIVE)
        for scene in SCENES:
            scene(life)
        head = ("job", "reads", "budget", "writes", "budget", "")
        life.story.table("API Gateway control-plane calls", [head, *life.rows])
        over = [row[0] for row in life.rows if row[-1] != "ok"]
        life.story.check("jobs over their budget", ", ".join(over) or "none", "none")
        return life.story.end()
