"""The adapter to a deployed stage: asks it as a client does.

A new connection for each request, so that any of the gateway's hosts may answer; no redirect is
followed, because a key must not travel anywhere else.
"""

from __future__ import annotations

from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

SECONDS = 4
# What the gateway says of a request without a key that works (aws-recorded.md 9). Another 403 is of
# a policy, of WAF's rules, of a path that is not there, or of the backend.
NO_KEY = "ForbiddenException"

# A status; a text for a 403 that says nothing of keys; None without an answer.
Status = int | str | None
AGENT = "keyward-probe"


class StageClient:
    """`invoke_url` is a template with `{rest_api_id}` and `{stage}`."""

    def __init__(self, invoke_url: str) -> None:
        self._invoke_url = invoke_url

    def stage_url(self, rest_api_id: str, stage: str) -> str:
        """Where a stage is invoked."""
        return self._invoke_url.format(rest_api_id=rest_api_id, stage=stage)

    def status(self, url: str, key: str | None = None) -> Status:
        """What GET is answered with. The key is sent as x-api-key, and is in no error or log."""
        parts = urlsplit(url)
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        connection = kind(parts.netloc, timeout=SECONDS)
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        headers = {"User-Agent": AGENT} | ({"x-api-key": key} if key else {})
        try:
            connection.request("GET", target, headers=headers)
            answer = connection.getresponse()
            error = answer.getheader("x-amzn-ErrorType") or "without x-amzn-ErrorType"
            about_key = answer.status != 403 or error == NO_KEY
            return answer.status if about_key else f"403 {error}"
        except (OSError, HTTPException):
            return None
        finally:
            connection.close()
