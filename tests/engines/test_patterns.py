"""EventBridge's patterns: three matchers take the same events, the real CloudTrail records too."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import cache

import pytest
from moto.events.models import EventPattern

from emulator.tests.real_data import real_data
from keyward.values import JSON
from local.lifetime.rules import matches
from tests import tree
from tests.engines import kit
from tests.rules.test_rules import ACCOUNT, OTHER_STACK, OUR_ROLE, resolved
from tests.rules.test_trail_rules import WRITES, told


def moto(pattern: JSON, event: JSON) -> bool:
    return bool(EventPattern.load(json.dumps(pattern)).matches_event(event))


def ministack(pattern: JSON, event: JSON) -> bool:
    from ministack.services import eventbridge

    # it takes an entry of PutEvents
    entry = {"Source": event.get("source", ""), "DetailType": event.get("detail-type", "")}
    entry |= {"Detail": json.dumps(event.get("detail", {}))}
    entry |= {"Account": event.get("account", ""), "Region": event.get("region", "")}
    return bool(eventbridge._matches_pattern(json.dumps(pattern), event | entry))


MATCHERS: dict[str, Callable[[JSON, JSON], bool]] = {"moto": moto, "ministack": ministack}


def real_records() -> list[JSON]:
    """CloudTrail's records of ../shared/data, as EventBridge brings them."""
    found = []
    for path in sorted((real_data() / "cloudtrail").glob("*.json")):
        record = json.loads(path.read_text("utf-8"))
        if "detail" in record:
            found.append(record)
            continue
        where = {"account": ACCOUNT, "region": "eu-west-1", "source": "aws.apigateway"}
        about = {"id": path.stem, "detail-type": "AWS API Call via CloudTrail", "detail": record}
        found.append(where | about)
    return found


def varied(event: JSON) -> Iterator[JSON]:
    """The event, from elsewhere, failed, and made by this stack and by another."""
    yield event
    yield event | {"account": "210987654321"}
    if "userIdentity" not in event.get("detail", {}):
        return
    for change in ({"errorCode": "NotFoundException"}, *map(made_by, (OUR_ROLE, OTHER_STACK))):
        other = deepcopy(event)
        other["detail"] |= change
        yield other


def made_by(role: str) -> JSON:
    issuer = {"sessionIssuer": {"arn": role, "type": "Role"}}
    return {"userIdentity": {"type": "AssumedRole", "sessionContext": issuer}}


@cache
def patterns() -> dict[str, JSON]:
    rules = tree.deployed_resources("AWS::Events::Rule")
    return {name: resolved(rule["Properties"]["EventPattern"]) for name, rule in rules.items()}


def samples() -> list[JSON]:
    """The envelopes of events/."""
    files = sorted((tree.ROOT / "events").glob("*/*.json"))
    loaded = [json.loads(path.read_text("utf-8")) for path in files]
    return [item for item in loaded if isinstance(item, dict) and "detail-type" in item]


def compare(matcher: str, events: list[JSON], what: str) -> None:
    compared, differ = 0, []
    for event in [other for one in events for other in varied(one)]:
        for name, pattern in patterns().items():
            compared += 1
            if MATCHERS[matcher](pattern, event) != matches(pattern, event):
                differ.append((name, event))
    kit.agreed(matcher, f"patterns with {what}", compared - len(differ), compared)
    assert compared
    assert differ == []


@pytest.mark.parametrize("matcher", MATCHERS)
@pytest.mark.real_data
def test_real_records_of_cloudtrail_go_to_the_same_rules(matcher: str) -> None:
    compare(matcher, real_records(), "real records of CloudTrail")


@pytest.mark.parametrize("matcher", MATCHERS)
def test_each_write_of_api_gateway_goes_to_the_same_rules(matcher: str) -> None:
    compare(matcher, [told(operation) for operation in WRITES], "each write of API Gateway")


@pytest.mark.parametrize("matcher", MATCHERS)
def test_samples_go_to_the_same_rules(matcher: str) -> None:
    compare(matcher, samples(), "the samples of events/")
