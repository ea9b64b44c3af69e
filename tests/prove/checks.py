"""What must hold after any history. Each check yields what does not, in a sentence."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

from keyward.values import JSON
from tests.prove.edits import limits_in_force
from tests.prove.plans import plans_are_whose_they_are
from tests.prove.play import SETTLED, overlap_seconds
from tests.prove.played import Played
from tests.prove.wanted import FieldUpdates, epoch

# Opened by the shipped policy: the preflight of CORS.
EXEMPT = "options"
# What may let a customer in again whose key a person disabled.
LETS_IN = {"CustomerResumed", "CustomerSignedUp", "KeyRotationRequested", "record"}
OPENING = ("KeyIssued", "PlanChanged")


def converged(played: Played) -> Iterator[str]:
    """What a customer has is what was asked for last, field by field."""
    now = played.bench.clock.now()
    for customer_id, wanted in _wanted(played).items():
        status, keys = wanted.status(now), _keys(played, customer_id)
        enabled = [name for name, (on, plans) in keys.items() if on and plans]
        if status in ("closed", "unknown") and keys:
            yield f"{customer_id} is {status} and has {keys}"
        if status == "suspended" and enabled:
            yield f"{customer_id} is suspended and {enabled} work"
        if status == "active" and customer_id in played.switched:
            yield from _left_as_switched(played, customer_id, enabled)
        elif status == "active":
            newest = max(keys, key=_number, default=None)
            plan = wanted.plan(now)
            if newest is None or keys[newest] != (True, [plan]):
                yield f"{customer_id} should have a key in {plan} and has {keys}"


def _left_as_switched(played: Played, customer_id: str, enabled: list[str]) -> Iterator[str]:
    """A key that a person disabled stays so, unless a person wanted something since. Its successor
    works if a plan change had begun to make one."""
    kinds = {event["detail-type"] for event in _events_of(played, customer_id)[1:]}
    steps = {step.kind for step in played.history.steps}
    is_left = not kinds & LETS_IN and not steps & {"run", "delete_key", "put"}
    has_successor = any(event["detail"].get("key") for event in _events_of(played, customer_id))
    wrong = [name for name in enabled if name in played.disabled or not has_successor]
    if wrong and is_left:
        yield f"{customer_id} has {wrong} at work, and a person disabled one"


def no_more_keys_than_asked_for(played: Played) -> Iterator[str]:
    """Beside its newest key a customer has those only whose overlap goes on."""
    now = played.bench.clock.now()
    for customer_id in _wanted(played):
        successors = [event for event in _events_of(played, customer_id) if _makes_another(event)]
        most = played.most_alive[customer_id]
        if most > 1 + len(successors):
            yield f"{customer_id} had {most} keys that worked"
        # A run may be late: what a fault postpones comes within SETTLED.
        overlapping = [
            event
            for event in successors
            if epoch(event["detail"]["occurred_at"]) + overlap_seconds(event) + 2 * SETTLED > now
        ]
        keys = _keys(played, customer_id)
        enabled = [name for name, (on, plans) in keys.items() if on and plans]
        if len(enabled) > 1 + min(1, len(overlapping)):
            yield f"{enabled} work, and the overlap of {len(overlapping)} goes on"


def _makes_another(event: JSON) -> bool:
    is_rotation = event["detail-type"] == "KeyRotationRequested"
    return is_rotation or event["detail"].get("key") == "successor"


def never_without(played: Played) -> Iterator[str]:
    """Whoever rotates or gets a successor has a working key at every moment."""
    for customer_id in set(played.without):
        if played.wanted_always(customer_id):
            yield f"{customer_id} was without a working key"


def closed(played: Played) -> Iterator[str]:
    """No live method of an enforced API is open, but where a person is asked."""
    bench = played.bench
    api = bench.emulator.state.rest_apis.get(played.api_id)
    if api is None or api.settings.get("tags", {}).get("keyward") != "enforce":
        return
    held = {e["detail"].get("stage") for e in bench.announced if e["detail-type"] == "ApiHeld"}
    for name, methods in _live(played).items():
        open_methods = [method for method, key in methods.items() if not key]
        if open_methods and name not in held:
            yield f"{name} serves {open_methods} without a key, and nobody is asked"


def only_ours_published(played: Played) -> Iterator[str]:
    """A stage serves the methods that its team deployed last, or that somebody approved since."""
    for name, methods in _live(played).items():
        meant = [played.deployed[name], *played.approved.get(name, ())]
        if {*methods} not in map(_methods, meant):
            team = sorted(_methods(meant[0]))
            yield f"{name} serves {sorted(methods)}, and the team deployed {team}"


def _methods(paths: JSON) -> set[str]:
    return {f"{verb.upper()} {path}" for path, verbs in paths.items() for verb in verbs}


def failures_are_true(played: Played) -> Iterator[str]:
    """All faults of a history pass, so no failure is announced; but a key that a person deleted is
    gone."""
    issued: set[str] = set()
    for event in played.bench.announced:
        if event["detail-type"] == "KeyIssued":
            issued.add(event["detail"]["customer_id"])
        reason = str(event["detail"].get("reason"))
        error = event["detail"].get("error")
        is_true = played.by_hand and error == "KeyGoneError"
        # What came for a removed record is answered.
        is_true |= error == "CustomerNotFoundError" and bool(played.removed)
        # So is a deployment that its team deleted while it was to be served again.
        is_true |= played.tidied and "Deployment id does not exist" in reason
        # Nor has a customer a key whose end was past when it signed up; each event hears so.
        is_true |= _is_past_end(event["detail"]) and event["detail"]["customer_id"] not in issued
        # Who asks for keys that a bill or a date forbids hears so.
        is_true |= error == "StillSuspendedError" and _may_be_ordered(played, event["detail"])
        # And a person may answer a hold that is over.
        is_true |= reason.startswith("approve: must be the fingerprint of a stage that is held")
        if event["detail-type"] in ("CustomerFailed", "ApiFailed") and not is_true:
            yield f"{event['detail-type']}: {reason}"


def _may_be_ordered(played: Played, failed: JSON) -> bool:
    """Whether something but a person's word may suspend the customer of a failure."""
    mine = [e for e in played.sent if e["detail"]["customer_id"] == failed["customer_id"]]
    return any(e["detail-type"] == "PaymentFailed" or "expires_at" in e["detail"] for e in mine)


