"""Find who would get a 403 when a stage is enforced. Pure.

These are customers whose plan does not cover the stage, and callers without a key in its access
log.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from keyward.errors import LogsUnreadableError
from keyward.values import JSON, frozen

MAX_SOURCES = 25
LOG_FORMAT = (
    'Log JSON with at least {"ip":"$context.identity.sourceIp",'
    '"keyId":"$context.identity.apiKeyId"}; never $context.identity.apiKey, which is the value'
)
# A JSON format names its fields: "ip":"$context.identity.sourceIp".
FIELD = re.compile(r'"(\w+)"\s*:\s*"?\$context\.([\w.]+)"?')
LOG_GROUP = re.compile(r"arn:[^:]+:logs:[^:]*:[^:]*:log-group:([^:]+)(?::\*)?")


@frozen
class LogQuery:
    """A query of CloudWatch Logs Insights on a log group."""

    group: str
    query: str


def log_query(destination: str, format_: str, rest_api_id: str, stage: str) -> LogQuery:
    """Write the query for the access log of a stage, by its settings. It tells API and stage apart
    where the log's format names them. Raises LogsUnreadableError, which says what is needed."""
    if not destination:
        raise LogsUnreadableError(f"access logging is off. {LOG_FORMAT}")
    group = LOG_GROUP.fullmatch(destination)
    if not group:
        raise LogsUnreadableError("the access log does not go to CloudWatch Logs")
    fields = {context: name for name, context in FIELD.findall(format_)}
    key, source = fields.get("identity.apiKeyId"), fields.get("identity.sourceIp")
    if key is None or source is None:
        raise LogsUnreadableError(f"the format of the access log does not tell. {LOG_FORMAT}")
    only = [
        f'{fields[context]} = "{value}"'
        for context, value in (("apiId", rest_api_id), ("stage", stage))
        if context in fields
    ]
    if "httpMethod" in fields:
        only.append(f'{fields["httpMethod"]} != "OPTIONS"')
    # API Gateway writes "-" for what a request does not have.
    only.append(f'(not ispresent({key}) or {key} = "-" or {key} = "")')
    lines = [
        f"filter {' and '.join(only)}",
        f"stats count(*) as requests by {source} as source",
        "sort requests desc",
        "limit 1000",
    ]
    return LogQuery(group[1], " | ".join(lines))


def callers(rows: Sequence[Mapping[str, str]], days: int) -> JSON:
    """Read the log's rows: requests without a key in the last `days` by source, most first."""
    found = [
        {"source": str(row.get("source", "-")), "requests": int(float(row.get("requests", 0)))}
        for row in rows
    ]
    found.sort(key=lambda one: (-int(str(one["requests"])), str(one["source"])))
    return {"days": days, "sources": len(found), "most": found[:MAX_SOURCES]}


def report(actions: Sequence[JSON], customers: JSON, callers_: JSON) -> JSON:
    """For ApiExposed and ApiWarned; `actions` is what enforce would do."""
    methods = [
        f"{action['method']} {action['path']}"
        for action in actions
        if action["action"] == "require_key"
    ]
    plans = [action["plan"] for action in actions if action["action"] == "attach_stage"]
    return {
        "exposed_methods": methods,
        "plans_to_attach": plans,
        "customers_without_plan": customers,
        "callers_without_key": callers_,
    }
