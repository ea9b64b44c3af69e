"""The check as a Lambda hook of CloudFormation: before a stack or a change set changes anything.

Input, answer and limits: CloudFormation Hooks user guide, "Create Lambda functions to evaluate
resources for Lambda Hooks". A template that cannot be checked passes, and the message says so: a
fault of ours must stop no stranger's deployment. The address of the template is signed, so no
message and no log names it.
"""

from __future__ import annotations

import json
import logging
import os
import time
from typing import Any
from urllib import request
from urllib.error import HTTPError

from keyward.apis.rule import KeyRule
from keyward.errors import PolicyRefusedError
from keyward.lint.check import Checker
from keyward.lint.model import Findings, Method
from keyward.lint.positions import SourceError
from keyward.policy.parse import default_text, parse
from keyward.values import JSON, counted

LOG = logging.getLogger(__name__)
# A template has 1 MB at most; the document has two of them, quoted, and the list of changes.
MAX_BYTES = 5 * 2**20
CHUNK = 2**16
SECONDS = 10.0  # CloudFormation waits 30 for the answer
MAX_CHARACTERS = 4096  # CloudFormation cuts a longer message
REST = "\n... keyward lint TEMPLATE names the rest"
UNCHECKED = "Keyward did not check this template, and lets it pass: it {problem}"


def opener(*more: request.BaseHandler) -> request.OpenerDirector:
    """What opens the signed address: HTTPS alone, and it follows no redirect to elsewhere."""
    made = request.OpenerDirector()
    errors = (request.HTTPErrorProcessor(), request.HTTPDefaultErrorHandler())
    for one in (request.HTTPSHandler(), *errors, request.UnknownHandler(), *more):
        made.add_handler(one)
    return made


OPENER = opener()


def handler(event: JSON, _context: object = None) -> JSON:
    """Answer FAILED for a template that leaves a method open, else SUCCESS. It raises nothing."""
    answer: JSON = {"hookStatus": "SUCCESS", "clientRequestToken": event.get("clientRequestToken")}
    try:
        found, message = checked(event)
    except SourceError as error:
        found, message = [], UNCHECKED.format(problem=error.problem)
        LOG.warning(message)
    except Exception as error:  # noqa: BLE001 - whatever it is, it stops no stranger's deployment
        # An error's text may quote the signed address.
        found, message = [], UNCHECKED.format(problem=f"met {type(error).__name__}")
        LOG.warning(message)
    if found:
        answer |= {"hookStatus": "FAILED", "errorCode": "NonCompliant"}
    return answer | {"message": _cut(message)}


def checked(event: JSON) -> tuple[list[Method], str]:
    """The open methods, and the message. Raises SourceError for what cannot be read."""
    if str(event.get("actionInvocationPoint")).startswith("DELETE"):
        return [], "A deletion opens no method."
    try:
        policy = parse(os.environ.get("POLICY") or default_text())
    except PolicyRefusedError as error:
        raise SourceError(f"needs another parameter Policy: {error}") from None
    checker, now = Checker(), time.time()
    findings = checker.check_text("template", _template(event))
    if findings.errors:
        raise SourceError(findings.errors[0].text)
    found = checker.open(lambda name: KeyRule(policy, name, name, now))
    return found, _message(findings, found)


def _message(findings: Findings, found: list[Method]) -> str:
    methods = counted(len(findings.methods), "method")
    lines = [f"{len(found)} of {methods} of REST APIs would be open."]
    return "\n".join([*lines, *map(str, found), *(f"note: {note}" for note in findings.notes)])


def _cut(message: str) -> str:
    """The message by whole lines, as far as CloudFormation takes it."""
    if len(message) <= MAX_CHARACTERS:
        return message
    return message[: MAX_CHARACTERS - len(REST)].rpartition("\n")[0] + REST


def _template(event: JSON) -> str:
    """The text of the template; the document at the signed address has it as a string."""
    try:
        document = json.loads(_fetched(str(event["requestData"]["payload"])))
        template = document["template"]
    except (KeyError, TypeError, ValueError, RecursionError):
        raise SourceError("came in no document with the member template") from None
    return template if isinstance(template, str) else json.dumps(template)


def _fetched(address: str) -> bytes:
    ends, body = time.monotonic() + SECONDS, bytearray()
    try:
        with _opened(address) as answer:
            while part := answer.read1(CHUNK):
                body += part
                if len(body) > MAX_BYTES:
                    raise SourceError(f"came in a document of more than {MAX_BYTES} bytes")
                if time.monotonic() > ends:
                    raise TimeoutError
    except HTTPError as error:
        raise SourceError(f"could not be fetched: HTTP {error.code}") from None
    except OSError as error:
        raise SourceError(f"could not be fetched: {type(error).__name__}") from None
    return bytes(body)


def _opened(address: str) -> Any:
    return OPENER.open(address, timeout=SECONDS)
