"""ImportRestApi, PutRestApi, GetExport."""

from __future__ import annotations

import json

import pytest

from emulator.tests.conformance.account import Account
from emulator.tests.conformance.answers import KEYED, OPEN, bad_request, not_found, refusal_of
from emulator.tests.conformance.documents import ANY, document, export, operation, put
from emulator.tests.conformance.tags import believed, documented, observed, recorded

IMPORT = "8 Import / export: "
EXTENSIONS = "developer guide, OpenAPI extensions: "
BINARY = "x-amazon-apigateway-binary-media-types"
SOURCE = "x-amazon-apigateway-api-key-source"
BROKEN = bad_request("Invalid OpenAPI input.")


@documented("API reference: ImportRestApi: the API is named by the title")
def test_an_import_makes_resources_and_takes_the_title(account: Account) -> None:
    made = document(account, {"/a": {"get": operation()}, "/b/{id}": {"post": operation()}})
    api = account.imported(made)
    assert set(api.ids) == {"/", "/a", "/b", "/b/{id}"}
    assert account.gw.get_rest_api(restApiId=api.id)["name"] == made["info"]["title"]


@recorded(IMPORT + "a plain x-api-key scheme: apiKeyRequired, authorizationType NONE")
@pytest.mark.parametrize("version", [2, 3])
def test_a_key_scheme_asks_for_a_key(account: Account, version: int) -> None:
    paths = {"/a": {"get": operation("api_key"), "options": operation()}}
    methods = account.imported(document(account, paths, version)).methods()
    found = {
        line: (method["authorizationType"], method["apiKeyRequired"])
        for line, method in methods.items()
    }
    assert found == {"GET /a": ("NONE", True), "OPTIONS /a": ("NONE", False)}


@recorded(IMPORT + "an apiKey scheme with an authorizer: CUSTOM and no key, even as X-Api-Key")
def test_an_authorizer_scheme_asks_for_no_key(account: Account) -> None:
    api = account.imported(document(account, {"/a": {"get": operation("token")}}))
    method = api.methods()["GET /a"]
    [authorizer] = account.gw.get_authorizers(restApiId=api.id)["items"]
    assert (method["authorizationType"], method["apiKeyRequired"]) == ("CUSTOM", False)
    assert method["authorizerId"] == authorizer["id"]
    assert authorizer["identitySource"] == "method.request.header.X-Api-Key"


@documented(EXTENSIONS + "x-amazon-apigateway-authtype awsSigv4; with a key beside it")
def test_a_signature_scheme_asks_for_a_signature(account: Account) -> None:
    paths = {"/a": {"get": operation("signed", "api_key")}}
    method = account.imported(document(account, paths)).methods()["GET /a"]
    assert (method["authorizationType"], method["apiKeyRequired"]) == ("AWS_IAM", True)


@recorded(IMPORT + "global security is applied to all methods, ANY too")
def test_global_security_holds_for_all(account: Account) -> None:
    paths = {"/a": {"get": operation(), ANY: operation()}}
    api = account.imported(document(account, paths, security=[{"token": []}]))
    found = {line: method["authorizationType"] for line, method in api.methods().items()}
    assert found == {"GET /a": "CUSTOM", "ANY /a": "CUSTOM"}


@believed("OpenAPI: an empty security list takes the global one away")
def test_an_empty_security_opens_an_operation(account: Account) -> None:
    paths = {"/a": {"get": operation(), "options": operation(security=[])}}
    api = account.imported(document(account, paths, security=[{"api_key": []}]))
    found = {line: method["apiKeyRequired"] for line, method in api.methods().items()}
    assert found == {"GET /a": True, "OPTIONS /a": False}


@documented(EXTENSIONS + "x-amazon-apigateway-any-method")
def test_any_is_a_method(account: Account) -> None:
    paths = {"/{proxy+}": {ANY: operation("api_key")}}
    methods = account.imported(document(account, paths)).methods()
    assert {line: item["apiKeyRequired"] for line, item in methods.items()} == {
        "ANY /{proxy+}": True
    }


@documented(EXTENSIONS + "x-amazon-apigateway-integration")
def test_an_integration_is_imported_whole(account: Account) -> None:
    api = account.imported(document(account, {"/a": {"get": operation()}}))
    found = api.methods()["GET /a"]["methodIntegration"]
    assert found["type"] == "MOCK"
    assert found["requestTemplates"] == {"application/json": '{"statusCode": 200}'}
    assert found["integrationResponses"]["200"]["responseTemplates"] == {
        "application/json": '{"ok": true}'
    }


@recorded(IMPORT + "x-amazon-apigateway-api-key-source AUTHORIZER")
def test_the_key_source_is_imported(account: Account) -> None:
    made = document(account, {"/a": {"get": operation()}}, **{SOURCE: "AUTHORIZER"})
    api = account.imported(made)
    assert account.gw.get_rest_api(restApiId=api.id)["apiKeySource"] == "AUTHORIZER"


