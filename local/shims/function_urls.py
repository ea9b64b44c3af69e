"""A function URL is one that a browser on this machine can open.

ministack answers on AWS's host name, which leads to AWS, and on a path of its own; here the path is
what CloudFormation and the Lambda API name.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from ministack.services import lambda_svc

from local.shims import seam


def _on_this_machine(create: Callable[..., Any]) -> Callable[..., Any]:
    def creating(name: str, data: dict[str, Any], qualifier: str | None) -> Any:
        status, *_ = answer = create(name, data, qualifier)
        if status != 201:
            return answer
        made = lambda_svc._function_urls[lambda_svc._url_config_key(name, qualifier)]
        number = lambda_svc._new_function_url_id()
        where = f"http://127.0.0.1:{os.environ['GATEWAY_PORT']}"
        made["FunctionUrl"] = f"{where}/_aws/lambda-url/{number}/"
        return lambda_svc.json_response(made, status=201)

    return creating


def _by_path(_by_host: Callable[[str], str]) -> Callable[[str], str]:
    return lambda url: url.rstrip("/").rpartition("/")[2]


def install() -> None:
    """Mend the addresses of function URLs."""
    seam.replace(lambda_svc, "_create_function_url_config", "e821147c5bd82080", _on_this_machine)
    seam.replace(lambda_svc, "_function_url_id", "e04bb92dc47d78ba", _by_path)
