"""Resources: the paths of the working copy (localstack snapshots, TestApiGatewayApiResource)."""

from __future__ import annotations

import re

from emulator.context import Context, Handler
from emulator.copies import copy_of
from emulator.errors import bad_request, conflict, not_found
from emulator.ids import SHORT
from emulator.model import JSON, Resource, RestApi
from emulator.operations import common
from emulator.operations.paging import by, page
from emulator.operations.patching import Patch, listed_path_error, patches

PATHS = {"replace": ("/parentId", "/pathPart")}
PART = re.compile(r"[A-Za-z0-9._\-:~,$@!*'()&=;+%]+|\{[A-Za-z0-9._\-:]+\+?\}")
BAD_PART = (
    "Resource's path part only allow a-zA-Z0-9._-: or a valid greedy path variable "
    "and curly braces at the beginning and the end."
)


def shown(resource: Resource, *, methods: bool) -> JSON:
    """A resource as GetResource shows it; methods in full, or only their verbs."""
    item: JSON = {"id": resource.id, "path": resource.path}
    if resource.parent_id:
        item |= {"parentId": resource.parent_id, "pathPart": resource.path_part}
    if resource.methods:
        item["resourceMethods"] = {
            verb: copy_of(method) if methods else {} for verb, method in resource.methods.items()
        }
    return item


def _wants_methods(params: JSON) -> bool:
    return "methods" in (params.get("embed") or [])


def get_resource(context: Context, params: JSON) -> JSON:
    """GetResource."""
    return shown(common.resource(context, params), methods=_wants_methods(params))


def get_resources(context: Context, params: JSON) -> JSON:
    """GetResources."""
    api = common.rest_api(context, params["restApiId"])
    methods = _wants_methods(params)
    return page(
        api.resources.values(),
        params,
        by("id", lambda resource: resource.id),
        lambda resource: shown(resource, methods=methods),
    )


def is_variable(part: str) -> bool:
    """Whether a path part is `{name}` or `{name+}`."""
    return part.startswith("{") and part.endswith("}")


def _check_place(api: RestApi, parent: Resource, part: str, moving: str | None = None) -> None:
    """Refuse a part that cannot stand under the parent; `moving` is who moves there."""
    if not PART.fullmatch(part):
        raise bad_request(BAD_PART)
    if (parent.path_part or "").endswith("+}"):
        raise bad_request(
            f"Cannot create a child of a resource with a greedy path variable: {parent.path_part}"
        )
    for sibling in api.resources.values():
        if sibling.parent_id != parent.id or sibling.id == moving:
            continue
        if sibling.path_part == part:
            raise conflict(f"Another resource with the same parent already has this name: {part}")
        if _crowded(parent, sibling.path_part or "", part):
            raise bad_request(
                f"A sibling ({sibling.path_part}) of this resource already has a variable "
                "path part -- only one is allowed"
            )


def _crowded(parent: Resource, one: str, other: str) -> bool:
    """Two variables are no siblings; but below the root `{x}` beside `{y+}` is (recorded)."""
    if not (is_variable(one) and is_variable(other)):
        return False
    alike = one.endswith("+}") == other.endswith("+}")
    return alike or parent.parent_id is None


def _path(parent: Resource, part: str) -> str:
    return f"{parent.path.rstrip('/')}/{part}"


def create_resource(context: Context, params: JSON) -> JSON:
    """CreateResource."""
    api = context.state.rest_apis.get(params["restApiId"])
    parent = api.resources.get(params["parentId"]) if api else None
    if api is None or parent is None:
        raise not_found(common.NO_RESOURCE)
    part = params["pathPart"]
    _check_place(api, parent, part)
    common.check_limit(len(api.resources), common.MAX_RESOURCES, "Resources for this API")
    made = Resource(context.ids.new(SHORT, api.resources), _path(parent, part), parent.id, part)
    api.resources[made.id] = made
    return shown(made, methods=False)


def _below(api: RestApi, resource: Resource) -> list[Resource]:
    """The resource and all below it, parents first."""
    found = [resource]
    for item in found:
        found += [child for child in api.resources.values() if child.parent_id == item.id]
    return found


def update_resource(context: Context, params: JSON) -> JSON:
    """UpdateResource: rename or move, with all below it."""
    resource = common.resource(context, params)
    api = common.rest_api(context, params["restApiId"])
    parent_id, part = resource.parent_id, resource.path_part or ""
    for patch in patches(params):
        parent_id, part = _moved(api, resource, patch, parent_id, part)
    if (parent_id, part) != (resource.parent_id, resource.path_part) and parent_id:
        parent = api.resources[parent_id]
        _check_place(api, parent, part, moving=resource.id)
        resource.parent_id, resource.path_part = parent_id, part
        for item in _below(api, resource):
            above = api.resources[item.parent_id or api.root_id]
            item.path = _path(above, item.path_part or "")
    return shown(resource, methods=False)


def _moved(
    api: RestApi, resource: Resource, patch: Patch, parent_id: str | None, part: str
) -> tuple[str | None, str]:
    if patch.path not in PATHS.get(patch.op, ()):
        raise listed_path_error(patch, PATHS)
    name = patch.path[1:]
    if resource.parent_id is None:
        raise bad_request(f"Root resource cannot update its {name}.")
    if name == "pathPart":
        return parent_id, patch.text
    if patch.text not in api.resources:
        raise not_found(common.NO_RESOURCE)
    if patch.text in {item.id for item in _below(api, resource)}:
        raise bad_request("Resources cannot be cyclical.")
    return patch.text, part


def delete_resource(context: Context, params: JSON) -> JSON:
    """DeleteResource: with all below it (recorded)."""
    resource = common.resource(context, params)
    api = common.rest_api(context, params["restApiId"])
    if resource.id == api.root_id:
        raise bad_request("Root resource cannot be deleted.")
    for item in _below(api, resource):
        del api.resources[item.id]
    return {}


HANDLERS: dict[str, Handler] = {
    "CreateResource": create_resource,
    "GetResource": get_resource,
    "GetResources": get_resources,
    "UpdateResource": update_resource,
    "DeleteResource": delete_resource,
}
