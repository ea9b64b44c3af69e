"""What stands behind a method: MOCK is really served, everything else answers an echo."""

from __future__ import annotations

import json
import re

from emulator.model import JSON, State
from emulator.refusals import FAILURE, MEDIA_TYPE, Answer, Headers, Refused, apigw_id
from emulator.request import Request
from emulator.vtl import TemplateError, render

HIDDEN = "(hidden)"
KEY_HEADERS = frozenset({"x-api-key", "authorization"})
_STATUS = re.compile(r"""['"]?statusCode['"]?\s*:\s*['"]?(\d{3})""")
_VARIABLE = re.compile(r"\$\{stageVariables\.(\w+)\}")


def serve(request: Request, method: JSON, state: State) -> Answer:
    """The integration's answer.

    Raises:
        Refused: 415 where no template fits, 500 where the integration is not complete.
    """
    integration = method.get("methodIntegration") or {}
    if integration.get("type") != "MOCK":
        return _echo(request, integration, state)
    try:
        return _mock(request, integration)
    except TemplateError as error:
        raise Refused(FAILURE) from error


def _mock(request: Request, integration: JSON) -> Answer:
    status = _STATUS.search(_integration_request(request, integration))
    if status is None:
        raise Refused(FAILURE)
    response = _response_for(status[1], integration.get("integrationResponses") or {})
    media_type, body = _integration_response(request, response)
    return (
        int(response["statusCode"]),
        _headers(request, media_type, response.get("responseParameters") or {}),
        body.encode(),
    )


def _integration_request(request: Request, integration: JSON) -> str:
    """The mapped request (developer guide, integration passthrough behaviors)."""
    templates = integration.get("requestTemplates") or {}
    if request.content_type in templates:
        return render(templates[request.content_type], request.template_variables())
    behavior = integration.get("passthroughBehavior", "WHEN_NO_MATCH")
    if behavior == "NEVER" or (behavior == "WHEN_NO_TEMPLATES" and templates):
        raise Refused(MEDIA_TYPE)
    return request.text


def _response_for(status: str, responses: dict[str, JSON]) -> JSON:
    """The integration response whose selection pattern matches, else the one without a pattern."""
    default = None
    for response in responses.values():
        pattern = response.get("selectionPattern")
        if not pattern:
            default = default or response
        elif re.fullmatch(pattern, status):
            return response
    if default is None:
        raise Refused(FAILURE)
    return default


def _integration_response(request: Request, response: JSON) -> tuple[str, str]:
    templates = response.get("responseTemplates") or {}
    if not templates:
        return "application/json", ""
    wanted = (request.header("accept") or "").partition(",")[0].strip()
    for media_type in (wanted, "application/json", next(iter(templates))):
        if media_type in templates:
            break
    template = templates[media_type] or ""
    return media_type, render(template, request.template_variables(payload=""))


def _headers(request: Request, media_type: str, parameters: dict[str, str]) -> Headers:
    headers = {
        "Content-Type": media_type,
        "x-amzn-RequestId": request.id,
        "x-amz-apigw-id": apigw_id(request),
        "X-Amzn-Trace-Id": f"Root=1-{int(request.at):08x}-{request.id.replace('-', '')[:24]}",
    }
    for target, source in parameters.items():
        value = request.value_of(source)
        if target.startswith("method.response.header.") and value is not None:
            headers[target.removeprefix("method.response.header.")] = value
    return list(headers.items())


def _echo(request: Request, integration: JSON, state: State) -> Answer:
    """200 and what the integration would have got, without any key's value."""
    headers = {
        name: HIDDEN if name in KEY_HEADERS else value for name, value in request.headers.items()
    }
    shown = {
        "integration": integration.get("type"),
        "uri": _VARIABLE.sub(
            lambda found: request.variables.get(found[1], ""), integration.get("uri") or ""
        ),
        "httpMethod": request.method,
        "path": request.path,
        "resource": request.resource,
        "stage": request.stage,
        "pathParameters": request.path_parameters,
        "queryStringParameters": request.query_parameters,
        "stageVariables": request.variables,
        "headers": headers,
        "body": request.text,
        "apiKeyId": request.key.id if request.key else None,
    }
    text = json.dumps(shown)
    for value in (request.key_value, *(key.value for key in state.keys.values())):
        if value:
            text = text.replace(json.dumps(value)[1:-1], HIDDEN)
    return 200, _headers(request, "application/json", {}), text.encode()
