"""Claim key: the page behind a one-time link, and the key's value for who clicks on it, once.

Anybody may call it, by its function URL. It answers nothing without a token, reads no key itself,
and keeps no reserved concurrency: whoever floods it stops nothing else.
"""

from __future__ import annotations

import base64
import json
from typing import Any

from keyward.report.html.claim import HEADERS, PAGE
from keyward.runs import runtime
from keyward.runs.keys.claims import Answer, ClaimDesk, value_in
from keyward.values import parse_json

# A token has 43 characters.
MAX_BODY = 1024
TO_THE_PAGE = Answer(405, {"reason": "Open the link in a browser."})


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Input a request of a function URL (payload format 2.0). GET answers with the page; POST
    `{token}` with `{key_id, value}` once, then 410; 404 for a wrong link, `reason` says why."""
    method = event["requestContext"]["http"]["method"]
    if method in ("GET", "HEAD"):
        return _response(200, "text/html; charset=utf-8", PAGE)
    answer = TO_THE_PAGE
    if method == "POST":
        desk = ClaimDesk(runtime.context(), _reveal, runtime.pause)
        answer = desk.take(_token(event), context.aws_request_id)
    return _response(answer.status, "application/json", json.dumps(answer.body))


def _reveal(customer_id: str, key_id: str) -> str:
    task = {"customer_id": customer_id, "key_id": key_id}
    return value_in(runtime.functions().call(runtime.setting("REVEAL_FUNCTION"), task))


def _token(event: dict[str, Any]) -> object:
    """The token in the request's body; None where there is none."""
    body = str(event.get("body") or "")[:MAX_BODY]
    try:
        text = base64.b64decode(body).decode() if event.get("isBase64Encoded") else body
    except ValueError:
        return None
    found = parse_json(text)
    return found.get("token") if isinstance(found, dict) else None


def _response(status: int, kind: str, body: str) -> dict[str, Any]:
    return {"statusCode": status, "headers": HEADERS | {"content-type": kind}, "body": body}
