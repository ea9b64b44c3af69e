"""What the alarms watch, and what they tell a person to do."""

from __future__ import annotations

import json
import re

from tests import tree
from tests.rules.test_template import alarms_for, dead_letter_queues

REPAIR = {"repair": True}


def test_every_input_that_an_alarm_names_is_json() -> None:
    alarms = tree.deployed_resources("AWS::CloudWatch::Alarm").values()
    says = [alarm["Properties"]["AlarmDescription"] for alarm in alarms]
    named = [json.loads(text) for said in says for text in re.findall(r"\{.*?\}", said)]
    assert named == [REPAIR]


def test_one_alarm_watches_all_dead_letter_queues_and_names_them() -> None:
    alarms = tree.deployed_resources("AWS::CloudWatch::Alarm")
    dashboard = json.dumps(tree.deployed_resources("AWS::CloudWatch::Dashboard"))
    guide = (tree.ROOT / "docs" / "operations.md").read_text("utf-8")
    assert dead_letter_queues()
    for queue in dead_letter_queues():
        (name,) = alarms_for("ApproximateNumberOfMessagesVisible", queue)
        assert name == "DeadLettersAlarm"
        assert queue in alarms[name]["Properties"]["AlarmDescription"]
        assert f"${{{queue}.QueueName}}" in dashboard
        assert f"`{queue}`" in guide


def test_an_expression_adds_up_all_metrics_of_its_alarm() -> None:
    # A queue that nobody uses has no data, and a sum with a gap in it would be a gap.
    for name, alarm in tree.deployed_resources("AWS::CloudWatch::Alarm").items():
        queries = alarm["Properties"].get("Metrics", [])
        made = [query["Expression"] for query in queries if query.get("ReturnData", True)]
        assert made == ["SUM(FILL(METRICS(), 0))"][: len(queries)], name
