"""RestApis, resources, methods and integrations: the working copy."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.tests.conformance.account import Account
from emulator.tests.conformance.answers import (
    FUNCTION,
    KEYED,
    OPEN,
    add,
    bad_request,
    bare,
    not_found,
    refusal_of,
    remove,
    replace,
)
from emulator.tests.conformance.tags import believed, documented, observed, recorded

METHODS = "6 Methods, resources: "
NO_RESOURCE = not_found("Invalid Resource identifier specified")
NO_METHOD = not_found("Invalid Method identifier specified")


@recorded(METHODS + "CreateRestApi default EDGE, ipv4, HEADER")
def test_an_api_has_its_defaults(account: Account) -> None:
    made = bare(account.gw.create_rest_api(name=account.name()))
    account.keep("api", made["id"])
    assert made["endpointConfiguration"] == {"types": ["EDGE"], "ipAddressType": "ipv4"}
    assert (made["apiKeySource"], made["disableExecuteApiEndpoint"]) == ("HEADER", False)


@recorded(METHODS + "empty description")
def test_an_api_needs_no_description_but_not_an_empty_one(account: Account) -> None:
    refusal = refusal_of(lambda: account.bare_api(description=""))
    assert refusal == bad_request("Description cannot be an empty string")


@recorded(METHODS + "API id not found: account and id in the message; ids have case")
@pytest.mark.parametrize("form", ["nosuch", "upper"])
def test_an_unknown_api_is_told_with_the_account(account: Account, form: str) -> None:
    api_id = "nosuchapi0" if form == "nosuch" else account.bare_api().id.upper()
    refusal = refusal_of(lambda: account.gw.get_rest_api(restApiId=api_id))
    assert (refusal.code, refusal.status) == ("NotFoundException", 404)
    words, _, ids = refusal.message.rpartition(" ")
    assert words == "Invalid API identifier specified"
    assert ids.partition(":")[0].isdigit()
    assert ids.partition(":")[2] == api_id


@documented("API reference: RestApi.rootResourceId")
def test_an_api_names_its_root(account: Account) -> None:
    api = account.bare_api()
    [root] = account.gw.get_resources(restApiId=api.id)["items"]
    assert root == {"id": api.ids["/"], "path": "/"}


@documented("patch operations: UpdateRestApi replace /name /description /apiKeySource")
def test_an_api_can_be_changed(account: Account) -> None:
    api, name = account.bare_api(), account.name()
    operations = [
        replace("/name", name),
        replace("/description", "new"),
        replace("/apiKeySource", "AUTHORIZER"),
    ]
    now = account.gw.update_rest_api(restApiId=api.id, patchOperations=operations)
    assert (now["name"], now["description"], now["apiKeySource"]) == (name, "new", "AUTHORIZER")


@documented("API reference: CreateResource, path, parentId and pathPart")
def test_a_resource_knows_its_place(account: Account) -> None:
    api = account.bare_api()
    pets = api.resource("/pets/{id}")
    found = bare(account.gw.get_resource(restApiId=api.id, resourceId=pets))
    assert found == {
        "id": pets,
        "parentId": api.ids["/pets"],
        "pathPart": "{id}",
        "path": "/pets/{id}",
    }


@observed("localstack snapshots: Another resource with the same parent already has this name")
def test_a_name_is_used_once_below_a_parent(account: Account) -> None:
    api = account.bare_api()
    api.resource("/pets")
    create = account.gw.create_resource
    refusal = refusal_of(lambda: create(restApiId=api.id, parentId=api.ids["/"], pathPart="pets"))
    assert (refusal.code, refusal.status) == ("ConflictException", 409)


@believed("Cannot create a child of a resource with a greedy path variable")
def test_nothing_lies_below_a_greedy_resource(account: Account) -> None:
    api = account.bare_api()
    greedy = api.resource("/{proxy+}")
    create = account.gw.create_resource
    refusal = refusal_of(lambda: create(restApiId=api.id, parentId=greedy, pathPart="x"))
    assert (refusal.code, refusal.status) == ("BadRequestException", 400)


@recorded(METHODS + "DeleteResource takes what lies below with it (localstack)")
def test_a_resource_takes_its_children_with_it(account: Account) -> None:
    api = account.api({"GET /a/b": OPEN, "GET /c": OPEN})
    account.gw.delete_resource(restApiId=api.id, resourceId=api.ids["/a"])
    paths = {item["path"] for item in account.gw.get_resources(restApiId=api.id)["items"]}
    assert paths == {"/", "/c"}


@recorded(METHODS + "PutMethod default: httpMethod, authorizationType, apiKeyRequired false")
def test_a_method_asks_for_no_key_unless_told(account: Account) -> None:
    api = account.bare_api()
    made = bare(account.gw.put_method(**api.where("GET /a"), authorizationType="NONE"))
    assert made == {"httpMethod": "GET", "authorizationType": "NONE", "apiKeyRequired": False}


@recorded(METHODS + "apiKeyRequired true is echoed and kept")
def test_a_method_that_asks_for_a_key_says_so(account: Account) -> None:
    api = account.bare_api()
    where = api.where("GET /a")
    made = account.gw.put_method(**where, **KEYED)
    assert made["apiKeyRequired"] is account.gw.get_method(**where)["apiKeyRequired"] is True


@recorded(METHODS + "unknown API and unknown resource are told in the same words")
@pytest.mark.parametrize("known_api", [True, False], ids=["resource", "api"])
def test_an_unknown_place_takes_no_method(account: Account, known_api: bool) -> None:
    api_id = account.bare_api().id if known_api else "nosuchapi0"
    where = {"restApiId": api_id, "resourceId": "nosuch", "httpMethod": "GET"}
    put = account.gw.put_method
    assert refusal_of(lambda: put(**where, authorizationType="NONE")) == NO_RESOURCE


@recorded(METHODS + "bad verb")
def test_a_verb_is_one_of_eight(account: Account) -> None:
    api = account.bare_api()
    where = api.where("GET /a") | {"httpMethod": "FETCH"}
    refusal = refusal_of(lambda: account.gw.put_method(**where, authorizationType="NONE"))
    assert refusal.status == 400
    # the recording's own full stop could be the sentence's
    assert refusal.message.rstrip(".") == (
        "Invalid HttpMethod specified. Valid options are GET,PUT,POST,DELETE,PATCH,OPTIONS,HEAD,ANY"
    )


@observed("aws-cli#3992, serverless#7231: Method already exists for this resource")
def test_a_method_is_put_once(account: Account) -> None:
    api = account.api({"GET /a": OPEN})
    put = account.gw.put_method
    refusal = refusal_of(lambda: put(**api.where("GET /a"), authorizationType="NONE"))
    assert (refusal.code, refusal.status) == ("ConflictException", 409)
    assert refusal.message == "Method already exists for this resource"


@recorded(METHODS + 'UpdateMethod /apiKeyRequired "true" and "false"')
@pytest.mark.parametrize(
    ("before", "word", "after"), [(OPEN, "true", True), (KEYED, "false", False)]
)
def test_the_key_can_be_asked_for_and_not(
    account: Account, before: dict[str, Any], word: str, after: bool
) -> None:
    api = account.api({"GET /a": before})
    assert api.patch_method("GET /a", replace("/apiKeyRequired", word))["apiKeyRequired"] is after
    assert api.methods()["GET /a"]["apiKeyRequired"] is after


@recorded(METHODS + 'UpdateMethod "whatever": 200, and the protection is off')
@pytest.mark.parametrize(
    "word",
    [
        "whatever",
        *(
            pytest.param(word, marks=believed("Java's parseBoolean: anything but true is false"))
            for word in ("yes", "1", "")
        ),
    ],
)
def test_a_typo_opens_the_method(account: Account, word: str) -> None:
    api = account.api({"GET /a": KEYED})
    changed = api.patch_method("GET /a", replace("/apiKeyRequired", word))
    assert changed["apiKeyRequired"] is False


@recorded(METHODS + "add and remove of a scalar")
@pytest.mark.parametrize(
    "operation", [add("/apiKeyRequired", "true"), remove("/apiKeyRequired")], ids=["add", "remove"]
)
def test_a_scalar_of_a_method_can_only_be_replaced(
    account: Account, operation: dict[str, Any]
) -> None:
    api = account.api({"GET /a": OPEN})
    refusal = refusal_of(lambda: api.patch_method("GET /a", operation))
    assert refusal == bad_request("Invalid patch operation specified. Must be one of: [replace]")


@recorded(METHODS + "bad path: other words than for keys, a single space")
def test_a_wrong_path_of_a_method_is_refused(account: Account) -> None:
    api = account.api({"GET /a": OPEN})
    refusal = refusal_of(lambda: api.patch_method("GET /a", replace("/httpMethod", "PUT")))
    assert refusal == bad_request("Invalid patch path /httpMethod")


@recorded(METHODS + "GetMethod and DeleteMethod of a missing method")
@pytest.mark.parametrize("operation", ["get_method", "delete_method"])
def test_a_missing_method_is_not_found(account: Account, operation: str) -> None:
    api = account.api({"GET /a": OPEN})
    where = api.where("GET /a") | {"httpMethod": "PUT"}
    assert refusal_of(lambda: getattr(account.gw, operation)(**where)) == NO_METHOD


@recorded(METHODS + 'GetResources without embed: {"GET":{}} only where there are methods')
def test_resources_name_their_verbs(account: Account) -> None:
    api = account.api({"GET /a": OPEN, "POST /a": OPEN, "GET /b/c": OPEN})
    items = {item["path"]: item for item in account.gw.get_resources(restApiId=api.id)["items"]}
    assert items["/a"]["resourceMethods"] == {"GET": {}, "POST": {}}
    assert "resourceMethods" not in items["/b"]
    assert not {"parentId", "pathPart"} & set(items["/"])


@documented("API reference: GetResources, embed=methods")
def test_embedded_methods_are_whole(account: Account) -> None:
    api = account.api({"GET /a": KEYED})
    method = api.methods()["GET /a"]
    assert (method["apiKeyRequired"], method["methodIntegration"]["type"]) == (True, "MOCK")
    assert set(method["methodResponses"]) == {"200"}


@documented("botocore model: Method.authorizationType, AWS_IAM beside a key")
def test_a_signature_and_a_key_can_both_be_asked_for(account: Account) -> None:
    api = account.api({"GET /a": {"authorizationType": "AWS_IAM", "apiKeyRequired": True}})
    method = api.methods()["GET /a"]
    assert (method["authorizationType"], method["apiKeyRequired"]) == ("AWS_IAM", True)


@documented("API reference: CreateAuthorizer; PutMethod CUSTOM with authorizerId")
def test_a_method_can_have_an_authorizer(account: Account) -> None:
    api = account.bare_api()
    made = account.gw.create_authorizer(
        restApiId=api.id,
        name="a",
        type="TOKEN",
        authorizerUri=FUNCTION,
        identitySource="method.request.header.Authorization",
    )
    api.method("GET /a", authorizationType="CUSTOM", authorizerId=made["id"])
    assert api.methods()["GET /a"]["authorizerId"] == made["id"]


@recorded(METHODS + "PutIntegration 2026: responseTransferMode BUFFERED")
def test_an_integration_has_its_defaults(account: Account) -> None:
    api = account.api({"GET /a": OPEN})
    found = bare(account.gw.get_integration(**api.where("GET /a")))
    assert found["passthroughBehavior"] == "WHEN_NO_MATCH"
    assert found["timeoutInMillis"] == 29000
    assert found["cacheNamespace"] == api.ids["/a"]
    assert found["cacheKeyParameters"] == []
    assert found["responseTransferMode"] == "BUFFERED"


@documented("API reference: DeleteRestApi, NotFoundException afterwards")
def test_a_deleted_api_is_gone_with_its_resources(account: Account) -> None:
    api = account.bare_api()
    account.gw.delete_rest_api(restApiId=api.id)
    for operation in ("get_rest_api", "get_resources", "get_stages"):
        refusal = refusal_of(lambda name=operation: getattr(account.gw, name)(restApiId=api.id))
        assert refusal.code == "NotFoundException"
