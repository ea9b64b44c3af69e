"""TestInvokeMethod: a method of the working copy, without key, authorizer and plan (the console's
"Test"). The log has the lines recorded for MOCK (localstack snapshots, test_invoke_test_method).
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from urllib.parse import quote

from emulator import integration, refusals, routing
from emulator.context import Context, Handler
from emulator.model import JSON
from emulator.operations import common
from emulator.refusals import Answer, Refused
from emulator.request import Request

STAGE = "test-invoke-stage"


def test_invoke_method(context: Context, params: JSON) -> JSON:
    """TestInvokeMethod."""
    method = common.method(context, params)
    resource = common.resource(context, params)
    request = _request(context, params, resource.path)
    try:
        status, headers, body = integration.serve(request, method, context.state)
    except Refused as refused:
        snapshot = common.rest_api(context, params["restApiId"]).freeze()
        status, headers, body = refusals.answer(refused.refusal, request, snapshot)
    many: dict[str, list[str]] = {}
    for name, value in headers:
        many.setdefault(name, []).append(value)
    return {
        "status": status,
        "body": body.decode(errors="replace"),
        "headers": {name: values[-1] for name, values in many.items()},
        "multiValueHeaders": many,
        "log": _log(request, (status, headers, body)),
        "latency": 1,
    }


def _request(context: Context, params: JSON, resource_path: str) -> Request:
    path, _, query = (params.get("pathWithQueryString") or quote(resource_path)).partition("?")
    route = routing.find(routing.tree([resource_path]), path)
    return Request(
        method=params["httpMethod"],
        api_id=params["restApiId"],
        stage=STAGE,
        path=path,
        query=query,
        headers={name.lower(): value for name, value in (params.get("headers") or {}).items()},
        body=(params.get("body") or "").encode(),
        account_id=context.state.account_id,
        at=context.clock.now(),
        id=str(uuid.uuid4()),
        variables=dict(params.get("stageVariables") or {}),
        resource=resource_path,
        path_parameters=route.parameters if route else {},
    )


def _map(values: dict[str, str]) -> str:
    return "{" + ", ".join(f"{name}={value}" for name, value in values.items()) + "}"


def _log(request: Request, answer: Answer) -> str:
    status, headers, body = answer
    when = datetime.fromtimestamp(request.at, UTC).strftime("%a %b %d %H:%M:%S UTC %Y")
    failed = status >= 500
    lines = [
        f"Starting execution for request: {request.id}",
        f"HTTP Method: {request.method}, Resource Path: {request.path}",
        f"Method request path: {_map(request.path_parameters)}",
        f"Method request query string: {_map(request.query_parameters)}",
        f"Method request headers: {_map(request.headers)}",
        f"Method request body before transformations: {request.text}",
        f"Method response body after transformations: {body.decode(errors='replace')}",
        f"Method response headers: {_map(dict(headers))}",
        "Execution failed due to configuration error"
        if failed
        else "Successfully completed execution",
        f"Method completed with status: {status}",
    ]
    start = f"Execution log for request {request.id}\n"
    return start + "".join(f"{when} : {line}\n" for line in lines)


HANDLERS: dict[str, Handler] = {"TestInvokeMethod": test_invoke_method}
