"""Probe stage: ask a closed stage as clients do, without a key and with a customer's key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from keyward.aws.gateway import Gateway
from keyward.aws.probe import Caller
from keyward.aws.tables import Lease, Registry
from keyward.errors import NotFoundError
from keyward.events import contracts
from keyward.runs import runtime

JSON = dict[str, Any]

GOOD, BAD, AGAIN, UNKNOWN = "good", "bad", "again", "unknown"
# Old and new answers are mixed for a while (aws-recorded.md 10): one good answer proves nothing.
IN_A_ROW = 5
# A failure has to last: what is wrong in the first rounds, 15 s apart, may still be on its way.
ROUNDS_OF_A_PROOF = 5
MOST_ROUNDS = 8
# Neither says whether a key was asked for: authorization comes first, a limit comes before it.
SAYS_NOTHING = (401, 429)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Task input `{rest_api_id, lease, stage, deployment_id, probe: {path, customer, url}, round}`;
    output: see `probe`."""
    caller = Caller(runtime.setting("INVOKE_URL"))
    told = Prober(runtime.gateway(), runtime.registry(), caller, runtime.now()).probe(event)
    customer = event["probe"]["customer"]
    runtime.logger.info("stage probed with a key", extra=told | {"customer_id": customer})
    return told


@dataclass(frozen=True)
class Prober:
    """Asks one stage in one round; `now` in epoch seconds. The key's value stays in here."""

    gateway: Gateway
    registry: Registry
    caller: Caller
    now: float

    def probe(self, task: JSON) -> JSON:
        """`{result, round, mismatch, why}`. `good`: five times in a row a 403 without a key and
        none with it. `bad`: the same was wrong five times in a row, in the fifth round or later;
        `mismatch` says what. `again`: neither. `unknown`: no round could tell; `why` says so.

        Raises LeaseLostError and what the gateway raises.
        """
        self.registry.leases.renew(Lease.of(task), self.now)
        rest_api_id, number = contracts.rest_api_id_of(task), int(task["round"])
        probe, url = task["probe"], self._url(rest_api_id, task)
        key_id = self._key_id(str(probe["customer"]))
        if url is None or key_id is None:
            why = NO_URL if url is None else f"customer {probe['customer']} has no key in a plan"
            return _told(UNKNOWN, number, why=f"not probed: {why}")
        without, with_key = self._ask(url, key_id)
        what = f"GET {probe['path']}"
        wrong = [*_open(what, without), *_shut(what, with_key)]
        if _good(without, with_key):
            return _told(GOOD, number)
        if wrong and number >= ROUNDS_OF_A_PROOF:
            return _told(BAD, number, mismatch=wrong)
        if number < MOST_ROUNDS:
            return _told(AGAIN, number)
        seen = f"without a key {_words(without)}, with one {_words(with_key)}"
        return _told(UNKNOWN, number, why=f"unproven: {what} was answered {seen}")

    def _url(self, rest_api_id: str, task: JSON) -> str | None:
        """None for an API that cannot be reached where stages are invoked."""
        probe = task["probe"]
        if probe["url"]:
            return str(probe["url"]).rstrip("/") + str(probe["path"])
        api = self.gateway.api(rest_api_id)
        kinds = (api.get("endpointConfiguration") or {}).get("types") or []
        if api.get("disableExecuteApiEndpoint") or "PRIVATE" in kinds:
            return None
        return self.caller.stage_url(rest_api_id, str(task["stage"])) + str(probe["path"])

    def _key_id(self, customer: str) -> str | None:
        keys = self.registry.customers.known(customer).keys
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
            without.append(self.caller.status(url))
            with_key.append(self.caller.status(url, value))
        return without, with_key


NO_URL = "the API has no public invoke URL; give the probe a `url` in the policy"


def _good(without: list[int | None], with_key: list[int | None]) -> bool:
    return without == [403] * IN_A_ROW and not {403, None} & {*with_key}


def _open(what: str, statuses: list[int | None]) -> list[str]:
    """A 5xx without a key may be the gateway's own."""
    closed = (403, *SAYS_NOTHING)
    told = [status for status in statuses if status and status < 500 and status not in closed]
    is_open = len(told) == IN_A_ROW
    return [f"{what} without a key is answered {_words(statuses)}"] if is_open else []


def _shut(what: str, statuses: list[int | None]) -> list[str]:
    shut = statuses == [403] * IN_A_ROW
    return [f"{what} with a good key is answered 403"] if shut else []


def _words(statuses: list[int | None]) -> str:
    return ", ".join(sorted({str(status or "not at all") for status in statuses}))


def _told(result: str, number: int, **more: Any) -> JSON:
    return {"result": result, "round": number + 1, "mismatch": [], "why": ""} | more