@documented(EXTENSIONS + "x-amazon-apigateway-request-validators, -request-validator")
def test_validators_are_imported(account: Account) -> None:
    more = {
        "x-amazon-apigateway-request-validators": {"all": {"validateRequestParameters": True}},
        "x-amazon-apigateway-request-validator": "all",
    }
    api = account.imported(document(account, {"/a": {"get": operation()}}, **more))
    [validator] = account.gw.get_request_validators(restApiId=api.id)["items"]
    assert (validator["name"], validator["validateRequestParameters"]) == ("all", True)
    assert api.methods()["GET /a"]["requestValidatorId"] == validator["id"]


@documented(EXTENSIONS + "x-amazon-apigateway-gateway-responses")
def test_gateway_responses_are_imported(account: Account) -> None:
    wanted = {"THROTTLED": {"statusCode": "420"}}
    more = {"x-amazon-apigateway-gateway-responses": wanted}
    api = account.imported(document(account, {"/a": {"get": operation()}}, **more))
    found = account.gw.get_gateway_response(restApiId=api.id, responseType="THROTTLED")
    assert (found["statusCode"], found["defaultResponse"]) == ("420", False)


@documented("developer guide, import: parameters become requestParameters")
def test_parameters_are_imported(account: Account) -> None:
    text = {"schema": {"type": "string"}}
    parameters = [
        {"name": "id", "in": "path", "required": True, **text},
        {"name": "q", "in": "query", **text},
        {"name": "h", "in": "header", "required": True, **text},
    ]
    paths = {"/a/{id}": {"get": operation(parameters=parameters)}}
    method = account.imported(document(account, paths)).methods()["GET /a/{id}"]
    assert method["requestParameters"] == {
        "method.request.path.id": True,
        "method.request.querystring.q": False,
        "method.request.header.h": True,
    }


@documented("developer guide, basePath: ignore, prepend, split")
@pytest.mark.parametrize(
    ("mode", "paths"),
    [
        ("ignore", {"/", "/e"}),
        ("prepend", {"/", "/a", "/a/b", "/a/b/e"}),
        ("split", {"/", "/b", "/b/e"}),
    ],
)
def test_a_base_path_is_read_as_asked(account: Account, mode: str, paths: set[str]) -> None:
    made = document(account, {"/e": {"get": operation()}}, version=2, basePath="/a/b")
    assert set(account.imported(made, basepath=mode).ids) == paths


@recorded(IMPORT + "broken body, import and put")
@pytest.mark.parametrize("body", [b"not a definition", b"{", b"[]", b"openapi: ["])
def test_a_broken_document_is_refused(account: Account, body: bytes) -> None:
    api = account.api({"GET /a": KEYED})
    importing = refusal_of(lambda: account.gw.import_rest_api(body=body))
    putting = refusal_of(
        lambda: account.gw.put_rest_api(restApiId=api.id, mode="overwrite", body=body)
    )
    assert importing == putting == BROKEN
    assert set(api.methods()) == {"GET /a"}


@documented("developer guide, import: JSON or YAML")
def test_yaml_is_taken(account: Account) -> None:
    made = document(account, {"/a": {"get": operation("api_key")}})
    lines = [f"{name}: {json.dumps(item)}" for name, item in made.items()]
    answer = account.gw.import_rest_api(body="\n".join(lines).encode())
    account.keep("api", answer["id"])
    assert answer["name"] == made["info"]["title"]


@recorded(IMPORT + "overwrite replaces binaryMediaTypes, merge appends, existing first")
@pytest.mark.parametrize(
    ("mode", "types"), [("overwrite", ["image/gif"]), ("merge", ["image/png", "image/gif"])]
)
def test_media_types_are_replaced_or_appended(
    account: Account, mode: str, types: list[str]
) -> None:
    api = account.api(binaryMediaTypes=["image/png"])
    put(api, document(account, {"/a": {"get": operation()}}, **{BINARY: ["image/gif"]}), mode)
    assert account.gw.get_rest_api(restApiId=api.id)["binaryMediaTypes"] == types


@recorded(IMPORT + "name and version are taken from the file in both modes")
@pytest.mark.parametrize("mode", ["overwrite", "merge"])
def test_a_put_renames_the_api(account: Account, mode: str) -> None:
    api = account.api()
    made = document(account, {"/a": {"get": operation()}})
    made["info"]["version"] = "7"
    put(api, made, mode)
    now = account.gw.get_rest_api(restApiId=api.id)
    assert (now["name"], now["version"]) == (made["info"]["title"], "7")


