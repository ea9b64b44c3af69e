"""What the alarms watch, and what they tell a person to do."""

from __future__ import annotations

import json
import re

from keyward.events.codes import codes
from tests import tree
from tests.cli.desk import parsed
from tests.rules.test_template import alarms_for, dead_letter_queues
from tools import runbook


def test_every_alarm_names_a_command_of_keyward_that_helps() -> None:
    for name, alarm in tree.deployed_resources("AWS::CloudWatch::Alarm").items():
        says = " ".join(alarm["Properties"]["AlarmDescription"].split())
        commands = re.findall(r"`(keyward [^`]+)`", says)
        assert commands, name
        for command in commands:
            parsed(command)


def test_the_runbook_has_an_entry_with_help_for_each_alarm_and_code() -> None:
    text = (tree.ROOT / "docs" / "runbook.md").read_text("utf-8")
    entries = dict(re.findall(r"^### (\w+)\n\n(.+?)\n(?=\n|\Z)", text, re.MULTILINE | re.DOTALL))
    alarms = tree.deployed_resources("AWS::CloudWatch::Alarm")
    assert {*entries} == {*alarms, *codes()}
    assert {*runbook.DO} <= {*codes()}
    for code in codes():
        assert "**What to do:**" in " ".join(entries[code].split()), code
    for command in re.findall(r"`(keyward [a-z][^`]*)`", " ".join(text.split())):
        parsed(command)


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
