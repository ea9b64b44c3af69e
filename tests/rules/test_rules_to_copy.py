"""The rules that docs/notifications.md shows fit the events, and what their receivers take."""

from __future__ import annotations

import json
import re

import pytest
import yaml

from keyward.events.outgoing import EVENTS_OUT
from keyward.values import JSON
from tests.rules.test_docs import blocks, text

# Amazon Q Developer in chat applications administrator guide, "Custom notifications"; PagerDuty
# developer documentation, "Send an alert event". What they need, with what is fixed.
NEEDED = {
    "ChatRule": {"version": "1.0", "source": "custom", "content": {"textType": "client-markdown"}},
    "OnCallRule": {
        "event_action": "trigger",
        "payload": {"source": "keyward", "severity": "error"},
    },
}


def resources() -> dict[str, JSON]:
    found: dict[str, JSON] = {}
    for block in blocks(text("docs/notifications.md")):
        if "AWS::Events::Rule" in block:
            found |= yaml.safe_load(re.sub("!(?:Ref|GetAtt) ", "", block))
    return found


@pytest.mark.parametrize("name", NEEDED)
def test_a_rule_to_copy_fits_the_events_and_the_receiver(name: str) -> None:
    about = resources()[name]["Properties"]
    types = about["EventPattern"]["detail-type"]
    told = [EVENTS_OUT[kind] for kind in types]
    members = {part for event in told for part in (*event.always, *event.optional)}
    (target,) = about["Targets"]
    change = target["InputTransformer"]
    paths = {way.rpartition(".")[2] for way in change["InputPathsMap"].values()}
    assert paths - {"detail-type"} <= members
    used = set(re.findall(r"<(\w+)>", change["InputTemplate"]))
    assert used == set(change["InputPathsMap"])
    body = json.loads(change["InputTemplate"])
    for part, fixed in NEEDED[name].items():
        expected = fixed if isinstance(fixed, dict) else {part: fixed}
        inside = body[part] if isinstance(fixed, dict) else body
        assert expected.items() <= inside.items()


def test_all_that_a_rule_to_copy_names_stands_beside_it() -> None:
    there = resources()
    named = set(re.findall(r"!(?:Ref|GetAtt) (\w+)", text("docs/notifications.md")))
    assert named - set(there) == {"ChatTopic"}