@documented("PutRestApi: in a merge the document's methods override the API's, the rest stays")
def test_a_merge_replaces_whole_methods(account: Account) -> None:
    api = account.api({"GET /a": KEYED, "POST /a": KEYED, "GET /b": KEYED})
    put(api, document(account, {"/a": {"get": operation()}, "/c": {"get": operation()}}), "merge")
    found = {line: method["apiKeyRequired"] for line, method in api.methods().items()}
    assert found == {"GET /a": False, "POST /a": True, "GET /b": True, "GET /c": False}


@documented("api-gateway.md 4: a merge with only security drops the method's integration")
def test_a_merge_of_security_alone_drops_the_integration(account: Account) -> None:
    api = account.api({"GET /a": OPEN})
    bare = {"responses": {}, "security": [{"api_key": []}]}
    put(api, document(account, {"/a": {"get": bare}}), "merge")
    method = api.methods()["GET /a"]
    assert (method["apiKeyRequired"], "methodIntegration" in method) == (True, False)


@documented("PutRestApi: overwrite deletes what the document does not name")
def test_an_overwrite_drops_the_rest(account: Account) -> None:
    api = account.api({"GET /a": KEYED, "GET /b": KEYED})
    put(api, document(account, {"/b": {"post": operation()}}), "overwrite")
    assert set(api.methods()) == {"POST /b"}


@observed("serverless-apigw-binary#53, #54: a merge resets apiKeySource to HEADER")
def test_a_merge_resets_the_key_source(account: Account) -> None:
    api = account.api(apiKeySource="AUTHORIZER")
    put(api, document(account, {"/b": {"get": operation()}}), "merge")
    assert account.gw.get_rest_api(restApiId=api.id)["apiKeySource"] == "HEADER"


@documented("developer guide: an import changes no stage")
def test_a_put_changes_no_stage(account: Account) -> None:
    api = account.api({"GET /a": KEYED}, stage="prod")
    before = api.stage()
    put(api, document(account, {"/b": {"get": operation()}}), "overwrite")
    assert api.stage() == before
    assert api.summary(before["deploymentId"]).keys() == {"/a"}


@recorded(IMPORT + "contentType application/octet-stream, name of the file")
@pytest.mark.parametrize("kind", ["swagger", "oas30"])
def test_an_export_is_a_file(account: Account, kind: str) -> None:
    api = account.api(stage="prod", version="3")
    found = account.gw.get_export(restApiId=api.id, stageName="prod", exportType=kind)
    assert found["contentType"] == "application/octet-stream"
    assert f'filename="{kind}_3.json"' in found["contentDisposition"]


@recorded(IMPORT + 'versions 2.0 and "3.0.1"; in 3.0 responses have an empty content')
def test_an_export_has_the_version_of_its_kind(account: Account) -> None:
    api = account.api(stage="prod")
    three, two = export(api), export(api, "swagger")
    assert (three["openapi"], two["swagger"]) == ("3.0.1", "2.0")
    assert three["paths"]["/a"]["get"]["responses"]["200"]["content"] == {}


@recorded(IMPORT + "without extensions no x-amazon-*")
@pytest.mark.parametrize("kind", ["swagger", "oas30"])
def test_a_plain_export_has_no_extension(account: Account, kind: str) -> None:
    assert "x-amazon-" not in json.dumps(export(account.api(stage="prod"), kind))


@documented("API reference: GetExport, extensions=apigateway, integrations, authorizers")
@pytest.mark.parametrize("extensions", ["apigateway", "integrations"])
def test_an_export_brings_integrations_when_asked(account: Account, extensions: str) -> None:
    made = export(account.api(stage="prod"), extensions=extensions)
    assert made["paths"]["/a"]["get"]["x-amazon-apigateway-integration"]["type"] == "mock"


@documented("API reference: GetExport exports a deployed version of an API")
def test_an_export_shows_what_is_deployed(account: Account) -> None:
    api = account.api({"GET /a": OPEN}, stage="prod")
    api.method("GET /b")
    assert set(export(api)["paths"]) == {"/a"}


@documented("API reference: GetExport, NotFoundException")
def test_an_unknown_stage_has_no_export(account: Account) -> None:
    api = account.api(stage="prod")
    refusal = refusal_of(lambda: export(api, stage="nosuch"))
    assert refusal == not_found("Invalid stage identifier specified")


@believed("an export with extensions is imported as the same again, keys included")
@pytest.mark.parametrize("kind", ["swagger", "oas30"])
def test_an_export_can_be_imported(account: Account, kind: str) -> None:
    api = account.api({"GET /a": KEYED, "POST /b/{id}": OPEN, "ANY /c": KEYED}, stage="prod")
    copy = account.imported(export(api, kind, extensions="apigateway"))
    found = {line: method["apiKeyRequired"] for line, method in copy.methods().items()}
    assert found == {"GET /a": True, "POST /b/{id}": False, "ANY /c": True}
