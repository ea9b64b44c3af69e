"""protect-api never publishes an authorizer that a team has swapped in its working copy only."""

from __future__ import annotations

import pytest

from emulator.tests.openapi_lab import FUNCTION
from keyward.values import JSON
from tests.machines.api_lab import Lab

PROD, DRAFT = "prod-auth", "allow-all-draft"
# What asks the authorizer; /open is what protect-api is to close.
ONE = ("/secret",)
ALL = ("/secret", "/secret2", "/secret3")


def guarded(lab: Lab, paths: tuple[str, ...], kind: str = "CUSTOM") -> tuple[str, str, str]:
    """An API with an exposed method, whose `paths` are deployed with the authorizer prod-auth: its
    id, and the ids of prod-auth and of allow-all-draft."""
    operations: JSON = {path: {"get": ["api_key"]} for path in paths}
    api_id = lab.attached(operations | {"/open": {"get": None}})
    prod, draft = (authorizer(lab, api_id, name, kind) for name in (PROD, DRAFT))
    for path in paths:
        ask(lab, api_id, path, prod, kind)
    lab.deploy(api_id)
    lab.forget()
    return api_id, prod, draft


def authorizer(lab: Lab, api_id: str, name: str, kind: str) -> str:
    settings: JSON = {"type": "TOKEN", "authorizerUri": FUNCTION}
    if kind == "COGNITO_USER_POOLS":
        pool = f"arn:aws:cognito-idp:us-east-1:123456789012:userpool/{name}"
        settings = {"type": kind, "providerARNs": [pool]}
    settings["identitySource"] = "method.request.header.Authorization"
    return str(lab.client.create_authorizer(restApiId=api_id, name=name, **settings)["id"])


def ask(lab: Lab, api_id: str, path: str, authorizer_id: str, kind: str = "CUSTOM") -> None:
    """The team edits its working copy: GET of a path asks this authorizer."""
    resources = lab.client.get_resources(restApiId=api_id)["items"]
    (resource,) = (item["id"] for item in resources if item["path"] == path)
    change = {"/authorizationType": kind, "/authorizerId": authorizer_id}
    patch = [{"op": "replace", "path": name, "value": value} for name, value in change.items()]
    lab.client.update_method(
        restApiId=api_id, resourceId=resource, httpMethod="GET", patchOperations=patch
    )


@pytest.mark.parametrize("kind", ["CUSTOM", "COGNITO_USER_POOLS"])
@pytest.mark.parametrize(
    ("paths", "swapped"),
    [(ONE, ONE), (ALL, ALL), (ALL, ("/secret2",)), (ALL, ("/secret", "/secret2"))],
    ids=["only method", "all methods", "one of three", "two of three"],
)
def test_an_authorizer_that_was_swapped_holds_the_stage(
    lab: Lab, paths: tuple[str, ...], swapped: tuple[str, ...], kind: str
) -> None:
    api_id, _, draft = guarded(lab, paths, kind)
    for path in swapped:
        ask(lab, api_id, path, draft, kind)
    before = lab.live(api_id)
    lab.forget()
    assert lab.run(api_id).status == "SUCCEEDED"
    assert lab.calls()[1] == []
    assert lab.live(api_id) == before
    (event,) = lab.events("ApiHeld")
    words = f"uses another authorizer in the working copy ({DRAFT}, deployed: {PROD})"
    assert event["differences"] == [
        {"method": "GET", "path": path, "difference": words} for path in swapped
    ]


def test_two_methods_that_swap_their_authorizers_hold_the_stage(lab: Lab) -> None:
    api_id, prod, draft = guarded(lab, ("/secret", "/secret2"))
    ask(lab, api_id, "/secret2", draft)
    lab.deploy(api_id)
    ask(lab, api_id, "/secret", draft)
    ask(lab, api_id, "/secret2", prod)
    lab.forget()
    lab.run(api_id)
    assert lab.calls()[1] == []
    (event,) = lab.events("ApiHeld")
    assert {item["path"] for item in event["differences"]} == {"/secret", "/secret2"}


def test_an_authorizer_swapped_just_before_the_deployment_is_held(lab: Lab) -> None:
    api_id, _, draft = guarded(lab, ONE)
    lab.before("UpdateMethod", lambda: ask(lab, api_id, "/secret", draft))
    lab.run(api_id)
    assert "CreateDeployment" not in lab.calls()[1]
    assert lab.event_types() == ["ApiHeld"]


def test_a_swapped_authorizer_is_published_once_it_is_approved(lab: Lab) -> None:
    api_id, _, draft = guarded(lab, ONE)
    ask(lab, api_id, "/secret", draft)
    lab.run(api_id)
    (event,) = lab.events("ApiHeld")
    lab.forget()
    lab.run(api_id, approve=event["fingerprint"])
    assert lab.event_types() == ["ApiProtected"]
    assert lab.live(api_id)["GET /open"]


def test_the_names_of_authorizers_cost_one_read_and_only_where_there_are_any(lab: Lab) -> None:
    api_id, _, _ = guarded(lab, ALL)
    assert lab.run(api_id).status == "SUCCEEDED"
    reads, _ = lab.calls()
    assert lab.event_types() == ["ApiProtected"]
    assert lab.live(api_id) == dict.fromkeys([*(f"GET {path}" for path in ALL), "GET /open"], True)
    assert reads.count("GetAuthorizers") == 1
    assert len(reads) <= 11, reads


def test_an_api_without_authorizers_is_not_asked_for_them(lab: Lab) -> None:
    lab.run(lab.attached())
    assert lab.event_types() == ["ApiProtected"]
    assert "GetAuthorizers" not in lab.calls()[0]
