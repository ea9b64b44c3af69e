"""The rights that the template grants to functions, and what proves them.

Nothing is run or written here: tools.rights listens to tests, and writes the page.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from keyward.values import JSON
from local import template
from local.aws import TEMPLATE

BEGIN, END = "<!-- made by make permissions -->", "<!-- end -->"

POLLED = "Lambda polls the queue for the function"
STREAM = "Lambda reads the stream for the function"
LAST = "Lambda sends what its last retry leaves"
LOGGED = "Lambda writes the function's log"
BY_CODE = {
    ("logs:CreateLogStream", "FunctionsLogGroup"): LOGGED,
    ("logs:PutLogEvents", "FunctionsLogGroup"): LOGGED,
    ("sqs:ReceiveMessage", "*"): POLLED,
    ("sqs:DeleteMessage", "*"): POLLED,
    ("sqs:GetQueueAttributes", "*Queue"): POLLED,
    ("dynamodb:DescribeStream", "*"): STREAM,
    ("dynamodb:GetRecords", "*"): STREAM,
    ("dynamodb:GetShardIterator", "*"): STREAM,
    ("dynamodb:ListStreams", "*"): STREAM,
    ("sqs:SendMessage", "AuditDlq"): LAST,
    ("sqs:SendMessage", "DueDlq"): LAST,
    ("sqs:SendMessage", "UsageDlq"): LAST,
    (
        "s3:ListBucket",
        "ReportBucket",
    ): "S3 answers 404, and not 403, for an object that is not there",
    ("dynamodb:PutItem", "SaltTable"): "the first key makes the salt, an imported one as well",
    ("apigateway:POST", "/tags/*"): "believed: a call that makes a tagged thing (`tag-rights`)",
    ("apigateway:PUT", "/tags/*"): "TagResource, and a call that makes a tagged thing",
}


class Right(NamedTuple):
    """What a function may do on what; or a call, with the resource that it was for. `shared` is the
    policy of several functions that has the right."""

    function: str
    action: str
    on: str
    shared: str = ""


def granted(source: Path = TEMPLATE) -> set[Right]:
    """The rights of all functions' roles, those of shared policies too. A denial takes from a right
    what a `*` spans besides, and is none itself."""
    resources = template.load(source)["Resources"]
    return {
        Right(name, action, on, shared)
        for name, item in resources.items()
        if item["Type"] == "AWS::Serverless::Function"
        for shared, document in _documents(resources, item["Properties"]["Role"]["Fn::GetAtt"][0])
        for statement in _many(document["Statement"])
        if statement["Effect"] == "Allow"
        for action in _many(statement["Action"])
        for on in map(short, _many(statement["Resource"]))
    }


def _documents(resources: JSON, role: str) -> Iterator[tuple[str, JSON]]:
    """A role's documents, each with the shared policy that it is of."""
    properties = resources[role]["Properties"]
    for arn in properties.get("ManagedPolicyArns", []):
        yield arn["Ref"], resources[arn["Ref"]]["Properties"]["PolicyDocument"]
    for policy in properties.get("Policies", []):
        yield "", policy["PolicyDocument"]


def _many(item: Any) -> list[Any]:
    return item if isinstance(item, list) else [item]


def short(resource: Any) -> str:
    """A resource of a statement in few words: `KeysTable/index/due-index`, `/apikeys/*`."""
    if isinstance(resource, str):
        return resource
    [(function, given)] = resource.items()
    if function == "Fn::GetAtt":
        return " stream".join([given[0], ""]) if given[1] == "StreamArn" else str(given[0])
    text = re.sub(r"\$\{(?:AWS::)?(\w+)(?:\.Arn)?\}", r"\1", str(given))
    return re.sub(r"^arn:Partition:\w+:\w*:\w*:", "", text)


def called(lines: Iterable[str]) -> set[Right]:
    """The calls that tools.calls noted."""
    return {Right(*[*line.rstrip("\n").split(" "), ""][:3]) for line in lines}


def unproven(rights: set[Right], calls: set[Right]) -> set[Right]:
    """The rights that no call shows and no reason explains."""
    called = {right for right in rights if is_called(right, calls)}
    shared = {right[1:] for right in called if right.shared}
    return {
        right
        for right in rights - called
        if not (right.shared and right[1:] in shared) and not reason(right)
    }


def refused(rights: set[Right], calls: set[Right]) -> set[Right]:
    """The calls that no right allows: on AWS each would be an AccessDenied."""
    return {
        call for call in calls if not any(r[:2] == call[:2] and is_for(r, call) for r in rights)
    }


def is_called(right: Right, calls: set[Right]) -> bool:
    """Whether a function made use of a right."""
    return any(right[:2] == call[:2] and is_for(right, call) for call in calls)


def is_granted(right: Right, rights: set[Right]) -> bool:
    """Whether the template grants a right, by whatever policy."""
    return any(one[:3] == right[:3] for one in rights)


def reason(right: Right) -> str:
    """Why a right is there that no test's call can show; empty for none."""
    for (action, on), why in BY_CODE.items():
        if action == right.action and matches(on, right.on):
            return why
    return ""


def is_for(right: Right, call: Right) -> bool:
    """Whether a call is for the resource of a right. Labs name queues and machines as they like:
    there the action counts alone."""
    place = re.sub(r"arn%3A\w+%3Aapigateway%3A[\w-]+%3A%3A", "ARN", call.on)
    on = re.sub(r"arn%3APartition%3Aapigateway%3ARegion%3A%3A", "ARN", right.on)
    return not place or matches(on, place)


def matches(pattern: str, text: str) -> bool:
    """As IAM has it: a `*` spans everything, slashes too."""
    parts = [re.escape(part) for part in pattern.split("*")]
    return bool(re.fullmatch(".*".join(parts), text))


def table(rights: set[Right]) -> str:
    """Who may do what, as Markdown: a row a right."""
    functions = {right.function for right in rights}
    lines = ["| action | on | functions | by |", "|---|---|---|---|"]
    for action, on in sorted({right[1:3] for right in rights}):
        holders = sorted({right.function for right in rights if right[1:3] == (action, on)})
        told = "all" if len(holders) == len(functions) else ", ".join(holders)
        why = reason(Right("", action, on)) or "calls"
        lines.append(f"| `{action}` | `{on}` | {told} | {why} |")
    return "\n".join(lines)


def page(before: str, rights: set[Right], figures: str = "") -> str:
    """The page with the table of these rights, and below it the figures: new ones, or those that it
    has."""
    head, _, rest = before.partition(BEGIN)
    made, _, rest = rest.partition(END)
    old = made.rpartition("|\n\n")[2].strip()
    below = "\n".join(textwrap.wrap(figures, 100)) or old
    return head + "\n\n".join(part for part in (BEGIN, table(rights), below, END) if part) + rest
