"""Every place of a local AWS where text may rest: what the search for leaked key values reads.

API Gateway itself is left out: it is the one home of the values.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

from local.account import Account

Sink = Iterator[tuple[str, str]]


def read(account: Account) -> Sink:
    """Pairs of place and text, such as `("log /aws/lambda/create-key", "…")`."""
    for sink in SINKS:
        yield from sink(account)


def _text(value: Any) -> str:
    return json.dumps(value, default=str)


def _executions(account: Account) -> Sink:
    for machine in account.machines():
        for execution in account.executions(machine):
            yield f"execution {execution.arn}", _text([execution.input, execution.output])
            for event in execution.history:
                yield f"history {execution.arn}", _text(event)


def _logs(account: Account) -> Sink:
    for group in account.pages("logs", "describe_log_groups", "logGroups"):
        name = group["logGroupName"]
        for event in account.pages("logs", "filter_log_events", "events", logGroupName=name):
            yield f"log {name}", event["message"]


def _tables(account: Account) -> Sink:
    for table in account.pages("dynamodb", "list_tables", "TableNames"):
        for item in account.pages("dynamodb", "scan", "Items", TableName=table):
            yield f"table {table}", _text(item)


def _streams(account: Account) -> Sink:
    streams = account.client("dynamodbstreams")
    for stream in streams.list_streams()["Streams"]:
        arn = stream["StreamArn"]
        for shard in streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]:
            iterator = streams.get_shard_iterator(
                StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
            )["ShardIterator"]
            for record in streams.get_records(ShardIterator=iterator)["Records"]:
                yield f"stream {arn}", _text(record)


def _queues(account: Account) -> Sink:
    """By ministack's own look into the queues: receiving a message would count as a try."""
    with urllib.request.urlopen(f"{account.urls.aws}/_ministack/sqs/messages") as answer:
        regions = json.load(answer)["messages"]
    for queues in (region for account_id in regions.values() for region in account_id.values()):
        for url, messages in queues.items():
            yield from ((f"queue {url}", _text(message)) for message in messages)


def _parameters(account: Account) -> Sink:
    ssm = account.client("ssm")
    for parameter in account.pages("ssm", "describe_parameters", "Parameters"):
        versions = ssm.get_parameter_history(Name=parameter["Name"], WithDecryption=True)
        for version in versions["Parameters"]:
            yield f"parameter {parameter['Name']}", _text(version)


def _objects(account: Account) -> Sink:
    s3 = account.client("s3")
    for bucket in s3.list_buckets()["Buckets"]:
        for listed in account.pages("s3", "list_objects_v2", "Contents", Bucket=bucket["Name"]):
            content = s3.get_object(Bucket=bucket["Name"], Key=listed["Key"])["Body"].read()
            yield f"object {bucket['Name']}/{listed['Key']}", content.decode("latin-1")


def _metrics(account: Account) -> Sink:
    for metric in account.pages("cloudwatch", "list_metrics", "Metrics"):
        yield "metric", _text(metric)


def _functions(account: Account) -> Sink:
    for function in account.pages("lambda", "list_functions", "Functions"):
        yield f"function {function['FunctionName']}", _text(function)


def _schedules(account: Account) -> Sink:
    scheduler = account.client("scheduler")
    for listed in account.pages("scheduler", "list_schedules", "Schedules"):
        schedule = scheduler.get_schedule(Name=listed["Name"], GroupName=listed["GroupName"])
        yield f"schedule {listed['Name']}", _text(schedule)


SINKS: tuple[Callable[[Account], Sink], ...] = (
    _executions,
    _logs,
    _tables,
    _streams,
    _queues,
    _parameters,
    _objects,
    _metrics,
    _functions,
    _schedules,
)
