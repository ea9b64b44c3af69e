"""The commands that ask Keyward for something: what they check, send and answer, on a bench."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from keyward.cli import app
from keyward.values import JSON
from tests.cli.desk import Desk, desk_of, parsed
from tests.support import ROOT


@pytest.fixture
def desk(capsys: pytest.CaptureFixture[str]) -> Iterator[Desk]:
    with desk_of(capsys) as made:
        yield made


def held(desk: Desk) -> JSON:
    """A held stage: somebody edits the API after its deployment."""
    bench = desk.bench
    api = bench.api({"/pets": {"get": None}})
    root = next(one["id"] for one in bench.gateway.get_resources(restApiId=api)["items"])
    place = {"restApiId": api, "resourceId": root, "httpMethod": "POST"}
    bench.gateway.put_method(**place, authorizationType="NONE")
    bench.gateway.put_integration(**place, type="MOCK")
    bench.run()
    (event,) = [one for one in bench.announced if one["detail-type"] == "ApiHeld"]
    return dict(event["detail"])


def test_a_held_stage_is_listed_and_approved_by_its_remedy(desk: Desk) -> None:
    assert desk.run("holds") == (0, "Nothing is held\n", "")
    told = held(desk)
    code, out, _ = desk.run("holds")
    assert (code, told["fingerprint"] in out, told["remedy"] in out) == (1, True, True)
    code, out, _ = desk.run(*shlex.split(told["remedy"])[1:])
    assert (code, out) == (0, "sent DeploymentApproved\n")
    assert desk.bench.announced[-1]["detail-type"] == "ApiProtected"
    assert desk.run("holds")[0] == 0


def test_an_answer_to_what_is_not_held_ends_with_1(desk: Desk) -> None:
    told = held(desk)
    code, out, _ = desk.run("approve", told["rest_api_id"], told["stage"], "0" * 16)
    assert (code, out.startswith("nothing is held so")) == (1, True)
    assert desk.run("approve", "one", "two")[0] == 2
    assert desk.run("reject", "no/api", "prod", "0" * 16)[0] == 2


def test_an_event_is_checked_before_it_is_sent(desk: Desk) -> None:
    code, out, _ = desk.run("send", "CustomerSignedUp", "--customer", "acme", "--set", "plan=free")
    assert (code, out) == (0, "sent CustomerSignedUp\n")
    (event,) = desk.bench.announced
    assert event["detail-type"] == "KeyIssued"
    assert event["detail"]["caused_by"]["source"] == "keyward-command"
    for wrong in (
        ("CustomerSignedup", "--customer", "acme"),
        ("CustomerSignedUp", "--customer", "acme"),
        ("CustomerSignedUp", "--customer", "a b", "--set", "plan=free"),
        ("QuotaExtensionRequested", "--customer", "acme", "--set", "by=many"),
        ("DeploymentApproved", "--set", "stage=prod"),
        ("CustomerClosed", "--set", "customer_id"),
    ):
        code, out, err = desk.run("send", *wrong)
        assert (code, out, bool(err)) == (2, "", True)
    assert len(desk.bench.announced) == 1


def test_the_detail_may_come_from_a_file(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "detail.json"
    file.write_text('{"customer_id": "acme", "plan": "pro"}')
    assert desk.run("send", "CustomerSignedUp", "--file", str(file))[0] == 0
    assert desk.bench.announced[-1]["detail"]["plan"] == "pro"
    file.write_bytes(b"\xff")
    assert desk.run("send", "CustomerSignedUp", "--file", str(file))[0] == 2


def test_a_file_may_hold_a_whole_event_of_the_type_that_is_asked_for(
    desk: Desk, tmp_path: Path
) -> None:
    sample = str(ROOT / "events/in/customer-signed-up.json")
    # The bench's clock is before the sample's time.
    call = ("send", "CustomerSignedUp", "--file", sample, "--set", "occurred_at=2026-01-01")
    assert desk.run(*call)[:2] == (0, "sent CustomerSignedUp\n")
    assert desk.bench.announced[-1]["detail"]["plan"] == "free"
    before = len(desk.bench.announced)
    code, out, err = desk.run("send", "CustomerClosed", "--file", sample)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "must be an event of type CustomerClosed, got CustomerSignedUp" in err
    file = tmp_path / "event.json"
    file.write_text('{"detail-type": "CustomerSignedUp", "detail": "acme"}')
    assert desk.run("send", "CustomerSignedUp", "--file", str(file))[0] == 2
    assert len(desk.bench.announced) == before


def test_a_suspension_is_undone(desk: Desk) -> None:
    desk.run("send", "CustomerSignedUp", "--customer", "acme", "--set", "plan=free")
    desk.bench.advance(60)
    desk.run("send", "CustomerSuspended", "--customer", "acme")
    desk.bench.advance(60)
    for options in ((), ("--dry-run",)):
        code, out, err = desk.run("undo", "--customer", "acmee", *options)
        assert (code, out, "no customer acmee is known" in err) == (2, "", True)
    assert desk.run("undo", "--customer", "acme", "--what", "suspension")[0] == 0
    kinds = [event["detail-type"] for event in desk.bench.announced]
    assert kinds == ["KeyIssued", "KeySuspended", "KeyResumed"]


def test_a_customer_and_an_api_are_started(desk: Desk) -> None:
    desk.run("send", "CustomerSignedUp", "--customer", "acme", "--set", "plan=free")
    api = desk.bench.api({"/pets": {"get": None}})
    desk.bench.run()
    for words in (("--customer", "acme"), ("--api", api)):
        code, out, _ = desk.run("start", *words)
        assert (code, out.startswith("started arn:aws:states:")) == (0, True)
        assert desk.bench.runs[-1].arn == out.split()[1]
    assert desk.run("start", "--customer", "acme", "--api", api)[0] == 2


@pytest.mark.parametrize("about", [("--customer", "acmee"), ("--api", "a1b2c3d4e5")])
def test_nobody_is_not_started(desk: Desk, about: tuple[str, str]) -> None:
    code, out, err = desk.run("start", *about)
    assert (code, out, about[1] in err, err.count("\n")) == (2, "", True, 1)
    assert not desk.bench.runs


def test_a_policy_is_checked_before_it_is_put(desk: Desk, tmp_path: Path) -> None:
    bad, good = tmp_path / "bad.json", tmp_path / "good.json"
    bad.write_text('{"usage_plans": {"free": {"throttle": {"rate": 5}}}}')
    good.write_text('{"usage_plans": {"gold": {"throttle": {"rateLimit": 5, "burstLimit": 5}}}}')
    for command in ("check", "put"):
        code, out, _ = desk.run("policy", command, str(bad))
        assert (code, "usage_plans.free.throttle" in out) == (1, True)
    assert desk.run("policy", "check", str(good)) == (0, "this policy is usable\n", "")
    assert desk.run("policy", "put", str(good))[0] == 0
    code, out, _ = desk.run("policy", "show", "--wanted", "--json")
    assert (code, json.loads(out)) == (
        0,
        {"usage_plans": {"gold": {"throttle": {"rateLimit": 5, "burstLimit": 5}}}},
    )
    desk.run("send", "CustomerSignedUp", "--customer", "acme", "--set", "plan=gold")
    assert desk.bench.announced[-1]["detail"]["plan"] == "gold"


def test_a_large_policy_goes_into_the_bucket(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "large policy.json"
    plans = {
        f"plan-{number}": {"throttle": {"rateLimit": number + 1, "burstLimit": 5}}
        for number in range(300)
    }
    file.write_text(json.dumps({"usage_plans": plans}))
    assert desk.run("policy", "put", str(file))[0] == 0
    code, out, _ = desk.run("policy", "show", "--wanted", "--json")
    assert (code, json.loads(out)) == (0, {"usage_plans": plans})


@pytest.mark.parametrize("endpoint", ["nonsense", "http://", "ftp//x"])
def test_an_endpoint_that_is_no_url_is_one_sentence(
    endpoint: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    for call in (
        ("holds",),
        ("history", "acme"),
        ("policy", "show"),
        ("start", "--api", "a1b2c3d4e5"),
    ):
        assert app.main([*call, "--region", "us-east-1"]) == 2
        out, err = capsys.readouterr()
        assert (out, err.count("\n")) == ("", 1)
        assert err.startswith("error: ")


def test_what_was_announced_is_printed_newest_first(desk: Desk) -> None:
    assert desk.run("outcomes") == (0, "nothing was announced since 2025-12-31T00:00:00Z\n", "")
    desk.run("send", "CustomerSignedUp", "--customer", "acme", "--set", "plan=free")
    desk.bench.advance(3 * 86_400)
    desk.run("send", "CustomerPlanChanged", "--customer", "acme", "--set", "plan=gold")
    code, out, _ = desk.run("outcomes", "--since", "7d")
    first, helps, *_, issued, _ = out.splitlines()
    assert code == 1
    assert (
        "CustomerFailed acme: UnknownPlanError: plan: the policy names no usage plan 'gold'"
        in first
    )
    assert "KeyIssued acme" in issued
    code, out, _ = desk.run("outcomes", "--since", "2h", "--json")
    (event,) = json.loads(out)
    assert (event["event"], event["error"]) == ("CustomerFailed", "UnknownPlanError")
    assert helps == f"      {event['remedy']}"
    parsed(event["remedy"])
    assert desk.run("outcomes", "--since", "yesterday")[0] == 2


def test_the_remedy_of_an_unknown_plan_gives_the_customer_a_plan(desk: Desk) -> None:
    desk.run("send", "CustomerSignedUp", "--customer", "acme", "--set", "plan=gold")
    (failed,) = [one["detail"] for one in desk.bench.announced]
    words = shlex.split(failed["remedy"])[1:]
    code, _, err = desk.run(*words)
    assert (code, "put the right plan in the place of VALUE" in err) == (2, True)
    code, _, _ = desk.run(*(word.replace("VALUE", "free") for word in words))
    assert (code, desk.bench.announced[-1]["detail"]["plan"]) == (0, "free")


def test_what_waits_is_counted(desk: Desk) -> None:
    assert desk.run("status")[0] == 0
    held(desk)
    code, out, _ = desk.run("status", "--json")
    assert (code, json.loads(out)["stages_held"]) == (1, 1)


def test_each_finding_of_an_audit_has_a_remedy(desk: Desk) -> None:
    held(desk)
    desk.run("send", "CustomerSignedUp", "--customer", "acme", "--set", "plan=gold")
    desk.bench.gateway.create_api_key(name="stray", enabled=True)
    desk.bench.gateway.create_usage_plan(name="free")
    desk.bench.gateway.create_usage_plan(name="free")
    found = desk.bench.audit()["findings"]
    assert len({one["kind"] for one in found}) >= 4
    for one in found:
        parsed(one["remedy"])


def narrower(desk: Desk, tmp_path: Path) -> Path:
    """A customer with a key in plan free, and a policy that gives the plan less."""
    desk.run("send", "CustomerSignedUp", "--customer", "acme", "--set", "plan=free")
    desk.bench.advance(60)
    policy = json.loads(desk.run("policy", "show")[1])
    policy["usage_plans"]["free"]["throttle"]["rateLimit"] = 1
    policy["usage_plans"]["gold"] = {"throttle": {"rateLimit": 9, "burstLimit": 9}}
    file = tmp_path / "policy.json"
    file.write_text(json.dumps(policy))
    return file


def test_a_diff_tells_what_an_edit_changes_and_what_waits(desk: Desk, tmp_path: Path) -> None:
    file = narrower(desk, tmp_path)
    before = len(desk.bench.announced)
    code, out, _ = desk.run("policy", "diff", str(file))
    assert code == 1
    assert "widening usage_plans.gold: null -> " in out
    assert "waits for a person: narrowing usage_plans.free.throttle" in out
    assert "touches 1 customer\n" in out
    assert len(desk.bench.announced) == before


def test_a_diff_tells_that_a_plan_which_people_made_stays(desk: Desk, tmp_path: Path) -> None:
    desk.bench.gateway.create_usage_plan(name="gold")
    out = desk.run("policy", "diff", str(narrower(desk, tmp_path)))[1]
    [line] = [line for line in out.splitlines() if line.startswith("neutral usage_plans.gold")]
    assert line.endswith("; not Keyward's: the usage plan keeps its limits and stages")


def test_a_held_edit_is_shown_and_approved_by_its_remedy(desk: Desk, tmp_path: Path) -> None:
    file = narrower(desk, tmp_path)
    code, out, _ = desk.run("policy", "put", str(file), "--json")
    told = json.loads(out)
    assert (code, len(told["applied"]), len(told["held"])) == (0, 1, 1)
    desk.bench.advance(60)
    (event,) = [one for one in desk.bench.announced if one["detail-type"] == "PolicyHeld"]
    remedy_of_hold = event["detail"]["remedy"]
    assert desk.run("holds")[0] == 1
    code, out, err = desk.run("policy", "show")
    assert (code, remedy_of_hold in err) == (1, True)
    assert json.loads(out)["usage_plans"]["free"]["throttle"]["rateLimit"] != 1
    assert desk.run("approve", "0" * 16)[0] == 1
    assert desk.run(*shlex.split(remedy_of_hold)[1:])[0] == 0
    desk.bench.advance(60)
    code, out, err = desk.run("policy", "show")
    assert (code, err) == (0, "")
    assert json.loads(out)["usage_plans"]["free"]["throttle"]["rateLimit"] == 1
    assert desk.run("policy", "diff", str(file)) == (0, "nothing changes\n", "")
