"""List what waits for a person, and what a state machine mends. Pure."""

from __future__ import annotations

import json
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from keyward.apis.model import DEPLOYMENT, KEYS, PENDING
from keyward.apis.words import REASONS
from keyward.audit.model import Finding, error_words
from keyward.audit.remedies import with_a_command
from keyward.audit.usage_plans import CORRECT, REFUSED
from keyward.report.model import ActivityRow, ExemptionRow, PendingItem
from keyward.values import counted, iso

REMEDY = {
    "invalid_record": "Correct the record in the Customers table",
    "not_possible": "Do what is said here, then have the customer reconciled",
    "keys_unused": "Ask the customers; send CustomerClosed for those who are gone",
    "unreadable": "Correct what is said here; the next audit reads the API again",
}
OTHER_REMEDY = "Look into the matter"
MENDS = "Nothing: Keyward mends it, unless it fails, and then says so"
EXPOSED = "exposed_methods"
OBSERVED = "Tag the API `keyward` = `enforce` to have it closed, or exempt the methods"


def finding_items(
    findings: Iterable[Finding], modes: Mapping[str, str]
) -> tuple[list[PendingItem], list[PendingItem]]:
    """What people have to do, and what state machines mend. `modes` are those of the APIs: what
    is observed is a person's to decide. A refused policy is told as it is now (`policy_items`)."""
    waiting, mending = [], []
    for found in findings:
        if found.kind == REFUSED:
            continue
        if found.mended_by is None:
            waiting.append(_finding(found, found.remedy or REMEDY.get(found.kind, OTHER_REMEDY)))
        elif found.kind == EXPOSED and modes.get(found.rest_api_id or "") in ("observe", "warn"):
            waiting.append(_finding(found, OBSERVED))
        else:
            mending.append(_finding(found, MENDS))
    return waiting, mending


def with_command(item: PendingItem, stack: str) -> PendingItem:
    """The item with one command of `keyward` at least in its remedy, between backticks, with its
    arguments filled in."""
    about = item.customer_id, item.rest_api_id, item.stage
    found = Finding(item.kind, item.severity, item.says, None, *about)
    return replace(item, remedy=with_a_command(item.remedy, found, stack))


def closed_since(
    done: Iterable[ActivityRow], read_at: Mapping[str, float]
) -> set[tuple[str | None, str | None]]:
    """Find the (API, stage) closed after they were read (epoch seconds, by API): ApiProtected says
    that the stage exposes nothing any more, and nothing was announced of it since. `done` is newest
    first."""
    newest: dict[tuple[str | None, str | None], ActivityRow] = {}
    for item in done:
        newest.setdefault((item.rest_api_id, item.stage), item)
    return {
        (rest_api_id, stage)
        for (rest_api_id, stage), item in newest.items()
        if item.event == "ApiProtected"
        and rest_api_id is not None
        and rest_api_id in read_at
        and item.at >= iso(read_at[rest_api_id])
    }


def hold_items(
    holds: Iterable[Mapping[str, Any]], done: Sequence[ActivityRow]
) -> list[PendingItem]:
    """List holds without a decision, with the differences that were announced last."""
    return [_hold_or_problem(hold, done) for hold in holds if hold.get("decision") == PENDING]


def failure_items(
    done: Sequence[ActivityRow],
    waiting: Sequence[PendingItem],
    as_desired: Container[str | None] = (),
) -> list[PendingItem]:
    """List failed runs, newest first, that nothing better followed, and whose subject does not wait
    anyway. What a run could not do for customers who are `as_desired` was done since, or is wanted
    no more. `done` is newest first."""
    settled = {about for item in waiting for about in _about(item)}
    found = []
    for item in done:
        is_over = item.execution is not None and item.customer_id in as_desired
        if item.event.endswith("Failed") and _about(item)[0] not in settled and not is_over:
            found.append(_failure(item))
        settled.update(_about(item))
    return found


def queue_items(depths: Mapping[str, int]) -> list[PendingItem]:
    """List the dead-letter queues that hold messages, by name."""
    return [
        PendingItem(
            "dead_letters",
            "high",
            f"{name}: {counted(count, 'message')} could not be processed",
            "keyward dlq list",
        )
        for name, count in depths.items()
        if count
    ]


