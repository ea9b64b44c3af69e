"""SAM templates: the check says what SAM's own transform and an import make of them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.tests.openapi_lab import document
from keyward.lint.model import Findings
from keyward.lint.positions import JsonReader
from keyward.lint.sam import methods as sam_methods
from keyward.lint.source import Source
from keyward.lint.template import Template
from keyward.values import JSON
from tests.lint import sam_lab
from tests.lint.lint_lab import summary
from tests.lint.sam_lab import FUNCTION, MACHINE

POOL = "arn:aws:cognito-idp:us-east-1:123456789012:userpool/example"
AUTHORIZERS = {"Authorizers": {"Pool": {"UserPoolArn": POOL}}}


def event(verb: str = "get", path: str = "/a", auth: JSON | None = None, api: str = "") -> JSON:
    made: JSON = {"Path": path, "Method": verb}
    made |= {"Auth": auth} if auth is not None else {}
    made |= {"RestApiId": {"Ref": api}} if api else {}
    return {"Type": "Api", "Properties": made}


def template(
    *events: JSON, api: JSON | None = None, shared: JSON | None = None, **parts: JSON
) -> JSON:
    """A template with one function, and with an API called Api when `api` has its properties."""
    found = {f"Event{place}": one for place, one in enumerate(events)}
    function = {"Type": "AWS::Serverless::Function", "Properties": FUNCTION | {"Events": found}}
    resources: JSON = {"Function": function}
    if api is not None:
        own = {"StageName": "prod"} | api
        resources["Api"] = {"Type": "AWS::Serverless::Api", "Properties": own}
    made: JSON = {"Transform": "AWS::Serverless-2016-10-31", "Resources": resources}
    return made | ({"Globals": {"Api": shared}} if shared else {}) | parts


def transformed(body: JSON) -> dict[str, tuple[bool, bool]]:
    """What SAM and an import make of a template's only API, in the words of `summary`."""
    return {line: (key, authorized) for line, key, authorized in sam_lab.transformed(body)}


def found(body: JSON) -> dict[str, tuple[bool, bool]]:
    text = json.dumps(body, indent=1)
    findings = Findings()
    source = Source("t.json", JsonReader(text).read(), True)
    findings.methods = list(sam_methods(Template(source, findings)))
    assert findings.notes == []
    return summary(findings)


