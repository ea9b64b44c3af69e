"""Write the lines that make a team's own source ask for keys, for given methods. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from keyward.apis.model import Place

# So that the event stays readable, and far below EventBridge's 256 KB.
MAX_METHODS = 40
EVERY_VERB = "x-amazon-apigateway-any-method"


def remedies(places: Sequence[Place]) -> dict[str, list[str]]:
    """`{sam, openapi, cdk, terraform}`: lines for the methods, given as (path, verb)."""
    named = sorted(places)[:MAX_METHODS]
    return {
        "sam": _sam(named),
        "openapi": _openapi(named),
        "cdk": _cdk(named),
        "terraform": _terraform(named),
    }


def _sam(places: Sequence[Place]) -> list[str]:
    """AWS::Serverless::Api: for all methods, or for the event of each (SAM developer guide,
    ApiAuth and ApiFunctionAuth: ApiKeyRequired)."""
    lines = [
        "# AWS::Serverless::Api, Properties: all methods at once",
        "Auth: {ApiKeyRequired: true, AddApiKeyRequiredToCorsPreflight: false}",
        "# or, one method, in the Events of its function",
    ]
    return lines + [
        f"Properties: {{Path: '{path}', Method: {verb.lower()}, Auth: {{ApiKeyRequired: true}}}}"
        for path, verb in places
    ]


def _cdk(places: Sequence[Place]) -> list[str]:
    """MethodOptions.apiKeyRequired (CDK API reference, aws-apigateway)."""
    return [
        f"resource.addMethod('{verb}', integration, {{ apiKeyRequired: true }}); // {verb} {path}"
        for path, verb in places
    ]


def _openapi(places: Sequence[Place]) -> list[str]:
    """A security scheme named api_key, and each operation's use of it (developer guide, API keys
    with OpenAPI)."""
    lines = [
        "components: {securitySchemes: {api_key: {type: apiKey, name: x-api-key, in: header}}}"
    ]
    lines.append("paths:")
    for path in dict.fromkeys(path for path, _ in places):
        lines.append(f"  '{path}':")
        for verb in (verb for where, verb in places if where == path):
            operation = EVERY_VERB if verb == "ANY" else verb.lower()
            lines.append(f"    {operation}: {{security: [{{api_key: []}}]}}")
    return lines


def _terraform(places: Sequence[Place]) -> list[str]:
    """aws_api_gateway_method: api_key_required (Terraform registry, provider hashicorp/aws)."""
    return [
        f"api_key_required = true # in the aws_api_gateway_method of {verb} {path}"
        for path, verb in places
    ]
