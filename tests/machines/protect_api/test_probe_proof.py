"""What a probe must know before it asks: else it proves nothing, and the stage stays closed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest

from keyward.aws.probe import StageClient
from keyward.customers.key import End
from tests.machines.api_lab import Lab
from tests.machines.probe_lab import answered, answering, canary, probed


def rotated(lab: Lab) -> None:
    """The key's successor took over, the key is in its grace; the successor is too new."""
    change(lab, enabled=False, end=End(replaced_by=2, retire_at=1))


def suspended(lab: Lab) -> None:
    change(lab, enabled=False)


def disabled_by_hand(lab: Lab) -> None:
    (key,) = lab.client.get_api_keys()["items"]
    patch = {"op": "replace", "path": "/enabled", "value": "false"}
    lab.client.update_api_key(apiKey=key["id"], patchOperations=[patch])


def detached_by_hand(lab: Lab) -> None:
    (key,) = lab.client.get_api_keys()["items"]
    (plan,) = lab.client.get_usage_plans(keyId=key["id"])["items"]
    lab.client.delete_usage_plan_key(usagePlanId=plan["id"], keyId=key["id"])


def attached_just_now(lab: Lab) -> None:
    change(lab, attached_at=int(lab.bench.clock.now()) + 60)


def path_not_deployed(lab: Lab) -> None:
    lab.policy(probes=[{"api": "*", "path": "/nowhere", "customer": "canary"}])


def path_exempt(lab: Lab) -> None:
    exempt = {"api": "*", "method": "GET", "path": "/free", "reason": "public", "owner": "web"}
    probe = {"api": "*", "path": "/free", "customer": "canary"}
    lab.policy(probes=[probe], exemptions=[exempt])


def change(lab: Lab, **fields: Any) -> None:
    """The record of the canary's key says something else."""
    customers, leases = lab.bench.registry.customers, lab.bench.registry.leases
    (key,) = customers.load_keys("canary").keys
    lease = leases.acquire("customer#canary", "x", lab.bench.clock.now())
    assert lease
    customers.save_keys([replace(key, **fields)], lease)
    leases.release(lease)


@pytest.mark.parametrize(
    "spoil",
    [
        rotated,
        suspended,
        disabled_by_hand,
        detached_by_hand,
        attached_just_now,
        path_not_deployed,
        path_exempt,
    ],
)
def test_a_probe_that_could_not_have_worked_proves_nothing_and_opens_nothing(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, spoil: Callable[[Lab], None]
) -> None:
    probed(lab)
    api_id = lab.attached({"/pets": {"get": None}, "/free": {"get": None}})
    canary(lab)
    lab.bench.clock.advance(1000)
    lab.forget()
    asked = answered(lab, monkeypatch)
    spoil(lab)
    lab.run(api_id)
    assert asked == []
    assert lab.live(api_id)["GET /pets"]
    (event,) = lab.events("ApiProtected")
    assert event["reason"].startswith("not probed: ")
    lab.forget()
    assert lab.run(api_id).output["stages"] == [{"stage": "prod", "outcome": "unchanged"}]
    assert lab.event_types() == []


def test_a_403_that_is_not_about_the_key_is_no_proof(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    probed(lab)
    api_id = lab.attached()
    canary(lab)
    lab.bench.clock.advance(1000)
    lab.forget()
    refused = "403 AccessDeniedException"
    answering(monkeypatch, lambda key: refused)
    lab.run(api_id)
    assert lab.live(api_id)["GET /pets"]
    (event,) = lab.events("ApiFailed")
    assert event["reason"].startswith("unproven")
    assert refused in event["reason"]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        ("ForbiddenException", 403),
        ("AccessDeniedException", "403 AccessDeniedException"),
        (None, "403 without x-amzn-ErrorType"),
    ],
)
def test_the_answer_of_a_stage_says_whether_a_403_is_about_the_key(
    monkeypatch: pytest.MonkeyPatch, error: str | None, status: object
) -> None:
    class Refuses(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(403)
            if error:
                self.send_header("x-amzn-ErrorType", error)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Refuses) as server:
        Thread(target=server.handle_request, daemon=True).start()
        assert StageClient("").status(f"http://127.0.0.1:{server.server_port}/x") == status
