"""UpdateStage (aws-recorded.md 7; localstack snapshots, test_create_update_stages)."""

from __future__ import annotations

from emulator.context import Context, Handler
from emulator.copies import copy_of
from emulator.errors import ApiGatewayError, bad_request
from emulator.model import JSON, RestApi
from emulator.operations import common
from emulator.operations.patching import Patch, patches, unescape
from emulator.operations.stages import NO_DEPLOYMENT, canary_of

_EACH = "/{resourcePath}/{httpMethod}"
# AWS's list, with the commas that it lacks (recorded)
_PATHS = (
    "/deploymentId, /description, /cacheClusterEnabled, /cacheClusterSize, /clientCertificateId, "
    "/accessLogSettings, /accessLogSettings/destinationArn, /accessLogSettings/format, "
    f"{_EACH}/metrics/enabled, {_EACH}/logging/dataTrace, {_EACH}/logging/loglevel, "
    f"{_EACH}/throttling/burstLimit{_EACH}/throttling/rateLimit{_EACH}/caching/ttlInSeconds, "
    f"{_EACH}/caching/enabled, {_EACH}/caching/dataEncrypted, "
    f"{_EACH}/caching/requireAuthorizationForCacheControl, "
    f"{_EACH}/caching/unauthorizedCacheControlHeaderStrategy, "
    "/*/*/metrics/enabled, /*/*/logging/dataTrace, /*/*/logging/loglevel, "
    "/*/*/throttling/burstLimit /*/*/throttling/rateLimit /*/*/caching/ttlInSeconds, "
    "/*/*/caching/enabled, /*/*/caching/dataEncrypted, "
    "/*/*/caching/requireAuthorizationForCacheControl, "
    "/*/*/caching/unauthorizedCacheControlHeaderStrategy, /variables/{variable_name}, "
    "/tracingEnabled"
)
TEXTS = ("description", "cacheClusterSize", "clientCertificateId", "documentationVersion")
# setting in the path -> member of methodSettings and its type
METHOD_SETTINGS: dict[tuple[str, str], tuple[str, type]] = {
    ("metrics", "enabled"): ("metricsEnabled", bool),
    ("logging", "dataTrace"): ("dataTraceEnabled", bool),
    ("logging", "loglevel"): ("loggingLevel", str),
    ("throttling", "burstLimit"): ("throttlingBurstLimit", int),
    ("throttling", "rateLimit"): ("throttlingRateLimit", float),
    ("caching", "enabled"): ("cachingEnabled", bool),
    ("caching", "ttlInSeconds"): ("cacheTtlInSeconds", int),
    ("caching", "dataEncrypted"): ("cacheDataEncrypted", bool),
    ("caching", "requireAuthorizationForCacheControl"): (
        "requireAuthorizationForCacheControl",
        bool,
    ),
    ("caching", "unauthorizedCacheControlHeaderStrategy"): (
        "unauthorizedCacheControlHeaderStrategy",
        str,
    ),
}
# the others of a method setting when the first is set (recorded)
DEFAULTS: JSON = {
    "metricsEnabled": False,
    "dataTraceEnabled": False,
    "throttlingBurstLimit": 5000,
    "throttlingRateLimit": 10000.0,
    "cachingEnabled": False,
    "cacheTtlInSeconds": 300,
    "cacheDataEncrypted": False,
    "requireAuthorizationForCacheControl": True,
    "unauthorizedCacheControlHeaderStrategy": "SUCCEED_WITH_RESPONSE_HEADER",
}


def update_stage(context: Context, params: JSON) -> JSON:
    """UpdateStage: all or nothing."""
    stage = common.stage(context, params)
    api = common.rest_api(context, params["restApiId"])
    settings = copy_of(stage.settings)
    for patch in patches(params):
        _apply(api, settings, patch)
    settings["lastUpdatedDate"] = context.now()
    stage.settings = settings
    return common.untagged_in_lists(settings)


def _apply(api: RestApi, settings: JSON, patch: Patch) -> None:
    if patch.op == "copy":
        _copy(settings, patch)
    elif patch.op == "remove":
        _remove(settings, patch)
    elif patch.op == "replace":
        _replace(api, settings, patch)
    else:
        raise bad_request(f"Invalid {patch.op} operation with path: {patch.path}")


def _bad_path(patch: Patch) -> ApiGatewayError:
    return bad_request(f"Invalid method setting path: {patch.path}. Must be one of: [{_PATHS}]")


