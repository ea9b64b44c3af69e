"""The link objects that CloudTrail shows beside a resource in `responseElements`.

The links of RestApi, Deployment, Stage, Method, MethodResponse, Integration and IntegrationResponse
are those of real records (data/cloudtrail); those of all other resources follow the same pattern
(`xxxUpdate`, `xxxDelete`, `self`) and are inferred.
"""

from __future__ import annotations

from emulator.model import JSON

_PAGED = {"templateSkipList": ["position"]}

# link name -> what stands in it beside restApiId
_REST_API: dict[str, JSON] = {
    "authorizerById": {"template": True},
    "authorizerCreate": {"template": False},
    "deploymentById": {"template": True, **_PAGED},
    "deploymentCreate": {"template": False},
    "documentationpartById": {"template": True},
    "documentationpartCreate": {"template": False},
    "documentationpartImport": {"failOnWarnings": False, "template": True},
    "documentationversionByVersion": {"template": True},
    "documentationversionCreate": {"template": False},
    "gatewayresponseByType": {"template": True},
    "gatewayresponsePut": {"template": True},
    "modelByName": {"flatten": False, "template": True},
    "modelCreate": {"template": False},
    "requestvalidatorById": {"template": True},
    "requestvalidatorCreate": {"template": False},
    "resourceById": {"template": True},
    "resourceCreate": {"template": False},
    "restapiAuthorizers": {"template": False},
    "restapiDelete": {"template": False},
    "restapiDeployments": {"template": True, **_PAGED},
    "restapiDocumentationParts": {"template": False},
    "restapiDocumentationVersions": {"template": False},
    "restapiGatewayResponses": {"template": False},
    "restapiModels": {"template": False},
    "restapiRequestValidators": {"template": False},
    "restapiResources": {"template": True, **_PAGED},
    "restapiStages": {"template": True, **_PAGED},
    "restapiUpdate": {"template": False},
    "stageByName": {"template": True},
    "stageCreate": {"template": False},
    "self": {"template": False},
}

_PATH_OF_METHOD = ("restApiId", "resourceId", "httpMethod")
# resource -> the members that name it, and its links: name -> what stands in it beside them
_LINKS: dict[str, tuple[tuple[str, ...], dict[str, JSON]]] = {
    "Deployment": (
        ("restApiId", "deploymentId"),
        {"deploymentUpdate": {}, "deploymentStages": _PAGED, "deploymentDelete": {}, "self": {}},
    ),
    "Stage": (
        ("restApiId", "stageName"),
        {"stageUpdate": {}, "stageFlushAuthorizerCache": {}, "stageDelete": {}, "self": {}},
    ),
    "Method": (
        _PATH_OF_METHOD,
        {
            "methodDelete": {},
            "methodresponsePut": {"template": True},
            "methodUpdate": {},
            "integrationPut": {},
            "self": {"name": "{httpMethod}", "title": "{httpMethod}"},
        },
    ),
    "MethodResponse": (
        (*_PATH_OF_METHOD, "statusCode"),
        {
            "methodresponseDelete": {},
            "methodresponseUpdate": {},
            "self": {"title": "{statusCode}"},
        },
    ),
    "Integration": (
        _PATH_OF_METHOD,
        {
            "integrationDelete": {},
            "integrationresponsePut": {"template": True},
            "integrationUpdate": {},
            "self": {},
        },
    ),
    "IntegrationResponse": (
        (*_PATH_OF_METHOD, "statusCode"),
        {
            "integrationresponseUpdate": {},
            "integrationresponseDelete": {},
            "self": {"title": "{statusCode}"},
        },
    ),
    "Resource": (("restApiId", "resourceId"), {}),
    "Authorizer": (("restApiId", "authorizerId"), {}),
    "Model": (("restApiId", "modelName"), {}),
    "RequestValidator": (("restApiId", "requestValidatorId"), {}),
    "GatewayResponse": (("restApiId", "responseType"), {}),
    "ApiKey": (("apiKey",), {}),
    "UsagePlan": (("usagePlanId",), {}),
    "UsagePlanKey": (("usagePlanId", "keyId"), {}),
}


def links(resource: str, params: JSON, output: JSON) -> JSON:
    """The links of a resource (a shape's name, `Deployment`) that a call with `params` answered."""
    if resource == "RestApi":
        return _rest_api_links(output)
    if resource not in _LINKS:
        return {}
    members, wanted = _LINKS[resource]
    word = resource.lower()
    wanted = wanted or {f"{word}Update": {}, f"{word}Delete": {}, "self": {}}
    names = {member: params.get(member, output.get("id")) for member in members}
    if "responseType" in names or "modelName" in names:
        names.update({member: params.get(member, output.get("name")) for member in members[1:]})
    return {
        name: {
            **names,
            "template": False,
            **{key: _fill(item, names) for key, item in more.items()},
        }
        for name, more in wanted.items()
    }


def _fill(item: object, names: JSON) -> object:
    return item.format(**names) if isinstance(item, str) else item


def _rest_api_links(output: JSON) -> JSON:
    made: JSON = {name: {"restApiId": output.get("id"), **more} for name, more in _REST_API.items()}
    if output.get("rootResourceId"):
        made["resourceCreate"] = {"parentId": output["rootResourceId"], **made["resourceCreate"]}
    return made
