"""The adapter to CloudWatch Logs: asks the access log of a stage who called it without a key."""

from __future__ import annotations

from typing import Any

from keyward.aws.client import Client
from keyward.errors import LogsUnreadableError, ServiceRefusedError

# CloudWatch Logs Insights: these statuses mean that more may come (API reference, GetQueryResults).
UNDER_WAY = ("Scheduled", "Running", "Unknown")
GONE = ("Cancelled", "Failed", "Timeout")


class AccessLogs:
    """Runs queries of CloudWatch Logs Insights; the client is botocore's."""

    def __init__(self, client: Any) -> None:
        self._client = Client(client)

    def start(self, group: str, query: str, since: float, until: float) -> str:
        """Start a query from `since` to `until` (epoch seconds): its id. Raises
        LogsUnreadableError."""
        try:
            answer = self._client.start_query(
                logGroupName=group, queryString=query, startTime=int(since), endTime=int(until)
            )
        except ServiceRefusedError as error:
            raise LogsUnreadableError(f"log group {group} is not to be read: {error}") from None
        return str(answer["queryId"])

    def rows(self, query_id: str) -> list[dict[str, str]] | None:
        """What a query found, None while it runs. Raises LogsUnreadableError."""
        try:
            answer = self._client.get_query_results(queryId=query_id)
        except ServiceRefusedError as error:
            raise LogsUnreadableError(f"the query of the access log failed: {error}") from None
        if answer["status"] in GONE:
            raise LogsUnreadableError(f"the query of the access log ended as {answer['status']}")
        if answer["status"] in UNDER_WAY:
            return None
        return [{cell["field"]: cell["value"] for cell in row} for row in answer["results"]]
