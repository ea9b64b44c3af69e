"""Give each finding of an audit its remedy: one command of `keyward`, with its arguments. Pure.

The report knows no more of a finding than its kind, customer and API: nothing else decides.
"""

from __future__ import annotations

from collections.abc import Mapping

from keyward.audit.model import IN_NO_PLAN, Finding
from keyward.audit.opens import OPENS_NOTHING
from keyward.customers.drift import DISABLED
from keyward.events.remedy import command, of_stack

PROGRAM = "keyward "
# Kinds of which the subject alone does not say what helps.
HELD, BY_HAND, POLICY, REFUSED = "holds", "send", "policy", "policy --wanted"
STATUS = "status"
BY_KIND: Mapping[str, str] = {
    "held": HELD,
    "removal_held": HELD,
    DISABLED: BY_HAND,
    OPENS_NOTHING: POLICY,
    IN_NO_PLAN: POLICY,
    "duplicate_plan": POLICY,
    # The customerId of such a key is whatever its maker wrote: a customer who may not be known.
    "key_by_hand": STATUS,
    "policy_refused": REFUSED,
}


def for_people(finding: Finding, stack: str) -> dict[str, object]:
    """Add to a finding, for people, what `helps` in a sentence, and the `remedy`."""
    return with_helps(finding) | {"remedy": remedy_of(finding, stack)}


def with_helps(finding: Finding) -> dict[str, object]:
    """Add to a finding, for people without a stack, what `helps` in a sentence."""
    members = finding.as_json()
    return members | ({"helps": members.pop("remedy")} if finding.remedy else {})


def with_a_command(words: str, finding: Finding, stack: str) -> str:
    """Give the words of a remedy with one command at least, between backticks. They may be a
    command, or have one: else that of the finding follows them."""
    if f"`{PROGRAM}" in words:
        return words
    if words.startswith(PROGRAM):
        return f"`{of_stack(words, stack)}`"
    return f"{words}: `{remedy_of(finding, stack)}`"


def remedy_of(finding: Finding, stack: str) -> str:
    """The command that helps: have a customer or an API reconciled once the cause is mended, answer
    a hold, look at the policy, or at what waits in the account."""
    wanted = BY_KIND.get(finding.kind)
    if wanted == HELD:
        return command("holds", stack=stack)
    if wanted == REFUSED:
        return command("policy", "show", stack=stack, wanted=True)
    if wanted == BY_HAND and finding.customer_id:
        about = ("CustomerResumed",)
        return command("send", about=about, customer=finding.customer_id, stack=stack)
    if (finding.customer_id or finding.rest_api_id) and wanted not in (POLICY, STATUS):
        api = None if finding.customer_id else finding.rest_api_id
        return command("start", customer=finding.customer_id, api=api, stack=stack)
    if wanted == POLICY or finding.kind.startswith(("exemption", "plan", "policy")):
        return command("policy", "show", stack=stack)
    return command("status", stack=stack)
