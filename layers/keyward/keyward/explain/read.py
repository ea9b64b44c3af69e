"""Read the facts of a denial, in six calls of API Gateway for a customer with one key.

One call more is for a canary, for a route that is not deployed, or to be sure that nothing is
wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace

from keyward.apis.head import head_of
from keyward.apis.model import ApiRecords, DeployedMethod, StageSnapshot
from keyward.aws.gateway import Gateway, GatewayKey, GatewayPlan
from keyward.aws.tables.apis import Apis
from keyward.aws.tables.call_schedule import Stop
from keyward.aws.tables.customers import Customers
from keyward.customers.actions import ACTIONS
from keyward.customers.desired import desired_state
from keyward.customers.drift import wanted_back
from keyward.customers.key import KeyRecord
from keyward.customers.model import Customer, KeyRecords, customer_of
from keyward.customers.plan import plan_customer, with_open_wish
from keyward.errors import (
    ApiNotFoundError,
    GatewayRefusedError,
    InvalidInputError,
    InvalidRecordError,
    NotFoundError,
)
from keyward.explain import words
from keyward.explain.judge import INCOMPLETE, Verdict, judge, route
from keyward.explain.model import ApiFacts, CustomerFacts, DeniedRequest, Facts, KeyFacts, PlanFacts
from keyward.policy.model import Policy
from keyward.policy.periods import day_of, first_day, next_first_day
from keyward.values import JSON, frozen

SOURCE = "x-amazon-apigateway-api-key-source"


@frozen
class Records:
    """Keyward's tables, where there is a stack."""

    customers: Customers
    apis: Apis


