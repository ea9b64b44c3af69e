"""What each member of an event means, for the schemas and docs/events.md. In the events out a time
is ISO 8601 in UTC, a day `YYYY-MM-DD` in UTC."""

from __future__ import annotations

from collections.abc import Mapping

from keyward.values import JSON

# Of the events in. What may be left out, and what may be null, the schemas say.
MEANINGS_IN: Mapping[str, str] = {
    "by": "so many calls more than the period has so far",
    "customer_id": "the customer's id, as your system has it",
    "description": "what the keys say of themselves on API Gateway",
    "ends_at": "when the subscription ends: ISO 8601, a day, or epoch seconds; null for no end",
    "expires_at": "when the keys stop: ISO 8601, a day, or epoch seconds; null for never",
    "fingerprint": "the one that ApiHeld or PolicyHeld names: exactly what is meant",
    "key": "in_place moves the key, successor replaces it; left out, the policy decides",
    "key_id": "the id of a key on API Gateway to take over, never its value; null for a new one",
    "keys": "how many keys the customer gets; 1 without it",
    "leaked": "the key stops at once, before there is another",
    "limit": "so many calls in this period in all, instead of `by`",
    "name": "the customer's name, a tag of its keys",
    "occurred_at": "when it happened: ISO 8601 or a day; else the time of the envelope counts",
    "overlap_hours": "for how long the old key works on; left out, the policy decides",
    "plan": "the name of a usage plan, as the policy has it",
    "plans": "the names of several usage plans, instead of `plan`",
    "reason": "why, in a sentence: it is in the ledger and in what is announced",
    "rest_api_id": "the API's id",
    "stage": "the stage's name",
    "state": "what the subscription is now: it counts as paid, waits for money, or is over",
    "subscription": "the id of the subscription, for a customer who has several",
    "tags": "tags of the keys on API Gateway, by name",
    "what": "which change; the newest that is in force without it",
}

# What lies within a member of an event out.
INNER: Mapping[str, str] = {
    "action": "the action's name, like create_key",
    "detail_type": "the detail-type of what asked, or Console run, Scheduled work, Audit …",
    "event_id": "the id of the event that asked, where it was one",
    "source": "the source of that event, or the service by which somebody asked",
}

MEANINGS: Mapping[str, str] = {
    "actions": "what was done or would be done, in order; `action` names each",
    "answers": "the two answers to a hold: a command, and an input of the console",
    "api": "the API that an exemption names, by name or id; `*` for every API",
    "at": "when it happened",
    "by_hand": "somebody else than Keyward disabled the key",
    "cause": "who opened the stage, with which tool and call",
    "caused_by": "the event, run or schedule that asked for it",
    "changes": "lines of the policy with their values before and after",
    "customer_id": "the customer's id",
    "days": "days until the end",
    "differences": "what the working copy has and the stage does not serve, or the other way round",
    "effective_by": "when the change has reached every host of API Gateway",
    "enforce_on": "the day from which open methods are closed",
    "error": "a stable code; programs branch on it",
    "execution_arn": "the run of Step Functions that did it",
    "exhausted_on": "the day on which the quota is used up at today's pace",
    "expires": "the day on which the exemption ends",
    "expires_at": "when the key or the customer ends",
    "fingerprint": "names exactly what is held; an answer has to repeat it",
    "held_since": "when the hold began",
    "key_id": "the key's id on API Gateway, never its value",
    "key_ids": "the keys that are in the way",
    "last_editor": "who edited the working copy last, how and when",
    "last_used_on": "the last day with a call",
    "limit": "calls that the quota allows in a period",
    "lines": "lines that mend the template, by tool",
    "message": "the whole story for a mail or a chat",
    "method": "the HTTP method that an exemption names, or `*`",
    "methods": "the methods that are meant",
    "next": "the next step of the ladder of an unpaid bill, and when",
    "not_compared": "what the comparison cannot see",
    "opens": "the stages that the key opens; empty for none",
    "owner": "who answers for the exemption",
    "path": "the path that an exemption names; `*` for any",
    "period": "the quota's period",
    "period_ends": "the last day of the period",
    "period_start": "the first day of the period",
    "plan": "the usage plan that the event is about",
    "plans": "all usage plans of the key",
    "ready_by": "when its turn will have come",
    "reason": "a sentence for people; its words may change",
    "releases": "for how long each release was open",
    "remaining": "calls that are left in the period",
    "remedy": "one command of `keyward` that helps, ready to be pasted",
    "reminder": "it was announced before and still holds",
    "replaces": "the id of the key that it replaces",
    "report": "who would get a 403, and what else enforcing would change",
    "rest_api_id": "the API's id",
    "retires_at": "when the replaced key stops",
    "since": "since when the bill is unpaid",
    "stage": "the stage's name",
    "threshold": "percent of the quota that were reached",
    "total": "calls that the key may make in this period in all",
    "unused_days": "days without a call",
    "used": "calls that were made in the period",
    "version": "the version of the policy parameter",
}


def described(schema: JSON, words: str) -> JSON:
    """The schema of a member, with what it means."""
    return schema | {"description": f"{words}."}
