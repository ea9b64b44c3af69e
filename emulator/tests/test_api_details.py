"""APIs and resources: what was recorded beside the shared cases."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.tests.door_lab import (
    BAD,
    CONFLICT,
    ONLY_REPLACE,
    Account,
    bare,
    refused,
    replace,
)


@pytest.mark.parametrize(
    ("endpoint", "message"),
    [
        (
            {"types": []},
            "REGIONAL Configuration and EDGE Configuration cannot be both DISABLED.",
        ),
        ({"types": ["EDGE", "REGIONAL"]}, "Cannot create an api with multiple Endpoint Types."),
        (
            {"types": ["PRIVATE"], "ipAddressType": "ipv4"},
            "Only dualstack ipAddressType is supported for Private APIs.",
        ),
    ],
)
def test_an_impossible_endpoint_is_refused(gw: Any, endpoint: Any, message: str) -> None:
    def call() -> Any:
        return gw.create_rest_api(name="a", endpointConfiguration=endpoint)

    assert refused(call) == (BAD, 400, message)


def test_two_wrong_enums_are_told_in_one_message(gw: Any) -> None:
    endpoint = {"types": ["wrong"], "ipAddressType": "wrong"}
    assert refused(lambda: gw.create_rest_api(name="a", endpointConfiguration=endpoint)) == (
        "ValidationException",
        400,
        "2 validation errors detected: Value '[wrong]' at "
        "'createRestApiInput.endpointConfiguration.types' failed to satisfy constraint: Member "
        "must satisfy constraint: [Member must satisfy enum value set: [PRIVATE, EDGE, REGIONAL]]; "
        "Value 'wrong' at 'createRestApiInput.endpointConfiguration.ipAddressType' failed to "
        "satisfy constraint: Member must satisfy enum value set: [ipv4, dualstack]",
    )


def test_media_types_are_added_replaced_and_removed(gw: Any) -> None:
    api, _ = bare(gw, binaryMediaTypes=["image/png"])
    stem = "/binaryMediaTypes/image~1"
    add = {"op": "add", "path": f"{stem}jpeg"}
    change = replace(f"{stem}png", "image/gif")
    now = gw.update_rest_api(restApiId=api, patchOperations=[add, change])
    assert now["binaryMediaTypes"] == ["image/jpeg", "image/gif"]
    gone = [{"op": "remove", "path": f"{stem}{name}"} for name in ("jpeg", "gif")]
    assert "binaryMediaTypes" not in gw.update_rest_api(restApiId=api, patchOperations=gone)


@pytest.mark.parametrize(
    ("patch", "message"),
    [
        (replace("/binaryMediaTypes", "a/b"), "Invalid patch path /binaryMediaTypes"),
        (
            replace("/minimumCompressionSize", "-1"),
            "Invalid minimum compression size, must be between 0 and 10485760",
        ),
        ({"op": "add", "path": "/minimumCompressionSize", "value": "1"}, ONLY_REPLACE[2]),
        (
            replace("/endpointConfiguration/ipAddressType", "wrong"),
            "ipAddressType must be either ipv4 or dualstack.",
        ),
        (
            replace("/endpointConfiguration/types/0", "wrong"),
            "Invalid EndpointTypes specified. Valid options are REGIONAL,EDGE,PRIVATE",
        ),
    ],
)
def test_a_bad_patch_of_an_api_is_refused(gw: Any, patch: Any, message: str) -> None:
    api, _ = bare(gw)

    def call() -> Any:
        return gw.update_rest_api(restApiId=api, patchOperations=[patch])

    assert refused(call) == (BAD, 400, message)


def test_compression_is_switched_on_and_off(gw: Any) -> None:
    api, _ = bare(gw)
    on = gw.update_rest_api(
        restApiId=api, patchOperations=[replace("/minimumCompressionSize", "0")]
    )
    assert on["minimumCompressionSize"] == 0
    off = [{"op": "replace", "path": "/minimumCompressionSize"}]
    assert "minimumCompressionSize" not in gw.update_rest_api(restApiId=api, patchOperations=off)


def test_a_cloned_api_has_its_own_resources(account: Account) -> None:
    source = account.api("GET /a/b")
    clone = account.gw.create_rest_api(name="copy", cloneFrom=source)["id"]
    both = [
        {i["path"]: i["id"] for i in account.gw.get_resources(restApiId=api)["items"]}
        for api in (source, clone)
    ]
    assert set(both[0]) == set(both[1]) == {"/", "/a", "/a/b"}
    assert not set(both[0].values()) & set(both[1].values())
    assert account.gw.get_stages(restApiId=clone)["item"] == []


def test_one_name_once_under_a_parent(gw: Any) -> None:
    api, root = bare(gw)
    gw.create_resource(restApiId=api, parentId=root, pathPart="pets")

    def again() -> Any:
        return gw.create_resource(restApiId=api, parentId=root, pathPart="pets")

    message = "Another resource with the same parent already has this name: pets"
    assert refused(again) == (CONFLICT, 409, message)


def test_one_variable_at_the_root(gw: Any) -> None:
    api, root = bare(gw)
    gw.create_resource(restApiId=api, parentId=root, pathPart="{proxy+}")

    def call() -> Any:
        return gw.create_resource(restApiId=api, parentId=root, pathPart="{id}")

    assert refused(call) == (
        BAD,
        400,
        "A sibling ({proxy+}) of this resource already has a variable path part "
        "-- only one is allowed",
    )


def test_a_renamed_resource_takes_its_children_along(gw: Any) -> None:
    api, root = bare(gw)
    pets = gw.create_resource(restApiId=api, parentId=root, pathPart="pets")["id"]
    gw.create_resource(restApiId=api, parentId=pets, pathPart="{id}")
    gw.update_resource(
        restApiId=api, resourceId=pets, patchOperations=[replace("/pathPart", "dogs")]
    )
    paths = {item["path"] for item in gw.get_resources(restApiId=api)["items"]}
    assert paths == {"/", "/dogs", "/dogs/{id}"}


def test_a_deleted_resource_takes_its_children_along(gw: Any) -> None:
    api, root = bare(gw)
    pets = gw.create_resource(restApiId=api, parentId=root, pathPart="pets")["id"]
    gw.create_resource(restApiId=api, parentId=pets, pathPart="{id}")
    gw.delete_resource(restApiId=api, resourceId=pets)
    assert [item["path"] for item in gw.get_resources(restApiId=api)["items"]] == ["/"]


def test_resources_are_moved_but_not_in_a_circle(gw: Any) -> None:
    api, root = bare(gw)
    pets = gw.create_resource(restApiId=api, parentId=root, pathPart="pets")["id"]
    child = gw.create_resource(restApiId=api, parentId=pets, pathPart="child")["id"]
    circle = [replace("/parentId", child)]
    assert refused(
        lambda: gw.update_resource(restApiId=api, resourceId=pets, patchOperations=circle)
    ) == (BAD, 400, "Resources cannot be cyclical.")
    up = [replace("/parentId", root)]
    assert gw.update_resource(restApiId=api, resourceId=child, patchOperations=up)["path"] == (
        "/child"
    )


@pytest.mark.parametrize(
    ("patch", "words"),
    [
        (
            replace("/invalid", "x"),
            "Invalid patch path  '/invalid' specified for op 'replace'. "
            "Must be one of: [/parentId, /pathPart]",
        ),
        (
            {"op": "remove", "path": "/pathPart"},
            "Invalid patch path  '/pathPart' specified for op 'remove'. "
            "Please choose supported operations",
        ),
    ],
)
def test_a_bad_patch_of_a_resource_is_refused(gw: Any, patch: Any, words: str) -> None:
    api, root = bare(gw)
    made = gw.create_resource(restApiId=api, parentId=root, pathPart="pets")["id"]

    def call() -> Any:
        return gw.update_resource(restApiId=api, resourceId=made, patchOperations=[patch])

    assert refused(call) == (BAD, 400, words)


def test_the_root_stays_what_it_is(gw: Any) -> None:
    api, root = bare(gw)

    def call() -> Any:
        return gw.update_resource(
            restApiId=api, resourceId=root, patchOperations=[replace("/pathPart", "x")]
        )

    assert refused(call) == (BAD, 400, "Root resource cannot update its pathPart.")
    assert refused(lambda: gw.delete_resource(restApiId=api, resourceId=root))[:2] == (BAD, 400)


def test_the_301st_resource_is_refused(account: Account) -> None:
    api, root = bare(account.gw)
    create = account.emulator.call
    for number in range(299):
        params = {"restApiId": api, "parentId": root, "pathPart": f"r{number}"}
        create("CreateResource", params)
    code, status, message = refused(
        lambda: account.gw.create_resource(restApiId=api, parentId=root, pathPart="more")
    )
    assert (code, status) == ("LimitExceededException", 429)
    assert message.startswith("Maximum number of Resources for this API has been reached.")


def test_an_api_has_ten_stages(account: Account) -> None:
    api = account.api(stage=None)
    for number in range(10):
        account.gw.create_deployment(restApiId=api, stageName=f"s{number}")

    def full() -> Any:
        return account.gw.create_deployment(restApiId=api, stageName="more")

    assert refused(full)[0] == "LimitExceededException"
    assert len(account.gw.get_deployments(restApiId=api)["items"]) == 10
