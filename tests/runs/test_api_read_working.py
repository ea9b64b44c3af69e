"""What the working copy of an API adds to what its stages serve, and what is left unproven."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from keyward.apis.model import ApiSnapshot, Deployment, Difference, StageSnapshot
from keyward.apis.progress import stage_to_verify
from keyward.errors import GatewayRefusedError, NotFoundError
from keyward.policy.model import Policy
from keyward.runs.apis.read import (
    AUTHORIZER_SOURCE,
    read_stages,
    read_working_copy,
    unproven_stages,
)
from keyward.values import JSON
from tests.runs.read_lab import GET, KEYED, PETS, ReadLab, exempt, policy
from tests.support import STACK, Bench


@pytest.fixture
def lab(bench: Bench) -> ReadLab:
    return ReadLab(bench)


def working(
    lab: ReadLab, api: str, wanted: Policy | None = None, **more: Any
) -> tuple[ApiSnapshot, list[str]]:
    head = lab.head(api)
    snapshot = read_stages(lab.bench.gateway, head, policy(), None, list, STACK)
    rule, before = lab.rule(api, wanted), len(lab.bench.operations())
    return read_working_copy(lab.bench.gateway, head, snapshot, rule, **more), lab.calls(before)


def test_a_working_copy_that_is_what_the_stage_serves_differs_in_nothing(lab: ReadLab) -> None:
    api = lab.api(PETS, "prod", "test")
    snapshot, calls = working(lab, api)
    assert [(m.verb, m.path) for m in snapshot.working or ()] == [
        ("GET", "/pets"),
        ("OPTIONS", "/pets"),
    ]
    assert (snapshot.differences, snapshot.waived) == ({"prod": (), "test": ()}, ())
    assert calls == ["GetResources", "GetExport", "GetExport"]


def test_what_a_deployment_would_add_is_a_difference_of_exposed_stages(lab: ReadLab) -> None:
    api = lab.api(PETS, "prod")
    lab.edit(api, KEYED)
    lab.deploy(api, "shut")
    lab.edit(api, PETS | {"/new": {"get": None}})
    snapshot, calls = working(lab, api)
    assert [*snapshot.differences] == ["prod"]
    [found] = snapshot.differences["prod"]
    assert (found.method, found.path) == ("GET", "/new")
    assert calls.count("GetExport") == 1
    ignored, calls = working(lab, api, policy(hold="never"))
    assert (ignored.differences, calls) == ({"prod": ()}, ["GetResources"])


def test_authorizers_are_read_where_methods_use_them(lab: ReadLab) -> None:
    paths: JSON = {"/pets": {"get": None, "post": ["token"]}}
    api = lab.api(paths)
    snapshot, calls = working(lab, api)
    assert snapshot.differences == {"prod": ()}
    assert calls == ["GetResources", "GetAuthorizers", "GetExport"]
    ignored, calls = working(lab, api, policy(hold="never"))
    assert (ignored.differences, calls) == ({"prod": ()}, ["GetResources"])


@pytest.mark.parametrize("hold", [None, "never"])
def test_methods_that_a_key_would_shut_are_told_first(lab: ReadLab, hold: str | None) -> None:
    api = lab.api({"/pets": {"get": None, "put": ["token"], "post": ["api_key"]}})
    operations = [{"op": "replace", "path": "/apiKeySource", "value": "AUTHORIZER"}]
    lab.bench.client.update_rest_api(restApiId=api, patchOperations=operations)
    snapshot, _ = working(lab, api, policy(hold=hold) if hold else None)
    assert snapshot.differences == {
        "prod": (replace(AUTHORIZER_SOURCE, method="GET", path="/pets"),)
    }


def test_a_stage_whose_export_is_refused_is_a_difference(
    lab: ReadLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = lab.api()

    def refuse(rest_api_id: str, stage: str) -> JSON:
        raise GatewayRefusedError(f"JSON body models of {rest_api_id} {stage} are not found")

    monkeypatch.setattr(lab.bench.gateway, "export", refuse)
    snapshot, _ = working(lab, api)
    reason = f"JSON body models of {api} prod are not found"
    told = Difference(f"what the stage integrates could not be read: {reason}")
    assert snapshot.differences == {"prod": (told,)}


def test_a_stage_that_is_gone_meanwhile_ends_the_reading(lab: ReadLab) -> None:
    api = lab.api()
    stages = (StageSnapshot("gone", "d1", methods=(GET,)),)
    with pytest.raises(NotFoundError):
        read_working_copy(
            lab.bench.gateway, lab.head(api), ApiSnapshot(api, "shop", stages), lab.rule(api)
        )


def test_what_we_required_and_an_exemption_made_needless_is_waived(lab: ReadLab) -> None:
    paths: JSON = {"/pets": {"get": None, "post": None}, "/cats": {"get": None}}
    api = lab.api(paths)
    for path, verb in (("/pets", "GET"), ("/cats", "GET")):
        lab.require(api, path, verb)
    places = {("/pets", "GET"), ("/pets", "POST"), ("/cats", "GET")}
    snapshot, _ = working(lab, api, exempt(), required=places)
    assert [method.place for method in snapshot.waived] == [("/pets", "GET")]
    asks = {method.place: method.key_required for method in snapshot.working or ()}
    assert asks == {("/pets", "GET"): False, ("/pets", "POST"): False, ("/cats", "GET"): True}
    assert snapshot.differences == {"prod": ()}
    theirs, _ = working(lab, api, exempt())
    assert theirs.waived == ()
    assert {m.place for m in theirs.working or () if m.key_required} == {
        ("/pets", "GET"),
        ("/cats", "GET"),
    }


def unproven(lab: ReadLab, *stages: StageSnapshot, wanted: Policy | None = None) -> list[JSON]:
    records = lab.bench.registry.apis.load_records("api")
    snapshot = ApiSnapshot("api", "shop", stages or (StageSnapshot("prod", "ours"),))
    return unproven_stages(lab.bench.registry, snapshot, records, lab.rule("api", wanted))


def ours(lab: ReadLab, stage: str = "prod", mark: str = "mark", name: str = "ours") -> None:
    made = Deployment(name, stage, "before", (), mark)
    lab.bench.registry.apis.save_deployment("api", made, 1_795_000_000)


def planned(lab: ReadLab, *marks: str, stage: str = "prod") -> None:
    actions: list[JSON] = [{"action": "attach_stage", "plan": "free"}]
    actions += [{"action": "deploy_api", "fingerprint": mark} for mark in marks]
    lab.bench.registry.apis.plan_actions("api", stage, actions)


def test_a_deployment_of_ours_that_no_run_verified_is_verified(lab: ReadLab) -> None:
    ours(lab)
    planned(lab, "other", "mark")
    ours(lab, "test", "mark-2", "ours-2")
    planned(lab, "mark-2", stage="test")
    stages = [StageSnapshot(n, d) for n, d in (("x", "y"), ("prod", "ours"), ("test", "ours-2"))]
    assert unproven(lab, *stages) == [
        stage_to_verify("prod", "ours", {}),
        stage_to_verify("test", "ours-2", {}),
    ]
    probes = policy(probes=[{"api": "shop", "stage": "prod", "path": "/pets", "customer": "acme"}])
    [first, _] = unproven(lab, *stages, wanted=probes)
    at = 1_795_000_000 + probes.propagation_seconds
    probe = {"path": "/pets", "customer": "acme", "url": "", "at": at}
    assert first == stage_to_verify("prod", "ours", probe)


def test_no_other_deployment_is_verified(lab: ReadLab) -> None:
    ours(lab)
    assert unproven(lab) == []
    planned(lab, "other")
    assert unproven(lab) == []
    planned(lab)
    assert unproven(lab) == []
    planned(lab, "mark")
    assert unproven(lab, StageSnapshot("prod", "theirs")) == []
    ours(lab, "test")
    assert unproven(lab) == []