def _is_past_end(failed: JSON) -> bool:
    """Whether a failure says that the end of a customer was past before it had a key."""
    return str(failed.get("reason")).startswith("expires_at: must lie ahead")


def nothing_dead(played: Played) -> Iterator[str]:
    """No message lies in a dead-letter queue: all that was sent is well-formed."""
    for name, queue in played.bench.account.queues.by_name.items():
        if queue.messages:
            yield f"{name}: {queue.messages[0].attributes.get('reason', queue.messages[0].body)}"


def no_value_anywhere(played: Played) -> Iterator[str]:
    """A key value is on the gateway, and nowhere else."""
    bench = played.bench
    texts = {name: str(list(table.items.values())) for name, table in bench.tables.items()}
    texts["events"] = json.dumps(bench.announced)
    texts["runs"] = str([(run.input, run.output, run.error, run.cause) for run in bench.runs])
    texts["bucket"] = str(bench.account.s3.objects)
    for key in bench.emulator.state.keys.values():
        for place, text in texts.items():
            if key.value in text:
                yield f"the value of {key.settings['name']} is in {place}"


def keys_open_what_was_said(played: Played) -> Iterator[str]:
    """Each key that works opens the stages that its event named; one that opens nothing was
    explained."""
    state = played.bench.emulator.state
    api = state.rest_apis.get(played.api_id)
    mode = api.settings.get("tags", {}).get("keyward") if api else None
    if mode != "enforce" and any(step.kind == "take_stage" for step in played.history.steps):
        # A glob holds the stages of enforced APIs only: what a person took stays taken.
        return
    if mode == "off":
        return
    for event in played.bench.announced:
        kind, detail = event["detail-type"], event["detail"]
        if kind not in OPENING:
            continue
        if "opens" not in detail or not (detail["opens"] or detail.get("reason")):
            yield f"{kind} of {detail['key_id']} does not say what the key opens"
        key = state.keys.get(detail["key_id"])
        plans = {plan.settings["name"] for plan in state.plans_of(detail["key_id"])} if key else ()
        if key and key.enabled and detail["plan"] in plans:
            for place in detail.get("opens", ()):
                where = (place["rest_api_id"], place["stage"])
                status = played.bench.call(*where, "GET", "/pets", key=key.value)
                if status != 200:
                    yield f"{kind} of {key.settings['name']}: {where} answers {status}"