def _replace(api: RestApi, settings: JSON, patch: Patch) -> None:
    match patch.parts:
        case ["deploymentId"]:
            settings["deploymentId"] = _known(api, patch.text)
        case [name] if name in TEXTS:
            settings.pop(name, None)
            if patch.text:
                settings[name] = patch.text
        case ["tracingEnabled"]:
            settings["tracingEnabled"] = common.parse_boolean(patch.text)
        case ["cacheClusterEnabled"]:
            cached = common.parse_boolean(patch.text)
            settings["cacheClusterEnabled"] = cached
            settings["cacheClusterStatus"] = "AVAILABLE" if cached else "NOT_AVAILABLE"
        case ["variables", name]:
            settings["variables"] = settings.get("variables", {}) | {name: patch.text}
        case ["accessLogSettings", ("destinationArn" | "format") as name]:
            log = settings.get("accessLogSettings", {})
            settings["accessLogSettings"] = log | {name: patch.text}
        case ["canarySettings", *rest]:
            _replace_canary(api, settings, patch, rest)
        case _:
            _replace_method_setting(settings, patch)


def _known(api: RestApi, deployment_id: str) -> str:
    if deployment_id not in api.deployments:
        raise bad_request(NO_DEPLOYMENT)
    return deployment_id


def _replace_canary(api: RestApi, settings: JSON, patch: Patch, rest: list[str]) -> None:
    """Any canary setting begins a canary; it starts with the stage's own deployment (recorded)."""
    canary = settings.get("canarySettings") or canary_of({}, settings["deploymentId"])
    match rest:
        case ["deploymentId"]:
            canary["deploymentId"] = _known(api, patch.text)
        case ["percentTraffic"]:
            canary["percentTraffic"] = _percent(patch)
        case ["useStageCache"]:
            canary["useStageCache"] = common.parse_boolean(patch.text)
        case ["stageVariableOverrides", name]:
            overrides = canary.get("stageVariableOverrides", {})
            canary["stageVariableOverrides"] = overrides | {name: patch.text}
        case _:
            raise _bad_path(patch)
    settings["canarySettings"] = canary


def _percent(patch: Patch) -> float:
    error = bad_request("Invalid percentTraffic: must be a number between 0.0 and 100.0")
    value = common.number(patch.value, error)
    if not 0 <= value <= 100:
        raise error
    return value


def _method_key(patch: Patch) -> str:
    """The key of methodSettings: `*/*`, or resource path and verb."""
    steps = patch.path.split("/")[1:]
    path = unescape(steps[0])
    return f"{path.removeprefix('/') or '/'}/{steps[1]}"


def _replace_method_setting(settings: JSON, patch: Patch) -> None:
    parts = patch.path.split("/")[1:]
    if len(parts) != 4 or tuple(parts[2:]) not in METHOD_SETTINGS:
        raise _bad_path(patch)
    name, kind = METHOD_SETTINGS[parts[2], parts[3]]
    key = _method_key(patch)
    methods = settings["methodSettings"]
    methods[key] = methods.get(key) or dict(DEFAULTS)
    if kind is bool:
        methods[key][name] = common.parse_boolean(patch.text)
    elif kind is str:
        methods[key][name] = patch.text
    else:
        error = bad_request(f"Invalid value for {name}: {patch.text}")
        methods[key][name] = kind(common.number(patch.value, error))


def _remove(settings: JSON, patch: Patch) -> None:
    match patch.parts:
        case ["variables", name] if name in settings.get("variables", {}):
            del settings["variables"][name]
            if not settings["variables"]:
                del settings["variables"]
        case [("accessLogSettings" | "canarySettings") as name] if name in settings:
            del settings[name]
        case ["canarySettings", "stageVariableOverrides", name] if name in settings.get(
            "canarySettings", {}
        ).get("stageVariableOverrides", {}):
            del settings["canarySettings"]["stageVariableOverrides"][name]
        case [_, _, *_] if settings["methodSettings"].pop(_method_key(patch), None):
            return
        case _:
            raise bad_request(
                f"Cannot remove method setting {patch.path.removeprefix('/')} because there is "
                "no method setting for this method "
            )


def _copy(settings: JSON, patch: Patch) -> None:
    """Promotion: the canary's settings stay, whatever their share (recorded)."""
    canary = settings.get("canarySettings")
    if canary is None:
        raise bad_request("Promotion not available. Canary does not exist.")
    pair = (patch.source, patch.path)
    if pair == ("/canarySettings/deploymentId", "/deploymentId"):
        settings["deploymentId"] = canary["deploymentId"]
    elif pair == ("/canarySettings/stageVariableOverrides", "/variables"):
        overrides = canary.get("stageVariableOverrides", {})
        settings["variables"] = settings.get("variables", {}) | overrides
    else:
        where = f"path: {patch.path} and from: {patch.source}"
        raise bad_request(f"Invalid copy operation with {where}")


HANDLERS: dict[str, Handler] = {"UpdateStage": update_stage}
