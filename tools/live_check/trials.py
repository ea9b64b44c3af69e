"""Questions that take a small thing of their own: a stack, a table, a state machine, an alarm."""

from __future__ import annotations

import json
import time
from typing import Any

from botocore.exceptions import ClientError, WaiterError

from keyward.values import JSON
from tools.live_check.checks import Answer, check
from tools.live_check.run import NotHereError, Run
from tools.live_check.state import TAG

FORMATION = "local/shims (CloudFormation), tools/prepare_update.py and tools/take_over.py"
INDEXES = ("one", "two")
TABLE = "AWS::DynamoDB::Table"


def table(indexes: tuple[str, ...], **more: Any) -> JSON:
    """Properties of a table with these indexes."""
    properties: JSON = {
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "AttributeDefinitions": [
            {"AttributeName": name, "AttributeType": "S"} for name in ("id", *indexes)
        ],
    }
    if indexes:
        properties["GlobalSecondaryIndexes"] = [
            {
                "IndexName": name,
                "KeySchema": [{"AttributeName": name, "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
            for name in indexes
        ]
    return properties | more


def template(properties: JSON, **more: JSON) -> str:
    """A template of a table, and of whatever comes with it."""
    item = {"Type": TABLE, "DeletionPolicy": "Delete", "Properties": properties}
    return json.dumps({"Resources": {"Table": item} | more})


class SmallStack:
    """A stack of the run's own beside Keyward's. It is noted by its name, and by its id as soon as
    there is one: CloudFormation takes no tag with an import, so only the id says whose it is."""

    def __init__(self, run: Run, word: str) -> None:
        self._run, self._client = run, run.world.client("cloudformation")
        self.name = run.name(word)
        self._tags = [{"Key": TAG, "Value": run.state.run}]
        self._pace = {"Delay": run.world.look_every * 3, "MaxAttempts": 240}
        run.state.keep("small-stack", self.name)

    def create(self, body: str) -> None:
        """Make it."""
        about = {"StackName": self.name, "TemplateBody": body, "Tags": self._tags}
        self._made(self._client.create_stack(**about))
        self._wait("stack_create_complete")

    def update(self, body: str) -> str:
        """Update it: `taken`, or why not."""
        try:
            self._client.update_stack(StackName=self.name, TemplateBody=body, Tags=self._tags)
            self._wait("stack_update_complete")
        except (ClientError, WaiterError) as error:
            return f"refused: {self._reason(error)}"
        return "taken"

    def take(self, body: str, table_name: str) -> str:
        """Make it of a table that is there: `imported`, or why not."""
        about = {"StackName": self.name, "ChangeSetName": "import"}
        resource = {"ResourceType": TABLE, "LogicalResourceId": "Table"}
        try:
            made = self._client.create_change_set(
                **about,
                ChangeSetType="IMPORT",
                TemplateBody=body,
                ResourcesToImport=[resource | {"ResourceIdentifier": {"TableName": table_name}}],
            )
            self._made(made)
            self._wait("change_set_create_complete", ChangeSetName="import")
            self._client.execute_change_set(**about)
            self._wait("stack_import_complete")
        except (ClientError, WaiterError) as error:
            return f"refused: {self._reason(error)}"
        return "imported"

    def _made(self, answer: JSON) -> None:
        self._run.state.keep("small-stack", answer["StackId"])
        self._run.state.forget("small-stack", self.name)

    def _wait(self, waiter: str, **more: str) -> None:
        about = {"StackName": self.name} | more
        self._client.get_waiter(waiter).wait(**about, WaiterConfig=self._pace)

    def _reason(self, error: ClientError | WaiterError) -> str:
        """Of a refusal its words; of a change that failed, what failed first."""
        if isinstance(error, ClientError):
            return str(error.response["Error"]["Message"])[:120]
        events = self._client.describe_stack_events(StackName=self.name)["StackEvents"]
        reasons = [
            str(event.get("ResourceStatusReason", ""))
            for event in events
            if event.get("ResourceStatus", "").endswith("FAILED")
        ]
        return reasons[-1][:120] if reasons else str(error)


@check(
    "two-indexes",
    "refused",
    source="CloudFormation user guide, AWS::DynamoDB::Table: one index in one update",
    engine=FORMATION,
    here="taken",
)
def two_new_indexes_in_one_update(run: Run) -> Answer | str:
    """Of a table that has none."""
    stack = SmallStack(run, "indexes")
    stack.create(template(table(())))
    seen = stack.update(template(table(INDEXES)))
    return Answer(seen, True) if seen.startswith("refused") else seen


@check(
    "import-table",
    "imported; 1 index of 2 after an update",
    source="CloudFormation user guide, import: it compares no template with what is there",
    engine=FORMATION,
)
def a_table_that_lacks_an_index(run: Run) -> str:
    """IMPORT with a template of two indexes, and the update that `make deploy` would be."""
    client, name = run.world.client("dynamodb"), run.name("import")
    run.state.keep("table", name)
    client.create_table(TableName=name, **table(INDEXES[:1]))
    client.get_waiter("table_exists").wait(TableName=name)
    stack, whole = SmallStack(run, "imported"), table(INDEXES, TableName=name)
    if (seen := stack.take(template(whole), name)) != "imported":
        return seen
    more = {"More": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": run.name("more")}}}
    if (updated := stack.update(template(whole, **more))) != "taken":
        return f"imported; the update was {updated}"
    found = client.describe_table(TableName=name)["Table"].get("GlobalSecondaryIndexes", [])
    return f"imported; {len(found)} index of {len(INDEXES)} after an update"


def machine_arn(run: Run, name: str) -> str:
    """The ARN of a state machine, which is known before there is one."""
    where = f"arn:{run.world.partition}:states:{run.world.region}:{run.state.account}"
    return f"{where}:stateMachine:{name}"


ERROR = "BranchFailed"
MACHINE: JSON = {
    "QueryLanguage": "JSONata",
    "StartAt": "Both",
    "States": {
        "Both": {
            "Type": "Parallel",
            "Branches": [
                {"StartAt": "Fails", "States": {"Fails": {"Type": "Fail", "Error": ERROR}}},
                {"StartAt": "Passes", "States": {"Passes": {"Type": "Pass", "End": True}}},
            ],
            "Retry": [{"ErrorEquals": [ERROR], "IntervalSeconds": 1, "MaxAttempts": 1}],
            "Catch": [
                {
                    "ErrorEquals": [ERROR],
                    "Next": "Caught",
                    "Output": "{% $states.errorOutput.Error %}",
                }
            ],
            "End": True,
        },
        "Caught": {"Type": "Pass", "End": True},
    },
}


@check(
    "branch-error",
    "the branch ran twice, caught as BranchFailed",
    source="localstack's snapshot test_parallel_catch_error (AWS, November 2024), for Catch",
    engine="local/shims/branches.py and local/lifetime/states.py",
)
def the_error_of_a_branch(run: Run) -> str:
    """Retry and Catch of a Parallel state by the name of the error that a branch failed with."""
    client, name = run.world.client("stepfunctions"), run.name("branches")
    run.state.keep("role", name)
    trust = {"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}}
    document = {"Version": "2012-10-17", "Statement": [trust | {"Action": "sts:AssumeRole"}]}
    made = run.world.client("iam").create_role(
        RoleName=name, AssumeRolePolicyDocument=json.dumps(document)
    )
    about = {"name": name, "definition": json.dumps(MACHINE), "roleArn": made["Role"]["Arn"]}
    run.state.keep("machine", machine_arn(run, name))

    def machine() -> str | None:
        try:
            return str(client.create_state_machine(**about)["stateMachineArn"])
        except ClientError as error:
            # A role takes some seconds until others see it.
            if "AccessDenied" in str(error) or "role" in str(error).lower():
                return None
            raise

    started = client.start_execution(stateMachineArn=run.until(machine, "the state machine"))
    arn = {"executionArn": started["executionArn"]}
    run.until(lambda: client.describe_execution(**arn)["status"] != "RUNNING", "the end of the run")
    ended = client.describe_execution(**arn)
    events = client.get_execution_history(**arn)["events"]
    names = [event.get("stateEnteredEventDetails", {}).get("name") for event in events]
    times = {1: "once", 2: "twice"}.get(names.count("Fails"), f"{names.count('Fails')} times")
    caught = json.loads(ended.get("output") or "null")
    how = f"caught as {caught}" if "Caught" in names else f"{ended['status']}, not caught"
    return f"the branch ran {times}, {how}"


@check(
    "alarm-of-a-sum",
    "ALARM",
    source="CloudWatch user guide: FILL(m, 0) fills what is missing",
    engine="template.yaml (alarms), and docs/operations.md",
)
def an_alarm_on_a_sum_of_filled_metrics(run: Run) -> str:
    """`SUM(FILL(METRICS(), 0))` of a metric with data and one that never had any."""
    client, name = run.world.client("cloudwatch"), run.name("sum")
    metrics: list[JSON] = [
        {
            "Id": word,
            "ReturnData": False,
            "MetricStat": {
                "Stat": "Maximum",
                "Period": 60,
                "Metric": {"Namespace": run.state.name, "MetricName": word},
            },
        }
        for word in ("there", "never")
    ]
    metrics = [{"Id": "total", "Expression": "SUM(FILL(METRICS(), 0))"}, *metrics]
    refuse_without_expressions(client, metrics)
    run.state.keep("alarm", name)
    client.put_metric_alarm(
        AlarmName=name,
        Metrics=metrics,
        EvaluationPeriods=1,
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
    )

    def rings() -> bool:
        client.put_metric_data(
            Namespace=run.state.name, MetricData=[{"MetricName": "there", "Value": 1}]
        )
        time.sleep(run.world.look_every * 10)
        [alarm] = client.describe_alarms(AlarmNames=[name])["MetricAlarms"]
        return bool(alarm["StateValue"] == "ALARM")

    run.until(rings, "an alarm")
    return "ALARM"


def refuse_without_expressions(client: Any, metrics: list[JSON]) -> None:
    """Raise NotHereError where CloudWatch computes no expression: there no alarm could ring."""
    now = time.time()
    answer = client.get_metric_data(MetricDataQueries=metrics, StartTime=now - 300, EndTime=now)
    results = answer["MetricDataResults"]
    messages = [*answer.get("Messages", []), *(m for r in results for m in r.get("Messages", []))]
    if any(message.get("Code") == "Unsupported" for message in messages):
        raise NotHereError("CloudWatch computes no expression")
