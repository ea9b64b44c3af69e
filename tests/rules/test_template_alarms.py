"""What the alarms tell a person to type."""

from __future__ import annotations

import json
import re

from tests import tree

REPAIR = {"repair": True}


def test_every_input_that_an_alarm_names_is_json() -> None:
    alarms = tree.deployed_resources("AWS::CloudWatch::Alarm").values()
    says = [alarm["Properties"]["AlarmDescription"] for alarm in alarms]
    named = [json.loads(text) for said in says for text in re.findall(r"\{.*?\}", said)]
    assert named.count(REPAIR) == 2
