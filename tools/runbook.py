"""Makes docs/runbook.md (`make schemas`): an entry for each alarm of the template and each failure
code."""

from __future__ import annotations

import re
import textwrap

from keyward.errors import KeywardError, PassingError, class_named
from keyward.events.codes import codes
from keyward.events.remedy import after_failure
from local.aws import TEMPLATE
from local.template import load

HEAD = """# Runbook

Read this page when an alarm rings, or an event or a message names a failure. `make schemas` writes
it from the alarms of template.yaml and the errors of `layers/keyward/keyward/errors.py`.

First look, whatever it is: `keyward status` says what waits, `keyward outcomes --since 1h` what
happened, `keyward dlq list` what could not be taken. `keyward stop` ends all writes to API Gateway
when Keyward itself seems to do harm; `keyward start` ends that. docs/operations.md explains more.
"""
FAILURES = """
## Failures

The code is `error` in an event, and the name of a run's failure. `remedy` in the event has the
command with its arguments filled in.
"""
PASSES = "Nothing, as it passes by itself: the run is planned anew, and then comes back later."
# What helps, where the command alone does not say enough.
DO = {
    "ApiNotFoundError": "Give the id of an API in this account and Region.",
    "ChangedAgainError": "Find who changes it: {history}. Settle who owns it, then {start}.",
    "DuplicatePlanError": "Delete or rename one of the two usage plans, then {start}.",
    "KeyGoneError": "Somebody deleted the key. {start} makes what is missing.",
    "KeyInOtherPlanError": "Take the key out of one of the plans, then {start}.",
    "KeyNotTakenError": "Send CustomerSignedUp with another `key_id`, or with null for a new key.",
    "KeyValueTakenError": "Have the customer choose another value, then {start}.",
    "KeysFullError": "Close customers, or plan another account or Region; see {status}.",
    "KeysInTwoPlans": "Take the keys out of one of the two plans, then {start}. See {holds}.",
    "LogsUnreadableError": "Correct the access log of the stage, as the reason says.",
    "NoSignUpError": "Send CustomerSignedUp for the customer, or put its record.",
    "PlanOfAnotherStackError": "Name another plan in the record, or remove the other stack's plan.",
    "PlanOfOthers": 'Set `"adopt": true` for the plan in the policy, or free the stage from it.',
    "PlanRefusedError": "Correct the plan, as the reason says, then {start}.",
    "PolicyNarrows": "Read what changes in {holds}, then approve or reject it.",
    "PublishesMore": "Read the differences in {holds}, then approve or reject them.",
    "QuotaFullError": "Delete what is not needed, or have AWS raise the limit, then {start}.",
    "RemovalsHeldError": "Find out who removed the records. {holds} prints both answers.",
    "RolledBack": "The stage stays as it is until {holds} is answered.",
    "SourceOpen": "Mend the template with the `lines` of the event, and release it.",
    "StillSuspendedError": "Send the event that the reason names, when it is true.",
    "StoppedError": "Find out why writes were stopped: {status}. End it with `keyward start`.",
    "UnknownPlanError": "Give the customer a plan that `keyward policy show` has: {plan}. Of "
    "several plans list all in `plans`. Or put a policy that names it.",
    "Unverified": "Look at the stage. {start} tries again.",
    "WrongAnswerError": "See what is held now: {holds}. Answer that.",
}
COMMANDS = {
    "history": "`keyward history ID`",
    "holds": "`keyward holds`",
    "start": "`keyward start --customer ID` or `--api ID`",
    "status": "`keyward status`",
    "plan": f"`{after_failure('UnknownPlanError', 'customer', 'ID')}`",
}


def page() -> str:
    """The document."""
    alarms = {
        name: str(one["Properties"]["AlarmDescription"])
        for name, one in load(TEMPLATE)["Resources"].items()
        if one["Type"] == "AWS::CloudWatch::Alarm"
    }
    entries = [_entry(name, " ".join(words.split())) for name, words in sorted(alarms.items())]
    failures = [_failure(code, words) for code, words in sorted(codes().items())]
    return "\n".join([HEAD, "## Alarms\n", *entries, FAILURES.lstrip(), *failures])


def _failure(code: str, meaning: str) -> str:
    meaning = re.sub(r" \(limits\.html\)", "", meaning[0].upper() + meaning[1:])
    return _entry(code, f"{meaning}. **What to do:** {_help(code)}")


def _help(code: str) -> str:
    if code in DO:
        return DO[code].format(**COMMANDS)
    kind = class_named(code) or KeywardError
    if issubclass(kind, PassingError):
        return PASSES
    command = after_failure(code, "customer", "ID")
    if kind.helps == "history":
        return f"`{command}` tells who asked for it. Correct that, and send it again."
    return f"Correct the cause that `reason` names, then `{command}`."


def _entry(title: str, words: str) -> str:
    return f"### {title}\n\n{textwrap.fill(words, 100, break_on_hyphens=False)}\n"
