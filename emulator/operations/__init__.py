"""The control plane's operations: one module a thing, one function an operation."""

from __future__ import annotations

from emulator.context import Handler
from emulator.operations import (
    absent,
    account,
    authorizers,
    csv_import,
    deployments,
    documents,
    gateway_responses,
    integrations,
    keys,
    methods,
    models,
    plan_keys,
    plan_patches,
    plans,
    request_validators,
    resources,
    rest_api_patches,
    rest_apis,
    stage_patches,
    stages,
    tags,
    try_method,
    usage,
)

_MODULES = (
    absent,
    account,
    authorizers,
    csv_import,
    deployments,
    documents,
    gateway_responses,
    integrations,
    keys,
    methods,
    models,
    plan_keys,
    plan_patches,
    plans,
    request_validators,
    resources,
    rest_api_patches,
    rest_apis,
    stage_patches,
    stages,
    tags,
    try_method,
    usage,
)

HANDLERS: dict[str, Handler] = {
    operation: handler for module in _MODULES for operation, handler in module.HANDLERS.items()
}