@frozen
class Explainer:
    """Reads and judges. `records` is None where there is no stack; `now` tells epoch seconds;
    `stop` is the stop of writes in force, where the asker may read it."""

    gateway: Gateway
    records: Records | None
    policy: Policy
    default_mode: str
    now: Callable[[], float]
    stop: Stop | None = None

    def explain(
        self, request: DeniedRequest, customer_id: str | None = None, key_id: str | None = None
    ) -> list[tuple[Facts, Verdict]]:
        """Judge the call for the key, or for each key of the customer, the newest first. Raises
        errors of API Gateway when it cannot be read."""
        keys, customer = self._keys(request, customer_id, key_id)
        stored = (
            self.records.apis.load_records(request.rest_api_id) if self.records else ApiRecords()
        )
        api = self._api(request, stored)
        plan = self.policy.usage_plans.get((customer.plan if customer else None) or "")
        if customer and api and plan:
            place = (request.rest_api_id, api.name, request.stage)
            covers, names = plan.covers(*place), plan.names(*place)
            customer = replace(customer, covers=covers, names=names)
        settling, now = self.policy.propagation_seconds, self.now()
        return [
            self._judged(Facts(request, api, key, customer, stored.attachments, settling, now))
            for key in keys
        ]

    def _judged(self, facts: Facts) -> tuple[Facts, Verdict]:
        """Judge the facts. An unexpected verdict is worth one more call: the key source of the
        working copy says nothing of the deployed one."""
        verdict = judge(facts)
        doubtful = not verdict.causes or verdict.causes[0].kind == "key_source_is_authorizer"
        if not (facts.api and verdict.asks_for_key and doubtful):
            return facts, verdict
        try:
            document = self.gateway.export(facts.request.rest_api_id, facts.request.stage)
        except GatewayRefusedError:
            return facts, verdict
        source = str(document.get(SOURCE) or "HEADER")
        facts = replace(facts, api=replace(facts.api, source=source))
        return facts, judge(facts)

    def _keys(
        self, request: DeniedRequest, customer_id: str | None, key_id: str | None
    ) -> tuple[list[KeyFacts], CustomerFacts | None]:
        found = self._there([key_id]) if key_id else []
        if key_id and self.records:
            customer_id = self.records.customers.owner_of(key_id)
        if key_id and customer_id is None:
            customer_id = found[0].customer_id if found else None
        customer, stored = self._customer(customer_id)
        records = [record for record in stored.keys if key_id in (None, record.key_id)]
        if customer_id and not key_id:
            # Nothing is listed where records name the keys, as a list can show values.
            ids = [record.key_id for record in records if record.key_id]
            found = self._there(ids) if self.records else self.gateway.keys_of(customer_id)
        return self._key_facts(request, found, records) or [
            KeyFacts(key_id, key_id or "")
        ], customer

    def _there(self, key_ids: Iterable[str]) -> list[GatewayKey]:
        """Those of the keys that API Gateway has."""
        found = []
        for key_id in key_ids:
            with suppress(NotFoundError):
                found.append(self.gateway.key(key_id))
        return found

    def _key_facts(
        self, request: DeniedRequest, found: list[GatewayKey], records: list[KeyRecord]
    ) -> list[KeyFacts]:
        """The keys on the gateway, the newest first; without any, the last key record."""
        by_id = {record.key_id: record for record in records}
        if found:
            return [self._key(request, key, by_id.get(key.key_id)) for key in reversed(found)]
        last = records[-1:]
        return [KeyFacts(record.key_id, record.name, record=record) for record in last]

    def _key(self, request: DeniedRequest, key: GatewayKey, record: KeyRecord | None) -> KeyFacts:
        plans = self.gateway.plans_of(key.key_id)
        return KeyFacts(
            key.key_id,
            key.name or key.key_id,
            key.enabled,
            max(key.created_at, key.updated_at),
            tuple(self._plan(request, key.key_id, plan) for plan in plans),
            record,
        )

    def _plan(self, request: DeniedRequest, key_id: str, plan: GatewayPlan) -> PlanFacts:
        place = (request.rest_api_id, request.stage)
        facts = PlanFacts(
            plan.name,
            frozenset(plan.stages),
            plan.throttle,
            plan.stages.get(place, {}),
            plan.quota,
        )
        if plan.quota is None or place not in plan.stages:
            return facts
        today = day_of(self.now())
        first, quota = first_day(plan.quota, today), plan.quota
        read = self.gateway.usage(plan.plan_id, first.isoformat(), today.isoformat(), key_id)
        days = read.get(key_id)
        return replace(
            facts,
            used=sum(day.used for day in days) if days else 0,
            left=days[-1].remaining if days else quota.limit,
            renews_on=next_first_day(quota, today).isoformat(),
        )

    def _customer(self, customer_id: str | None) -> tuple[CustomerFacts | None, KeyRecords]:
        """What is in force for a customer: None for a key that is nobody's."""
        if customer_id is None or self.records is None:
            return None, KeyRecords()
        stored = self.records.customers.load_keys(customer_id)
        record = stored.in_force(self.records.customers.desired(customer_id))
        if record is None:
            return CustomerFacts(customer_id, None), stored
        try:
            customer = customer_of(record)
            inforce = desired_state(customer, self.policy, self.now())
        except InvalidRecordError as error:
            return CustomerFacts(customer_id, "invalid", str(error)), stored
        if not customer.complete:
            return CustomerFacts(customer_id, INCOMPLETE), stored
        reason = inforce.reason or record.get("status_reason")
        facts = CustomerFacts(customer_id, inforce.status, reason, inforce.plan)
        waits = self._waits(customer, stored)
        return replace(facts, waits=waits, source=inforce.source), stored

    def _waits(self, customer: Customer, stored: KeyRecords) -> str | None:
        """What the stop keeps waiting of what is wanted; None where it keeps nothing."""
        if self.stop is None:
            return None
        wish = with_open_wish(customer, stored)
        now = self.now()
        keys, known = wanted_back(stored.keys, wish, now), stored.last_number
        planned = plan_customer(wish, keys, self.policy, now, known)
        waiting = [one.action for one in planned.actions if ACTIONS[one.action].calls]
        return words.waiting(waiting, self.stop.at) if waiting else None

    def _api(self, request: DeniedRequest, stored: ApiRecords) -> ApiFacts | None:
        try:
            body = self.gateway.api(request.rest_api_id)
        except ApiNotFoundError:
            return None
        stages = self.gateway.stages(request.rest_api_id)
        found = next((stage for stage in stages if stage.name == request.stage), None)
        stage = self._serving(request, found) if found else None
        facts = ApiFacts(
            str(body.get("name", "")),
            _mode(body, request.rest_api_id, self.default_mode),
            tuple(stage.name for stage in stages),
            stage,
            str(body.get("apiKeySource") or "HEADER"),
            _gates(body, stage),
            held=stored.hold(request.stage) is not None,
        )
        if stage is None or route(request, stage.methods):
            return facts
        return replace(facts, working=self.gateway.working_copy(request.rest_api_id))

    def _serving(self, request: DeniedRequest, stage: StageSnapshot) -> StageSnapshot:
        return stage.serving({one: self._methods(request, one) for one in stage.deployment_ids})

    def _methods(self, request: DeniedRequest, deployment_id: str) -> tuple[DeployedMethod, ...]:
        try:
            return self.gateway.deployed(request.rest_api_id, deployment_id)
        except NotFoundError:
            return ()


def _mode(body: JSON, rest_api_id: str, default_mode: str) -> str:
    try:
        return head_of(body, rest_api_id, default_mode).mode
    except InvalidInputError as error:
        return str(error)


def _gates(body: JSON, stage: StageSnapshot | None) -> tuple[str, ...]:
    """List what stands before all methods of the API and may refuse a caller: whom it lets through
    cannot be read."""
    gates = []
    if stage and stage.web_acl:
        gates.append("AWS WAF stands before the stage: a rule of it may answer 403 Forbidden")
    if body.get("policy"):
        gates.append("the API has a resource policy, which may deny the caller")
    if "PRIVATE" in ((body.get("endpointConfiguration") or {}).get("types") or []):
        gates.append("the API is private: only calls through its VPC endpoints come in")
    if body.get("disableExecuteApiEndpoint"):
        gates.append("the default endpoint is disabled: only a custom domain name answers")
    return tuple(gates)