def second_run_writes_nothing(played: Played) -> Iterator[str]:
    """A run of what has settled calls nothing that writes, and announces nothing."""
    bench = played.bench
    calls, told = len(bench.emulator.ledger), len(bench.announced)
    ids: list[tuple[str, JSON]] = [
        # A person's run enables a key that a person disabled.
        ("reconcile_customer", {"customer_id": customer_id})
        for customer_id in _wanted(played)
        if customer_id not in played.switched
    ]
    if played.api_id:
        ids.append(("protect_api", {"rest_api_id": played.api_id}))
    for machine, given in ids:
        bench.account.executions.begin(machine, f"second-{machine}", given)
        bench.run()
    wrote = [
        line["operation"]
        for line in bench.emulator.ledger[calls:]
        if not line["operation"].startswith("Get")
    ]
    # Each person hears anew that the end of a customer without a key is past.
    news = [event for event in bench.announced[told:] if not _is_past_end(event["detail"])]
    events = [event["detail-type"] for event in news]
    if wrote or events:
        yield f"a second run wrote {wrote} and announced {events}"


CHECKS: tuple[Callable[[Played], Iterator[str]], ...] = (
    converged,
    no_more_keys_than_asked_for,
    never_without,
    closed,
    only_ours_published,
    failures_are_true,
    nothing_dead,
    no_value_anywhere,
    keys_open_what_was_said,
    limits_in_force,
    plans_are_whose_they_are,
    # Last, as it runs something.
    second_run_writes_nothing,
)


def broken(played: Played) -> list[tuple[str, str]]:
    """(the check's name, what does not hold) for all that does not."""
    return [(check.__name__, said) for check in CHECKS for said in check(played)]


def _wanted(played: Played) -> dict[str, FieldUpdates]:
    found: dict[str, FieldUpdates] = {}
    for place, event in enumerate(played.sent):
        customer_id = event["detail"]["customer_id"]
        wanted = found.setdefault(customer_id, FieldUpdates())
        if (place, customer_id) in played.repeats:
            wanted.put_as = None  # A repeat writes into the record what Keyward keeps there.
        if event["detail-type"] == "record":
            wanted.put(event["detail"], epoch(event["detail"]["occurred_at"]))
        elif event["detail-type"] == "removed":
            wanted.remove(epoch(event["detail"]["occurred_at"]))
        else:
            wanted.hear(event)
    return found


def _events_of(played: Played, customer_id: str) -> list[JSON]:
    return [event for event in played.sent if event["detail"]["customer_id"] == customer_id]


def _keys(played: Played, customer_id: str) -> dict[str, tuple[bool, list[str]]]:
    state = played.bench.emulator.state
    return {
        key.settings["name"]: (
            key.enabled,
            sorted(plan.settings["name"] for plan in state.plans_of(key.id)),
        )
        for key in state.keys.values()
        if key.settings["name"].rpartition("/")[0] == customer_id
    }


def _number(name: str) -> int:
    return int(name.rpartition("/")[2])


def _live(played: Played) -> dict[str, dict[str, bool]]:
    """What each stage asks a key for, by "GET /pets"."""
    call, found = played.bench.emulator.call, {}
    api_id = played.api_id
    stages = call("GetStages", {"restApiId": api_id})["item"] if api_id else []
    for stage in stages:
        params = {"restApiId": api_id, "deploymentId": stage["deploymentId"]}
        summary = call("GetDeployment", params | {"embed": ["apisummary"]})["apiSummary"]
        found[stage["stageName"]] = {
            f"{verb} {path}": bool(method["apiKeyRequired"])
            for path, methods in summary.items()
            for verb, method in methods.items()
            if verb.lower() != EXEMPT
        }
    return found
