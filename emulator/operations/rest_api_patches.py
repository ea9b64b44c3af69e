"""UpdateRestApi (localstack snapshots, test_update_rest_api_*)."""

from __future__ import annotations

from emulator.context import Context, Handler
from emulator.copies import copy_of
from emulator.errors import bad_request
from emulator.model import JSON
from emulator.operations import common
from emulator.operations.patching import Patch, only_replace, patches, path_error
from emulator.operations.rest_apis import PRIVATE_IS_DUALSTACK, compression

TEXTS = ("name", "description", "policy", "version", "securityPolicy", "endpointAccessMode")
ENDPOINT_TYPES = ("REGIONAL", "EDGE", "PRIVATE")


def update_rest_api(context: Context, params: JSON) -> JSON:
    """UpdateRestApi: all or nothing."""
    api = common.rest_api(context, params["restApiId"])
    settings = copy_of(api.settings)
    for patch in patches(params):
        _apply(settings, patch)
    api.settings = settings
    return common.always_tagged(settings)


def _apply(settings: JSON, patch: Patch) -> None:
    parts = patch.parts
    match parts:
        case ["binaryMediaTypes", media_type]:
            _change_media_type(settings, patch, media_type)
        case ["endpointConfiguration", *rest]:
            _change_endpoint(settings["endpointConfiguration"], patch, rest)
        case ["minimumCompressionSize"]:
            only_replace(patch)
            settings.pop("minimumCompressionSize", None)
            if patch.value:
                settings["minimumCompressionSize"] = compression(patch.value)
        case [name] if name in TEXTS:
            _set_text(settings, patch, name)
        case ["apiKeySource"]:
            only_replace(patch)
            if patch.value not in ("HEADER", "AUTHORIZER"):
                raise bad_request("Invalid API key source specified.")
            settings["apiKeySource"] = patch.value
        case ["disableExecuteApiEndpoint"]:
            only_replace(patch)
            settings["disableExecuteApiEndpoint"] = common.parse_boolean(patch.text)
        case _:
            raise path_error(patch)


def _set_text(settings: JSON, patch: Patch, name: str) -> None:
    removed = patch.op == "remove" or not patch.text
    if removed and name == "name":
        raise bad_request("API name cannot be an empty string")
    settings.pop(name, None)
    if not removed:
        settings[name] = patch.text


def _change_media_type(settings: JSON, patch: Patch, media_type: str) -> None:
    """A replaced type goes, the new one comes last (recorded)."""
    remaining = [item for item in settings.get("binaryMediaTypes", []) if item != media_type]
    if patch.op == "add":
        remaining.append(media_type)
    elif patch.op == "replace":
        remaining.append(patch.text)
    settings.pop("binaryMediaTypes", None)
    if remaining:
        settings["binaryMediaTypes"] = remaining


def _change_endpoint(endpoint: JSON, patch: Patch, rest: list[str]) -> None:
    if rest == ["ipAddressType"]:
        only_replace(patch)
        _change_address_type(endpoint, patch)
    elif rest[:1] == ["types"]:
        if patch.op not in ("add", "remove", "replace"):
            raise bad_request("Invalid patch operation specified. Must be 'add'|'remove'|'replace'")
        if patch.op == "replace":
            _change_type(endpoint, patch.text)
    elif rest[:1] == ["vpcEndpointIds"]:
        _change_vpc_endpoint(endpoint, patch)
    else:
        raise path_error(patch)


def _change_address_type(endpoint: JSON, patch: Patch) -> None:
    if patch.value not in ("ipv4", "dualstack"):
        raise bad_request("ipAddressType must be either ipv4 or dualstack.")
    if patch.value == "ipv4" and "PRIVATE" in endpoint["types"]:
        raise bad_request(PRIVATE_IS_DUALSTACK)
    endpoint["ipAddressType"] = patch.value


def _change_type(endpoint: JSON, wanted: str) -> None:
    if wanted not in ENDPOINT_TYPES:
        raise bad_request(
            f"Invalid EndpointTypes specified. Valid options are {','.join(ENDPOINT_TYPES)}"
        )
    endpoint["types"] = [wanted]
    if wanted == "PRIVATE":
        endpoint["ipAddressType"] = "dualstack"


def _change_vpc_endpoint(endpoint: JSON, patch: Patch) -> None:
    remaining = [item for item in endpoint.get("vpcEndpointIds", []) if item != patch.text]
    if patch.op == "add":
        remaining.append(patch.text)
    endpoint.pop("vpcEndpointIds", None)
    if remaining:
        endpoint["vpcEndpointIds"] = remaining


HANDLERS: dict[str, Handler] = {"UpdateRestApi": update_rest_api}