CASES: dict[str, JSON] = {
    "an event alone": template(event()),
    "an event that asks": template(event(auth={"ApiKeyRequired": True})),
    "the implicit API asks for all": template(event(), shared={"Auth": {"ApiKeyRequired": True}}),
    "an event that will not": template(
        event(auth={"ApiKeyRequired": False}),
        event("post"),
        shared={"Auth": {"ApiKeyRequired": True}},
    ),
    "an API of its own": template(
        event(api="Api"), event("any", "/b", api="Api"), api={"Auth": {"ApiKeyRequired": True}}
    ),
    "Globals below an API's own Auth": template(
        event(api="Api"),
        api={"Auth": {"ApiKeyRequired": True}},
        shared={"Auth": {"ApiKeyRequired": False, "DefaultAuthorizer": "Pool"} | AUTHORIZERS},
    ),
    "Cors": template(event(), event("post", "/b/"), shared={"Cors": "'*'"}),
    "Cors with a key": template(event(), shared={"Cors": "'*'", "Auth": {"ApiKeyRequired": True}}),
    "Cors with a key, but not on OPTIONS": template(
        event(),
        event("options", "/b"),
        shared={
            "Cors": "'*'",
            "Auth": {"ApiKeyRequired": True, "AddApiKeyRequiredToCorsPreflight": False},
        },
    ),
    "OPTIONS that asks where the API takes it away": template(
        event("options", auth={"ApiKeyRequired": True}),
        shared={"Auth": {"ApiKeyRequired": True, "AddApiKeyRequiredToCorsPreflight": False}},
    ),
    "an authorizer for all": template(
        event(),
        event("post", auth={"Authorizer": "NONE"}),
        event("put", auth={"Authorizer": "NONE", "ApiKeyRequired": True}),
        event("options", "/b"),
        shared={
            "Cors": "'*'",
            "Auth": AUTHORIZERS
            | {"DefaultAuthorizer": "Pool", "AddDefaultAuthorizerToCorsPreflight": False},
        },
    ),
    "an authorizer for one": template(
        event(auth={"Authorizer": "Pool"}), event("post"), shared={"Auth": AUTHORIZERS}
    ),
    "IAM for all": template(
        event(), event("post"), shared={"Auth": {"DefaultAuthorizer": "AWS_IAM"}}
    ),
    "IAM for one": template(
        event(auth={"Authorizer": "AWS_IAM", "ApiKeyRequired": True}), event("post")
    ),
    "a document": template(
        api={"DefinitionBody": document({"/a": {"get": ["api_key"], "post": None}}, 2)}
    ),
    "a document under the API's Auth": template(
        api={
            "DefinitionBody": document({"/a": {"get": None, "post": ["signed"]}}, 2),
            "Auth": {"ApiKeyRequired": True},
            "Cors": "'*'",
        }
    ),
    "a document with its own word for all": template(
        api={
            "DefinitionBody": document(
                {"/a": {"get": None, "post": []}}, 2, security=[{"token": []}]
            ),
            "Auth": {"ApiKeyRequired": True},
        }
    ),
    "a document beside which events count for nothing": template(
        event(api="Api", auth={"ApiKeyRequired": True}),
        api={"DefinitionBody": document({"/a": {"get": None}}, 2)},
    ),
    "a document that an event overrides": template(
        event(api="Api", auth={"ApiKeyRequired": True, "OverrideApiAuth": True}),
        api={"DefinitionBody": document({"/a": {"get": None, "post": None}}, 2)},
    ),
    "a document that an event opens": template(
        event(
            api="Api",
            auth={"ApiKeyRequired": False, "Authorizer": "AWS_IAM", "OverrideApiAuth": True},
        ),
        api={
            "DefinitionBody": document({"/a": {"get": None, "post": None}}, 2),
            "Auth": {"ApiKeyRequired": True},
        },
    ),
    "a document and events merged": template(
        event(api="Api", auth={"ApiKeyRequired": True}),
        event("post", api="Api"),
        event("put", "/new", api="Api"),
        api={
            "DefinitionBody": document({"/a": {"get": ["signed"], "post": ["signed"]}}, 2),
            "MergeDefinitions": True,
            "Cors": "'*'",
        },
    ),
    "an OpenAPI 3 document whose own schemes SAM's stand in for": template(
        api={
            "DefinitionBody": document({"/a": {"get": ["api_key"], "post": None}}, 3),
            "Auth": {"DefaultAuthorizer": "AWS_IAM"},
        }
    ),
    "a preflight under a document's own word for all": template(
        api={
            "DefinitionBody": document({"/a": {"get": None}}, 2, security=[{"api_key": []}]),
            "Cors": "'*'",
        }
    ),
    "an operation without an integration": template(
        api={
            "DefinitionBody": {
                "swagger": "2.0",
                "info": {"title": "t", "version": "1"},
                "paths": {"/a": {"get": {"responses": {}}}},
            },
            "Auth": {"ApiKeyRequired": True},
        }
    ),
    "parameters": template(
        event("Get", auth={"ApiKeyRequired": True}) | {},
        shared={"Auth": {"ApiKeyRequired": {"Ref": "Asks"}}},
        Parameters={"Asks": {"Type": "String", "Default": "true"}},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_template_asks_for_what_sam_makes_of_it(name: str) -> None:
    assert found(CASES[name]) == transformed(CASES[name])


switches = st.sampled_from([None, True, False])
auths = st.fixed_dictionaries(
    {},
    optional={
        "ApiKeyRequired": st.booleans(),
        "AddApiKeyRequiredToCorsPreflight": st.booleans(),
        "AddDefaultAuthorizerToCorsPreflight": st.booleans(),
        "DefaultAuthorizer": st.sampled_from(["Pool", "AWS_IAM"]),
    },
)
places = st.lists(
    st.tuples(st.sampled_from(["get", "ANY", "options"]), st.sampled_from(["/", "/a", "/b/{c}"])),
    unique_by=lambda place: (place[0].lower(), place[1]),
    min_size=1,
    max_size=4,
)


@given(places, st.lists(switches, min_size=4, max_size=4), auths, auths, st.booleans(), st.data())
def test_any_template_asks_for_what_sam_makes_of_it(
    wanted: list[tuple[str, str]],
    keys: list[bool | None],
    own: JSON,
    shared: JSON,
    cors: bool,
    data: st.DataObject,
) -> None:
    explicit = data.draw(st.booleans())
    asks = (shared | (own if explicit else {})).get("ApiKeyRequired")
    # SAM refuses an event's "no" where the API does not ask
    events = [
        event(verb, path, None if key is None or not (key or asks) else {"ApiKeyRequired": key})
        for (verb, path), key in zip(wanted, keys, strict=False)
    ]
    for one in events if explicit else []:
        one["Properties"]["RestApiId"] = {"Ref": "Api"}
    settings: JSON = {"Auth": shared | AUTHORIZERS} | ({"Cors": "'*'"} if cors else {})
    body = template(*events, api={"Auth": own} if explicit else None, shared=settings)
    assert found(body) == transformed(body)


verbs = st.sampled_from(["get", "post", "options", "x-amazon-apigateway-any-method"])
securities = st.none() | st.lists(
    st.sampled_from(["api_key", "signed", "token", "nobody"]), max_size=3, unique=True
)
items = st.dictionaries(verbs, securities, min_size=1)


@given(
    st.dictionaries(st.sampled_from(["/", "/a", "/a/{b}"]), items, min_size=1),
    st.sampled_from([None, "api_key", "token"]),
    st.sampled_from([2, 3]),
    auths,
    st.booleans(),
)
def test_any_document_in_a_template_asks_for_what_sam_makes_of_it(
    paths: JSON,
    top: str | None,
    version: int,
    auth: JSON,
    cors: bool,
) -> None:
    body = document(paths, version, **({"security": [{top: []}]} if top else {}))
    api: JSON = {"DefinitionBody": body, "Auth": auth | AUTHORIZERS}
    made = template(api=api | ({"Cors": "'*'"} if cors else {}))
    assert found(made) == transformed(made)


def test_a_state_machine_has_events_too() -> None:
    body = template(shared={"Auth": {"ApiKeyRequired": True}})
    events = {"One": event(), "Two": event("post", auth={"ApiKeyRequired": False})}
    body["Resources"]["Machine"] = {
        "Type": "AWS::Serverless::StateMachine",
        "Properties": MACHINE | {"Events": events},
    }
    assert found(body) == transformed(body)
    assert found(body) == {"GET /a": (True, False), "POST /a": (False, False)}


@pytest.mark.parametrize("merges", [True, False])
def test_a_state_machines_event_does_not_change_a_document(merges: bool) -> None:
    document_of_api = document({"/a": {"get": None}}, 2)
    body = template(api={"DefinitionBody": document_of_api, "MergeDefinitions": merges})
    auth = {"ApiKeyRequired": True, "OverrideApiAuth": True}
    body["Resources"]["Machine"] = {
        "Type": "AWS::Serverless::StateMachine",
        "Properties": MACHINE | {"Events": {"One": event(auth=auth, api="Api")}},
    }
    assert found(body) == transformed(body) == {"GET /a": (False, False)}
