"""Probe stage: ask a closed stage as clients do, without a key and with a customer's key."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from keyward.apis.model import Deployment
from keyward.apis.progress import PROBE, ROLL_BACK, Progress
from keyward.apis.routes import resource_for
from keyward.aws.gateway import Gateway
from keyward.aws.probe import StageClient, Status
from keyward.aws.tables import Registry
from keyward.aws.tables.leases import Lease
from keyward.customers.key import CREATED, KeyRecord
from keyward.errors import GatewayRefusedError, NotFoundError, PassingError
from keyward.runs import runtime
from keyward.values import JSON, frozen

GOOD, BAD, AGAIN, UNKNOWN, NOT_PROBED = "good", "bad", "again", "unknown", "not probed"
# Old and new answers are mixed for a while (aws-recorded.md 10): one good answer proves nothing.
IN_A_ROW = 5
# A failure has to last: what is wrong in the first rounds, 15 s apart, may still be on its way.
ROUNDS_OF_A_PROOF = 5
MAX_ROUNDS = 8
ROUND_SECONDS = 15
# Neither says whether a key was asked for: authorization comes first, a limit comes before it.
SAYS_NOTHING = (401, 429)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Task input and output: a run's progress (apis/progress.py); see `probe`."""
    progress, client = Progress.of(event), StageClient(runtime.setting("INVOKE_URL"))
    run = runtime.context()
    prober = Prober(run.gateway, run.registry, client, run.now)
    result = prober.probe(progress)
    item = progress.verify[0]
    runtime.logger().info(
        "stage probed with a key",
        extra={"stage": item["stage"], "customer_id": item["probe"]["customer"]} | asdict(result),
    )
    return following(progress, result, runtime.now()).as_json()


@frozen
class Probed:
    """What a round tells. `good`: five times in a row a 403 without a key and none with a key.
    `bad`: the same was wrong five times in a row, in the fifth round or later; `mismatch` says
    what. `again`: neither. `unknown`: no round could tell; `not probed`: none could have; `why`
    says so."""

    result: str
    mismatch: tuple[str, ...] = ()
    why: str = ""


def following(progress: Progress, probed: Probed, now: float) -> Progress:
    """The run after a round on its first stage to verify."""
    item = progress.verify[0]
    if probed.result in (GOOD, NOT_PROBED):
        # What the stage serves was read and is as planned; that alone is no less true.
        why = {"why": probed.why} if probed.why else {}
        return progress.with_outcome(now, verified=True, **why)
    if probed.result == BAD:
        return progress.with_stage(
            now, ROLL_BACK, mismatch=list(probed.mismatch), failed_probe=True
        )
    if probed.result == UNKNOWN:
        return progress.with_outcome(now, verified=None, why=probed.why)
    later = item["probe"] | {"at": now + ROUND_SECONDS}
    return progress.with_stage(now, PROBE, probe=later, round=item["round"] + 1)


