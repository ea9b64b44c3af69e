"""Single faults of API Gateway and runs that are stopped: begun together, waited for together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from keyward.values import JSON
from local.account import Execution
from tests.stack.api_lab import PETS, Api, new_api
from tests.stack.stack_lab import Stack, eventually

# A call that fails so often in a row does so for as long as the test needs to go on.
ALWAYS = 20

# By customer: the call that fails, how, and the plan.
CUSTOMERS: dict[str, tuple[str, str, str]] = {
    # first: its call does not name the customer, and the others attach keys later
    "fault-attach": ("CreateUsagePlanKey", "timeout_after", "pro"),
    "fault-create": ("CreateApiKey", "timeout_after", "pro"),
    "fault-lost": ("CreateApiKey", "timeout_before", "pro"),
    "fault-500": ("CreateApiKey", "500", "pro"),
    "fault-throttle": ("CreateApiKey", "throttle", "pro"),
    "fault-plan": ("CreateUsagePlan", "timeout_after", "late"),
}
# By name of the API: the call that fails, and how.
APIS: dict[str, tuple[str, str]] = {
    "api-method": ("UpdateMethod", "timeout_after"),
    "api-deployment": ("CreateDeployment", "timeout_after"),
    "api-stage": ("UpdateStage", "timeout_after"),
    "api-plan": ("UpdateUsagePlan", "timeout_after"),
    # last: a plan is not asked for again for 20 s, by no API
    "api-plan-throttle": ("UpdateUsagePlan", "throttle"),
}


@dataclass
class Troubles:
    """What was begun: APIs by their names, and the ARNs of stopped runs."""

    stack: Stack
    apis: dict[str, Api] = field(default_factory=dict)
    stopped: dict[str, str] = field(default_factory=dict)

    @classmethod
    def faults(cls, stack: Stack) -> Troubles:
        """Each fault has struck: together, but for those that could meet each other's calls."""
        troubles = cls(stack)
        stack.issued("plan-pro-is-known")
        stack.settle()
        troubles._break([], ["fault-attach"])
        apart = [name for name, (operation, _) in APIS.items() if operation == "UpdateUsagePlan"]
        together = [name for name in APIS if name not in apart]
        troubles._break(together, [*CUSTOMERS][1:])
        for name in apart:
            troubles._break([name], [])
        return troubles

    @classmethod
    def stops(cls, stack: Stack) -> Troubles:
        """Each run that is to be stopped is stopped."""
        troubles = cls(stack)
        troubles._stop_customer("crash-customer")
        troubles._stop_api("crash-api")
        troubles._change_meanwhile("meanwhile")
        troubles._stop_after_word("left-word")
        return troubles

    def _break(self, apis: Iterable[str], customers: Iterable[str]) -> None:
        """Order the faults of these, let them begin, and wait until each has struck."""
        made = {name: self._undeployed(name) for name in apis}
        orders = {name: (*APIS[name], self.apis[name].id) for name in apis}
        for name in customers:
            operation, kind, plan = CUSTOMERS[name]
            # the retries of others are not to meet it; who attaches a key names no customer
            about = {"CreateApiKey": f"{name}/", "CreateUsagePlan": plan}.get(operation, "")
            orders[name] = (operation, kind, about)
        members = ("operation", "fault", "about")
        ordered = [dict(zip(members, order, strict=True)) for order in orders.values()]
        mark = self.stack.faults(*ordered)
        for name in orders:
            if name in made:
                # CreateStage, so that the fault cannot meet a call of the team
                self.stack.gateway.create_stage(**made[name], stageName="prod")
            else:
                self._sign_up(name, CUSTOMERS[name][2])
        for operation, _, about in orders.values():
            self.stack.struck(operation, mark, about)

    def _undeployed(self, name: str) -> dict[str, str]:
        """An API that is on no stage yet: what CreateStage wants of it."""
        self.apis[name] = api = new_api(self.stack, PETS)
        made = self.stack.gateway.create_deployment(restApiId=api.id)["id"]
        return {"restApiId": api.id, "deploymentId": made}

    def _sign_up(self, customer_id: str, plan: str = "pro") -> None:
        self.stack.put_event("CustomerSignedUp", customer_id=customer_id, plan=plan)

    def _always(self, operation: str, kind: str, about: str, call: int = 1) -> int:
        """Let every such call fail from this one on, so that a run stays where it is however slow
        the machine is. Returns a mark."""
        order = {"operation": operation, "fault": kind, "about": about}
        return self.stack.faults(*(order | {"call": n} for n in range(call, call + ALWAYS)))

    def _sign_up_in_vain(self, customer_id: str) -> str:
        """A sign-up whose CreateApiKey gets no answer: the run that has it."""
        mark = self._always("CreateApiKey", "timeout_before", f"{customer_id}/")
        self._sign_up(customer_id)
        self.stack.struck("CreateApiKey", mark, f"{customer_id}/")
        (arn,) = self.stack.run_arns(customer_id)
        return arn

    def _stop(self, name: str, arn: str) -> None:
        """Stop a run, then let all calls succeed again."""
        self.stack.aws.client("stepfunctions").stop_execution(executionArn=arn)
        self.stopped[name] = arn
        self.stack.faults()

    def _stop_customer(self, customer_id: str) -> None:
        """Stopped while it is not known whether CreateApiKey made the key; then the event comes
        again."""
        about = f"{customer_id}/"
        order = {"operation": "CreateApiKey", "fault": "timeout_after", "about": about}
        looks = [
            {"operation": "GetApiKeys", "fault": "timeout_before", "about": about, "call": n + 1}
            for n in range(ALWAYS)
        ]
        mark = self.stack.faults(order, *looks)
        self._sign_up(customer_id)
        self.stack.struck("CreateApiKey", mark, about)
        (arn,) = self.stack.run_arns(customer_id)
        self._stop(customer_id, arn)
        self._sign_up(customer_id)

    def _stop_api(self, name: str) -> None:
        """Stopped between the methods and the deployment; then the team deploys again."""
        self.apis[name] = api = new_api(self.stack, PETS | {"/orders": {"get": None}})
        mark = self._always("UpdateMethod", "throttle", api.id, call=2)
        api.deploy()
        eventually(
            lambda: len([c for c in self.stack.aws.calls()[mark:] if is_method(c, api)]) >= 2
        )
        (arn,) = api.arns()
        self._stop(name, arn)
        api.deploy()

    def _change_meanwhile(self, customer_id: str) -> None:
        """Another event for a customer whose run is under way."""
        arn = self._sign_up_in_vain(customer_id)
        self.stack.put_event("CustomerPlanChanged", customer_id=customer_id, plan="free")
        self._await_busy(customer_id, arn)
        self.stack.faults()

    def _stop_after_word(self, customer_id: str) -> None:
        """Stopped after another event came, whose run gave up at once and left word."""
        arn = self._sign_up_in_vain(customer_id)
        self._sign_up(customer_id)
        self._await_busy(customer_id, arn)
        self._stop(customer_id, arn)

    def _await_busy(self, customer_id: str, first: str) -> None:
        """Wait until a second run has ended because the first one has the customer."""
        eventually(lambda: len(self.stack.run_arns(customer_id)) == 2)
        (other,) = set(self.stack.run_arns(customer_id)) - {first}
        assert self.stack.ended(other)["output"] == {"customer_id": customer_id, "busy": True}

    def runs_ended(self, of: str, number: int) -> list[Execution]:
        """As many runs of a customer or an API, with their histories, once all have ended."""
        arns = eventually(
            lambda: len(self.stack.run_arns(of)) >= number and self.stack.run_arns(of),
            what=f"{number} runs of {of}",
        )
        for arn in arns or []:
            self.stack.ended(arn)
        return self.stack.runs_of(of)


def is_method(call: JSON, api: Api) -> bool:
    """Whether the call is an UpdateMethod of the API."""
    return call["operation"] == "UpdateMethod" and call["params"]["restApiId"] == api.id
