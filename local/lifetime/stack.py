"""What template.yaml declares, with its references resolved for this process."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from keyward.values import JSON
from local import template
from local.aws import TEMPLATE

ACCOUNT, REGION, NAME = "123456789012", "us-east-1", "keyward"
PSEUDO = {
    "AWS::Partition": "aws",
    "AWS::AccountId": ACCOUNT,
    "AWS::Region": REGION,
    "AWS::StackName": NAME,
    "AWS::URLSuffix": "amazonaws.com",
}


@dataclass(frozen=True)
class Source:
    """What invokes a function: `queue` or `table` is its id; `partial` says whether the function
    names the records that are to come again, `tries` (-1 for no end) and `age` how long they do. At
    most `at_once` batches are under way, of a stream each for other keys."""

    function: str
    size: int
    partial: bool
    queue: str = ""
    table: str = ""
    names: tuple[str, ...] = ()
    tries: int = 3
    age: float = 86_400
    dlq: str = ""
    at_once: int = 1000


@dataclass(frozen=True)
class Stack:
    """The template with these parameters. Resolved once: a bench must cost less than its test."""

    parameters: JSON = field(default_factory=dict)
    _types: JSON = field(default_factory=dict)

    @property
    def resources(self) -> JSON:
        """All resources, by their ids."""
        return dict(_template()["Resources"])

    def of_type(self, kind: str) -> JSON:
        """The properties of all resources of a type, resolved, by their ids."""
        if kind not in self._types:
            self._types[kind] = {
                name: self.resolved(item.get("Properties", {}))
                for name, item in self.resources.items()
                if item["Type"] == kind and self._holds(item.get("Condition"))
            }
        return dict(self._types[kind])

    @cached_property
    def functions(self) -> dict[str, JSON]:
        """The properties of all functions, with those of Globals."""
        shared = self.resolved(_template()["Globals"]["Function"])
        return {
            name: shared | own for name, own in self.of_type("AWS::Serverless::Function").items()
        }

    @cached_property
    def environment(self) -> dict[str, str]:
        """The variables of all functions: none of ours has two values."""
        shared = _template()["Globals"]["Function"]
        found = dict(self.resolved(shared["Environment"]["Variables"]))
        for own in self.of_type("AWS::Serverless::Function").values():
            found |= own.get("Environment", {}).get("Variables", {})
        return {name: str(value) for name, value in found.items()}

    @cached_property
    def sources(self) -> list[Source]:
        """What invokes functions: queues and streams."""
        mappings = self.of_type("AWS::Lambda::EventSourceMapping").values()
        return [_source(about) for about in mappings]

    @property
    def role_path(self) -> str:
        """Where the functions' roles are, without the first slash."""
        return str(self.resolved(_template()["Globals"]["Function"]["RolePath"])).lstrip("/")

    def machines(self) -> dict[str, str]:
        """The definition's file name without endings by the machine's ARN."""
        return {
            self.ref(name): Path(item["DefinitionUri"]).name.partition(".")[0]
            for name, item in self.of_type("AWS::Serverless::StateMachine").items()
        }

    def substitutions(self) -> JSON:
        """What stands in the definitions for `${Name}`."""
        found: JSON = {}
        for item in self.of_type("AWS::Serverless::StateMachine").values():
            found |= item["DefinitionSubstitutions"]
        return {f"${{{name}}}": value for name, value in found.items()}

    def ref(self, name: str) -> Any:
        """What `!Ref` gives."""
        if name in PSEUDO:
            return PSEUDO[name]
        declared = _template()["Parameters"]
        if name in declared:
            default = declared[name].get("Default", "")
            return self.parameters.get(name, default)
        kind = self.resources[name]["Type"]
        if kind == "AWS::SQS::Queue":
            return f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{name}"
        if kind == "AWS::Serverless::StateMachine":
            own = self.resolved(self.resources[name]["Properties"]["Name"])
            return f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{own}"
        own = self.resources[name].get("Properties", {}).get("Name")
        return self.resolved(own) if own and kind in NAMED else name

    def resolved(self, value: Any) -> Any:
        """The value without CloudFormation's functions."""
        if isinstance(value, list):
            return [self.resolved(item) for item in value]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            [(function, given)] = value.items()
            if function in FUNCTIONS:
                return FUNCTIONS[function](self, given)
        return {name: self.resolved(item) for name, item in value.items()}

    def _sub(self, given: Any) -> str:
        text, values = given if isinstance(given, list) else (given, {})

        def value(found: re.Match[str]) -> str:
            name, dot, part = found[1].partition(".")
            if name in values:
                return str(self.resolved(values[name]))
            return str(self._attribute([name, part]) if dot else self.ref(name))

        return re.sub(r"\$\{([^!}]+)\}", value, text)

    def _attribute(self, given: list[str]) -> str:
        name, part = given
        if part == "FunctionUrl":
            return f"https://{name.lower()}.lambda-url.{REGION}.on.aws/"
        return name if part in ("QueueName", "DomainName") else f"arn:aws:{ACCOUNT}:{part}:{name}"

    def _if(self, given: list[Any]) -> Any:
        return self.resolved(given[1] if self._holds(given[0]) else given[2])

    def _holds(self, condition: str | None) -> bool:
        return condition is None or bool(self.resolved(_template()["Conditions"][condition]))


NAMED = ("AWS::Events::EventBus", "AWS::SSM::Parameter")
FUNCTIONS: JSON = {
    "Ref": Stack.ref,
    "Fn::Sub": Stack._sub,
    "Fn::GetAtt": Stack._attribute,
    "Fn::If": Stack._if,
    "Fn::Equals": lambda stack, given: stack.resolved(given[0]) == stack.resolved(given[1]),
    "Fn::Not": lambda stack, given: not stack.resolved(given[0]),
    "Fn::And": lambda stack, given: all(stack.resolved(given)),
    "Fn::Or": lambda stack, given: any(stack.resolved(given)),
    "Condition": Stack._holds,
}


@cache
def _template() -> JSON:
    return template.load(TEMPLATE)


@cache
def stack_of(*parameters: tuple[str, Any]) -> Stack:
    """The stack with these parameters, the same one each time."""
    return Stack(dict(parameters))


def id_of(arn: str) -> str:
    """The resource that an ARN or a queue's URL of this process names."""
    return re.split(r"[:/]", arn)[-1]


def _source(about: JSON) -> Source:
    function, source = about["FunctionName"], id_of(about["EventSourceArn"])
    size, partial = int(about.get("BatchSize", 10)), "FunctionResponseTypes" in about
    if "StartingPosition" not in about:
        most = about.get("ScalingConfig", {}).get("MaximumConcurrency", Source.at_once)
        return Source(function, size, partial, queue=source, at_once=int(most))
    patterns = [json.loads(item["Pattern"]) for item in about["FilterCriteria"]["Filters"]]
    return Source(
        function,
        size,
        partial,
        table=source,
        names=tuple(name for pattern in patterns for name in pattern["eventName"]),
        tries=int(about.get("MaximumRetryAttempts", 10)),
        age=float(about.get("MaximumRecordAgeInSeconds", 86_400)),
        dlq=id_of(about["DestinationConfig"]["OnFailure"]["Destination"]),
        at_once=int(about.get("ParallelizationFactor", 1)),
    )