@frozen
class Prober:
    """Asks one stage in one round; `now` in epoch seconds. The key's value stays in here."""

    gateway: Gateway
    registry: Registry
    client: StageClient
    now: float

    def probe(self, progress: Progress) -> Probed:
        """The result of this round. Raises LeaseLostError."""
        self.registry.leases.renew(Lease.of({"lease": progress.lease}), self.now)
        item = progress.verify[0]
        try:
            return self._probe(progress.rest_api_id, item)
        except (PassingError, GatewayRefusedError) as error:
            if isinstance(error, PassingError) and item["round"] < MAX_ROUNDS:
                return Probed(AGAIN)
            return Probed(UNKNOWN, why="not probed, API Gateway did not let us")

    def _probe(self, rest_api_id: str, item: JSON) -> Probed:
        probe, number, url = item["probe"], item["round"], self._url(rest_api_id, item)
        ours = self.registry.apis.deployment(rest_api_id, str(item["deployment_id"]))
        keys = self.registry.customers.load_keys(str(probe["customer"])).keys
        why = NO_URL if url is None else obstacle(str(probe["path"]), ours)
        key = key_to_probe(keys, ours.created_at if ours else 0, self.now)
        if not why and key is None:
            why = f"customer {probe['customer']} has no key that works since before the deployment"
        value = None if why or key is None else self._value(rest_api_id, str(item["stage"]), key)
        if url is None or value is None:
            why = why or f"the key of customer {probe['customer']} does not open the stage"
            return Probed(NOT_PROBED, why=f"not probed: {why}")
        without, with_key = self._ask(url, value)
        request = f"GET {probe['path']}"
        wrong = (*_open(request, without), *_shut(request, with_key))
        if _good(without, with_key):
            return Probed(GOOD)
        if wrong and number >= ROUNDS_OF_A_PROOF:
            return Probed(BAD, mismatch=wrong)
        if number < MAX_ROUNDS:
            return Probed(AGAIN)
        answers = f"without a key {_words(without)}, with one {_words(with_key)}"
        return Probed(UNKNOWN, why=f"unproven: {request} was answered {answers}")

    def _url(self, rest_api_id: str, item: JSON) -> str | None:
        """The stage's URL; None for an API that cannot be reached where stages are invoked."""
        probe = item["probe"]
        if probe["url"]:
            return str(probe["url"]).rstrip("/") + str(probe["path"])
        api = self.gateway.api(rest_api_id)
        kinds = (api.get("endpointConfiguration") or {}).get("types") or []
        if api.get("disableExecuteApiEndpoint") or "PRIVATE" in kinds:
            return None
        return self.client.stage_url(rest_api_id, str(item["stage"])) + str(probe["path"])

    def _value(self, rest_api_id: str, stage: str, key: KeyRecord) -> str | None:
        """The value of a key that opens the stage, by API Gateway; None of any other."""
        place, key_id = (rest_api_id, stage), str(key.key_id)
        if not any(place in plan.stages for plan in self.gateway.plans_of(key_id)):
            return None
        try:
            return self.gateway.reveal_enabled(key_id)
        except NotFoundError:
            return None

    def _ask(self, url: str, value: str) -> tuple[list[Status], list[Status]]:
        """Ask without and with the key in turns, so that both see the same hosts; the first silence
        ends it."""
        without: list[Status] = []
        with_key: list[Status] = []
        while len(with_key) < IN_A_ROW and None not in (*without, *with_key):
            without.append(self.client.status(url))
            with_key.append(self.client.status(url, value))
        return without, with_key


NO_URL = "the API has no public invoke URL; give the probe a `url` in the policy"


def obstacle(path: str, ours: Deployment | None) -> str | None:
    """Why GET on the path proves nothing about the deployment, if so."""
    methods = [line.split(" ") for line in ours.methods] if ours else []
    served = {place: asks for verb, place, _, asks in methods if verb in ("GET", "ANY")}
    served |= {place: asks for verb, place, _, asks in methods if verb == "GET"}
    resource = resource_for(path.partition("?")[0], [place for _, place, _, _ in methods])
    if resource not in served:
        return f"no method of the stage answers GET {path}"
    return None if served[resource] == "key" else f"GET {path} asks for no key, by an exemption"


def key_to_probe(keys: Iterable[KeyRecord], deployed_at: int, now: float) -> KeyRecord | None:
    """The newest key that works, and did before the deployment: what came later may not have
    reached every host yet, as the wait for propagation began with the deployment."""
    good = [
        key
        for key in keys
        if key.state == CREATED
        and key.key_id
        and key.plan
        and key.enabled
        and key.journal.enabled is None
        and key.journal.plan is None
        and not key.end.is_over(now)
        and (key.attached_at or 0) <= deployed_at
    ]
    return max(good, key=lambda key: key.number, default=None)


def _good(without: list[Status], with_key: list[Status]) -> bool:
    return without == [403] * IN_A_ROW and not {403, None} & {*with_key}


def _open(request: str, statuses: list[Status]) -> list[str]:
    """A 5xx without a key may be the gateway's own."""
    closed = (403, *SAYS_NOTHING)
    answered = [s for s in statuses if isinstance(s, int) and s < 500 and s not in closed]
    is_open = len(answered) == IN_A_ROW
    return [f"{request} without a key is answered {_words(statuses)}"] if is_open else []


def _shut(request: str, statuses: list[Status]) -> list[str]:
    shut = statuses == [403] * IN_A_ROW
    return [f"{request} with a good key is answered 403"] if shut else []


def _words(statuses: list[Status]) -> str:
    return ", ".join(sorted({str(status or "not at all") for status in statuses}))
