"""APIs on the emulator, and the whole of protect-api to run on them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import attach_stage
import conclude_api
import deploy_api
import plan_protection
import probe_stage
import report_exposure
import report_failure
import require_key
import verify_stage
from emulator.tests.openapi_lab import document
from keyward.policy.parse import default_text
from keyward.values import JSON
from tests.machines.machine import Execution, Machine, MachineLab, with_runtime
from tests.support import MACHINES

FUNCTIONS = {
    "PlanProtection": plan_protection,
    "AttachStage": attach_stage,
    "RequireKey": require_key,
    "DeployApi": deploy_api,
    "ReportExposure": report_exposure,
    "VerifyStage": verify_stage,
    "ProbeStage": probe_stage,
    "ConcludeApi": conclude_api,
    "ReportFailure": report_failure,
}
SETTINGS = {
    "EVENT_BUS": "the-bus",
    "DEFAULT_MODE": "observe",
    "PROTECT_API_ARN": f"{MACHINES}-protect-api",
    "APPLY_POLICY_ARN": "the-policy-machine",
    "AUDIT_ACCOUNT_ARN": f"{MACHINES}-audit-account",
    "APIS_DLQ_URL": "the-dlq",
    "INVOKE_URL": "http://emulator.invalid/{rest_api_id}/{stage}",
    "APIS_QUEUE_URL": "the-queue",
    "STORM_SECONDS": "2",
}
PETS: JSON = {"/pets": {"get": None, "options": None}}


@dataclass
class Lab(MachineLab):
    """A bench with protect-api on it."""

    def api(
        self, paths: JSON = PETS, mode: str | None = "enforce", stages: tuple[str, ...] = ("prod",)
    ) -> str:
        """An API, imported, tagged, deployed on its stages; paths as openapi_lab.document takes."""
        return self.imported(document(paths), mode, stages)

    def imported(
        self,
        body: JSON | bytes,
        mode: str | None = "enforce",
        stages: tuple[str, ...] = ("prod",),
    ) -> str:
        """An API made of a document."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        api_id = str(self.client.import_rest_api(body=content)["id"])
        if mode:
            arn = f"arn:aws:apigateway:us-east-1::/restapis/{api_id}"
            self.client.tag_resource(resourceArn=arn, tags={"keyward": mode})
        for stage in stages:
            self.deploy(api_id, stage)
        return api_id

    def deploy(self, api_id: str, stage: str = "prod") -> str:
        """The team deploys its working copy."""
        return str(self.client.create_deployment(restApiId=api_id, stageName=stage)["id"])

    def policy(self, **changes: Any) -> None:
        """The default policy, changed; None removes a member."""
        body = json.loads(default_text()) | changes
        body = {name: value for name, value in body.items() if value is not None}
        self.bench.ssm.put_parameter(Name="policy", Value=json.dumps(body), Overwrite=True)
        self.bench.clock.advance(10)

    def attached(self, paths: JSON = PETS, **more: Any) -> str:
        """An API whose plans hold its stages since long, its methods as `paths` has them, and an
        empty ledger."""
        closed = {"/closed": {"get": ["api_key"]}}
        api_id = self.api(closed, **more)
        assert self.run(api_id).status == "SUCCEEDED"
        self.edit(api_id, paths)
        for stage in self.client.get_stages(restApiId=api_id)["item"]:
            self.deploy(api_id, stage["stageName"])
        self.bench.clock.advance(1000)
        self.forget()
        return api_id

    def edit(self, api_id: str, paths: JSON, mode: str = "overwrite") -> None:
        """The team edits its working copy."""
        body = json.dumps(document(paths)).encode()
        self.client.put_rest_api(restApiId=api_id, mode=mode, body=body)

    def run(self, api_id: str, **more: Any) -> Execution:
        """A run of protect-api."""
        return self.machine.run({"rest_api_id": api_id} | more)

    def reset(self) -> None:
        """An empty account, empty tables, the default policy, no faults and no events."""
        emulator = self.bench.emulator
        vars(emulator).pop("call", None)
        emulator.on_event = None
        self.empty()
        self.policy()

    def calls(self) -> tuple[list[str], list[str]]:
        """Reads and writes so far, by operation."""
        names = self.bench.operations()
        reads = [name for name in names if name.startswith("Get")]
        return reads, [name for name in names if not name.startswith("Get")]

    def live(self, api_id: str, stage: str = "prod") -> dict[str, bool]:
        """What a stage asks a key for, by "GET /pets"."""
        deployment = self.client.get_stage(restApiId=api_id, stageName=stage)["deploymentId"]
        summary = self.client.get_deployment(
            restApiId=api_id, deploymentId=deployment, embed=["apisummary"]
        )["apiSummary"]
        return {
            f"{verb} {path}": method["apiKeyRequired"]
            for path, methods in summary.items()
            for verb, method in methods.items()
        }

    def plans_of(self, api_id: str, stage: str = "prod") -> list[str]:
        """The names of the usage plans that hold a stage."""
        return sorted(
            plan["name"]
            for plan in self.client.get_usage_plans(limit=500)["items"]
            for held in plan["apiStages"]
            if (held["apiId"], held["stage"]) == (api_id, stage)
        )

    def before(self, operation: str, action: Callable[[], object]) -> None:
        """Let something happen just before the next call of an operation, once."""
        emulator = self.bench.emulator
        call = emulator.call

        def interrupted(name: str, *args: Any, **more: Any) -> Any:
            if name == operation:
                emulator.call = call  # type: ignore[method-assign]
                action()
            return call(name, *args, **more)

        emulator.call = interrupted  # type: ignore[assignment, method-assign]

    def sneak_in(self, api_id: str, then: Callable[[], object] = lambda: None) -> None:
        """At the next CreateDeployment the team has a path /sneaked-in, and at no other moment:
        neither look at the working copy sees it, only the proof afterwards does. `then` happens
        before the second look."""

        def undo() -> None:
            items = self.client.get_resources(restApiId=api_id)["items"]
            (added,) = (item["id"] for item in items if item["path"] == "/sneaked-in")
            self.client.delete_resource(restApiId=api_id, resourceId=added)
            then()

        def sneak() -> None:
            self.edit(api_id, {"/sneaked-in": {"get": None}}, mode="merge")
            self.before("GetResources", undo)

        self.before("CreateDeployment", sneak)

    @staticmethod
    def plans_made(run: Execution) -> int:
        """How often a run planned: not the times that it waited for its turn to read."""
        return run.states.count("Plan protection") - run.states.count("Wait to read on")

    def key_in(self, *plans: str) -> str:
        """A customer's key, attached to usage plans by their names."""
        ids = {plan["name"]: plan["id"] for plan in self.client.get_usage_plans()["items"]}
        key = self.client.create_api_key(name="acme/1", enabled=True)["id"]
        for plan in plans:
            self.client.create_usage_plan_key(usagePlanId=ids[plan], keyId=key, keyType="API_KEY")
        return str(key)


@contextmanager
def laboratory() -> Iterator[Lab]:
    """APIs on a fresh bench."""
    with with_runtime(SETTINGS) as bench:
        functions = {name: module.handler for name, module in FUNCTIONS.items()}
        machine = Machine("protect_api", functions, bench.bus.announce, bench.clock)
        yield Lab(bench, machine)