def exemption_items(exemptions: Sequence[ExemptionRow]) -> list[PendingItem]:
    """List exemptions that end soon, have ended, or exempt nothing. A rule for every API and path
    may wait for its first method."""
    found = []
    for item in exemptions:
        words = f"{item.method} {item.path} of {item.api} ({item.reason})"
        owner = f"; owner {item.owner}" if item.owner else ""
        if item.state == "ended":
            says, remedy = f"ended on {item.expires}: {words}", "Remove it from the policy"
        elif item.state == "ends soon":
            says = f"ends on {item.expires} at 00:00 UTC: {words}{owner}"
            remedy = "Extend it in the policy, or let the method ask for a key from then on"
        elif not item.methods and (item.api, item.path) != ("*", "*"):
            says, remedy = f"exempts no live method: {words}{owner}", "Remove it from the policy"
        else:
            continue
        found.append(PendingItem("exemption", "low", f"an exemption {says}", remedy))
    return found


def _about(
    item: ActivityRow | PendingItem,
) -> tuple[tuple[str | None, str | None, str | None], ...]:
    """Name what it is about, and the API as a whole: a failure may name no stage."""
    named = (item.customer_id, item.rest_api_id)
    return (*named, item.stage), (*named, None)


def without_pending(
    waiting: Sequence[PendingItem], mending: Sequence[PendingItem]
) -> list[PendingItem]:
    """Drop from what mends itself what waits for a person anyway."""
    settled = {_about(item)[0] for item in waiting}
    return [item for item in mending if _about(item)[0] not in settled]


def policy_items(refused: str | None) -> list[PendingItem]:
    """List a newest version of the policy that is bad."""
    if refused is None:
        return []
    return [PendingItem(REFUSED, "high", refused, CORRECT)]


def _finding(found: Finding, remedy: str) -> PendingItem:
    return PendingItem(
        found.kind,
        found.severity,
        found.says,
        remedy,
        found.customer_id,
        found.rest_api_id,
        found.stage,
        mended_by=found.mended_by,
    )


def _hold_or_problem(hold: Mapping[str, Any], done: Sequence[ActivityRow]) -> PendingItem:
    """A hold that cannot be understood waits for a person as well, and hides no other."""
    try:
        return _hold(hold, done)
    except Exception as error:  # noqa: BLE001 - whatever a person wrote into an item
        rest_api_id, stage = str(hold.get("rest_api_id")), str(hold.get("stage"))
        says = f"the hold of stage {stage} cannot be understood: {error_words(error)}"
        remedy = "Correct or delete its item in the Apis table, then have the API looked at"
        about = {"rest_api_id": rest_api_id, "stage": stage}
        return PendingItem("unreadable_record", "high", says, remedy, **about)


def _hold(hold: Mapping[str, Any], done: Sequence[ActivityRow]) -> PendingItem:
    rest_api_id, stage = str(hold["rest_api_id"]), str(hold["stage"])
    announced = next(
        (
            item
            for item in done
            if (item.event, item.rest_api_id, item.stage) == ("ApiHeld", rest_api_id, stage)
        ),
        None,
    )
    differences = "; ".join(announced.did) if announced else ""
    says = REASONS[str(hold.get("kind", DEPLOYMENT))]
    return PendingItem(
        "held",
        "high",
        f"{says}: {differences}" if differences else says,
        _approve(rest_api_id, stage, hold),
        rest_api_id=rest_api_id,
        stage=stage,
        since=iso(float(hold["held_at"])) if hold.get("held_at") else None,
    )


def _approve(rest_api_id: str, stage: str, hold: Mapping[str, Any]) -> str:
    if hold.get("kind") == KEYS:
        return "Take the keys out of one of the two plans, then have the API looked at"
    answers = hold.get("answers") or {}
    if not answers:
        fingerprint = str(hold["fingerprint"])
        task = {"rest_api_id": rest_api_id, "stage": stage, "approve": fingerprint}
        return f"Start protect-api with `{json.dumps(task)}`, or send DeploymentRejected with it"
    ways = [
        f"To {word} it: `{answer['command']}`, or start protect-api with "
        f"`{json.dumps(answer['console_input'])}`"
        for word, answer in answers.items()
    ]
    return ". ".join(ways)


def _failure(item: ActivityRow) -> PendingItem:
    helps = f": `{item.remedy}`" if item.remedy else ""
    return PendingItem(
        "failed",
        "high",
        item.reason or "a run failed",
        f"Mend what is said here; the next event or audit tries again{helps}",
        item.customer_id,
        item.rest_api_id,
        item.stage,
        since=item.at,
    )
