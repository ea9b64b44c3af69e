"""ImportRestApi, PutRestApi and GetExport; the documents themselves are openapi's."""

from __future__ import annotations

import copy

from emulator import cloudtrail, openapi
from emulator.context import Context, Handler
from emulator.copies import copy_of
from emulator.errors import bad_request
from emulator.model import JSON, RestApi
from emulator.operations import common
from emulator.operations.rest_apis import new_api

# botocore model: GetExport.exportType, .accepts
EXPORT_TYPES = {"swagger": "swagger", "oas30": "oas30"}
ACCEPTED = {"application/json": "json", "application/yaml": "yaml"}


def _apply(context: Context, api: RestApi, params: JSON, mode: str) -> JSON:
    """Bring the document into the API and show it. With failOnWarnings nothing stays."""
    warnings = openapi.import_document(
        api,
        params.get("body") or b"",
        mode=mode,
        ids=context.ids,
        parameters=params.get("parameters") or {},
    )
    if warnings and params.get("failOnWarnings"):
        raise bad_request("Warnings found during import:" + "".join(f"\n\t{w}" for w in warnings))
    context.state.rest_apis[api.id] = api
    shown = common.untagged_in_lists(api.settings)
    return shown | ({"warnings": warnings} if warnings else {})


def import_rest_api(context: Context, params: JSON) -> JSON:
    """ImportRestApi."""
    wanted: JSON = {"name": ""}
    endpoint = (params.get("parameters") or {}).get("endpointConfigurationTypes")
    if endpoint:
        wanted["endpointConfiguration"] = {"types": endpoint.split(",")}
    return _apply(context, new_api(context, wanted), params, "overwrite")


def put_rest_api(context: Context, params: JSON) -> JSON:
    """PutRestApi: `merge` unless `overwrite` is asked for; stages and deployments stay."""
    api = common.rest_api(context, params["restApiId"])
    changed = copy.copy(api)
    for name in (
        "settings",
        "resources",
        "authorizers",
        "models",
        "request_validators",
        "gateway_responses",
    ):
        setattr(changed, name, copy_of(getattr(api, name)))
    shown = _apply(context, changed, params, params.get("mode") or "merge")
    return common.always_tagged(shown)


def get_export(context: Context, params: JSON) -> JSON:
    """GetExport: of what the stage serves."""
    stage = common.stage(context, params)
    api = common.rest_api(context, params["restApiId"])
    kind = EXPORT_TYPES.get(params["exportType"])
    if kind is None:
        raise bad_request("No API exporter for type '" + params["exportType"] + "'")
    accepts = params.get("accepts") or "application/json"
    extension = ACCEPTED.get(accepts)
    if extension is None:
        raise bad_request("Invalid mime type specified: " + accepts)
    extensions = (params.get("parameters") or {}).get("extensions", "")
    body = openapi.export_document(
        api,
        stage,
        export_type=kind,
        accepts=accepts,
        extensions={name.strip() for name in extensions.split(",") if name.strip()},
        region=context.state.region,
    )
    version = api.deployments[stage.deployment_id].snapshot.settings.get("version")
    version = version or cloudtrail.iso(api.settings["createdDate"])
    return {
        "body": body,
        "contentType": "application/octet-stream",
        "contentDisposition": f'attachment; filename="{kind}_{version}.{extension}"',
    }


HANDLERS: dict[str, Handler] = {
    "ImportRestApi": import_rest_api,
    "PutRestApi": put_rest_api,
    "GetExport": get_export,
}
