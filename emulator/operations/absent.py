"""Things that this emulator does not make: their lists are empty, as in an account without any."""

from __future__ import annotations

from emulator.context import Context, Handler
from emulator.model import JSON
from emulator.operations import common


def nothing(context: Context, params: JSON) -> JSON:
    """None in the account."""
    return {"items": []}


def nothing_of_api(context: Context, params: JSON) -> JSON:
    """None in the API."""
    common.rest_api(context, params["restApiId"])
    return {"items": []}


HANDLERS: dict[str, Handler] = {
    "GetClientCertificates": nothing,
    "GetDomainNameAccessAssociations": nothing,
    "GetDomainNames": nothing,
    "GetVpcLinks": nothing,
    "GetDocumentationParts": nothing_of_api,
    "GetDocumentationVersions": nothing_of_api,
}
