"""Each widget shows a metric that exists, as what it is, and all that is counted is shown."""

from __future__ import annotations

import ast
import json
import re
from typing import Any

import pytest

from keyward.values import JSON
from tests import tree
from tests.rules.test_template import alarms, dead_letter_queues, metrics

# What a metric is at a moment; all others of ours are counts, which only a sum tells.
GAUGES = {"CallsWaiting", "KeysOnGateway", "ShareInUse", "WaitsForAPerson"}
GAUGES |= {"CallsInPeriod", "KeysAboveEightyPercent", "KeysUnused", "KeysWithUsage"}
GAUGES |= {"KeysWithoutQuotaLeft", "ApproximateNumberOfMessagesVisible"}
# By namespace: dimension and metrics (their services' user guides, "CloudWatch metrics").
OF_AWS = {
    "AWS/States": (
        "StateMachineArn",
        {"ExecutionsSucceeded", "ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted"},
    ),
    "AWS/SQS": ("QueueName", {"ApproximateNumberOfMessagesVisible"}),
    "AWS/SNS": ("TopicName", {"NumberOfMessagesPublished"}),
    "AWS/Lambda": ("FunctionName", {"Errors"}),
}


def widgets() -> list[JSON]:
    (dashboard,) = tree.deployed_resources("AWS::CloudWatch::Dashboard").values()
    return list(json.loads(dashboard["Properties"]["DashboardBody"]["Fn::Sub"])["widgets"])


def shown() -> list[tuple[str, str, str, str, str]]:
    """Namespace, metric, dimension, its value and statistic of all that the dashboard shows."""
    found = []
    for widget in widgets():
        properties, before = widget["properties"], list[str]()
        for entry in properties.get("metrics", []):
            options = entry[-1] if isinstance(entry[-1], dict) else {}
            stat = options.get("stat", properties["stat"])
            if "expression" in options:
                pattern = r"SEARCH\('\{(\w+),(\w+)\} MetricName=\"(\w+)\"', '(\w+)', 86400\)"
                space, dimension, name, stat = re.fullmatch(pattern, options["expression"]).groups()
                found.append((space, name, dimension, "*", stat))
                continue
            before = written_out([part for part in entry if isinstance(part, str)], before)
            found.append((*before, stat))
    return found


def written_out(entry: list[str], before: list[str]) -> list[str]:
    """An entry with what `.` and `...` take over from the one before."""
    if entry[0] == "...":
        entry = [*before[: len(before) - len(entry) + 1], *entry[1:]]
    return [before[n] if part == "." else part for n, part in enumerate(entry)]


def counted() -> dict[str, str]:
    """What the functions count, by name: its dimension."""
    found = dict[str, str]()
    for path in (tree.ROOT / "functions").glob("*.py"):
        text = path.read_text("utf-8")
        if "runtime.count(" not in text:
            continue
        dimension = "plan" if "runtime.count(counts, plan=" in text else "service"
        for node in ast.walk(ast.parse(text)):
            names: list[Any] = node.keys if isinstance(node, ast.Dict) else []
            is_call = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
            if is_call and node.func.attr == "count":
                names = [*node.args[:1]]
            for name in names:
                said = getattr(name, "value", None)
                if isinstance(said, str) and re.fullmatch("([A-Z][a-z]*){2,}", said):
                    found[said] = dimension
    return found


def test_everything_that_is_counted_is_shown_by_its_dimension() -> None:
    ours = {name: by for space, name, by, _, _ in shown() if space == "Keyward"}
    assert ours == counted()


@pytest.mark.parametrize("metric", shown(), ids=" ".join)
def test_a_widget_shows_a_metric_that_exists_as_what_it_is(metric: tuple[str, ...]) -> None:
    space, name, dimension, about, stat = metric
    assert stat == ("Maximum" if name in GAUGES else "Sum")
    if space == "Keyward":
        assert (dimension, about) in {("service", "keyward"), ("plan", "*")}
        return
    assert (dimension, name in OF_AWS[space][1]) == (OF_AWS[space][0], True)
    place = about[2:-1].partition(".")[0]
    assert place in tree.template()["Resources"]


def test_an_alarm_watches_a_metric_that_exists() -> None:
    for name, alarm in alarms().items():
        for watched in metrics(alarm):
            ((dimension, _),) = [one.values() for one in watched["Dimensions"]]
            space = watched["Namespace"]
            if space == "Keyward":
                assert counted()[watched["MetricName"]] == dimension, name
            else:
                known = OF_AWS[space]
                assert (dimension, watched["MetricName"] in known[1]) == (known[0], True), name


def test_every_dead_letter_queue_and_machine_is_shown() -> None:
    queues = {about for space, _, _, about, _ in shown() if space == "AWS/SQS"}
    assert queues == {f"${{{queue}.QueueName}}" for queue in dead_letter_queues()}
    machines = tree.deployed_resources("AWS::StepFunctions::StateMachine")
    for metric in OF_AWS["AWS/States"][1]:
        of = {
            about for space, name, _, about, _ in shown() if (space, name) == ("AWS/States", metric)
        }
        assert of == {f"${{{machine}}}" for machine in machines}


def test_the_dashboard_has_links_and_no_widgets_that_overlap() -> None:
    first, *_ = widgets()
    links = re.findall(r"\((https://[^)\s]+)\)", first["properties"]["markdown"])
    assert len(links) >= 4
    cells = [
        (x, y)
        for one in widgets()
        for x in range(one["x"], one["x"] + one["width"])
        for y in range(one["y"], one["y"] + one["height"])
    ]
    assert len(cells) == len({*cells})
    assert max(x for x, _ in cells) < 24
