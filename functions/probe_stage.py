"""Probe stage: ask a closed stage as clients do, without a key and with a customer's key."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from keyward.apis.progress import PROBE, ROLL_BACK, Progress
from keyward.aws.gateway import Gateway
from keyward.aws.probe import StageClient
from keyward.aws.tables import Registry
from keyward.aws.tables.leases import Lease
from keyward.errors import GatewayRefusedError, NotFoundError, PassingError
from keyward.runs import runtime
from keyward.values import JSON

GOOD, BAD, AGAIN, UNKNOWN = "good", "bad", "again", "unknown"
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


@dataclass(frozen=True)
class Probed:
    """What a round tells. `good`: five times in a row a 403 without a key and none with a key.
    `bad`: the same was wrong five times in a row, in the fifth round or later; `mismatch` says
    what. `again`: neither. `unknown`: no round could tell; `why` says so."""

    result: str
    mismatch: tuple[str, ...] = ()
    why: str = ""


def following(progress: Progress, probed: Probed, now: float) -> Progress:
    """The run after a round on its first stage to verify."""
    item = progress.verify[0]
    if probed.result == GOOD:
        return progress.with_outcome(now, verified=True)
    if probed.result == BAD:
        return progress.with_stage(
            now, ROLL_BACK, mismatch=list(probed.mismatch), failed_probe=True
        )
    if probed.result == UNKNOWN:
        return progress.with_outcome(now, verified=None, why=probed.why)
    later = item["probe"] | {"at": now + ROUND_SECONDS}
    return progress.with_stage(now, PROBE, probe=later, round=item["round"] + 1)


@dataclass(frozen=True)
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
        key_id = self._key_id(str(probe["customer"]))
        if url is None or key_id is None:
            why = NO_URL if url is None else f"customer {probe['customer']} has no key in a plan"
            return Probed(UNKNOWN, why=f"not probed: {why}")
        without, with_key = self._ask(url, key_id)
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
        """None for an API that cannot be reached where stages are invoked."""
        probe = item["probe"]
        if probe["url"]:
            return str(probe["url"]).rstrip("/") + str(probe["path"])
        api = self.gateway.api(rest_api_id)
        kinds = (api.get("endpointConfiguration") or {}).get("types") or []
        if api.get("disableExecuteApiEndpoint") or "PRIVATE" in kinds:
            return None
        return self.client.stage_url(rest_api_id, str(item["stage"])) + str(probe["path"])

    def _key_id(self, customer: str) -> str | None:
        keys = self.registry.customers.load_keys(customer).keys
        return next((key.key_id for key in keys if key.key_id and key.plan), None)

    def _ask(self, url: str, key_id: str) -> tuple[list[int | None], list[int | None]]:
        """In turns, so that both see the same hosts; the first silence ends it."""
        try:
            value = self.gateway.reveal(key_id)
        except NotFoundError:
            return [None], [None]
        without: list[int | None] = []
        with_key: list[int | None] = []
        while len(with_key) < IN_A_ROW and None not in (*without, *with_key):
            without.append(self.client.status(url))
            with_key.append(self.client.status(url, value))
        return without, with_key


NO_URL = "the API has no public invoke URL; give the probe a `url` in the policy"


def _good(without: list[int | None], with_key: list[int | None]) -> bool:
    return without == [403] * IN_A_ROW and not {403, None} & {*with_key}


def _open(request: str, statuses: list[int | None]) -> list[str]:
    """A 5xx without a key may be the gateway's own."""
    closed = (403, *SAYS_NOTHING)
    answered = [status for status in statuses if status and status < 500 and status not in closed]
    is_open = len(answered) == IN_A_ROW
    return [f"{request} without a key is answered {_words(statuses)}"] if is_open else []


def _shut(request: str, statuses: list[int | None]) -> list[str]:
    shut = statuses == [403] * IN_A_ROW
    return [f"{request} with a good key is answered 403"] if shut else []


def _words(statuses: list[int | None]) -> str:
    return ", ".join(sorted({str(status or "not at all") for status in statuses}))
