"""Limits of AWS that Keyward can reach, refused in AWS's own words.

- 256 KiB for what a state gets, gives and receives: States.DataLimitExceeded, which no wildcard
  catches (Step Functions developer guide, "Quotas", and "Handling errors").
- 256 KiB for the entries of one PutEvents (EventBridge user guide, "Calculating event entry size").
- 40 GetParameter and GetParameters a second together (AWS General Reference, Systems Manager).
- A write to an item that a transaction is about to write is refused, and so is a second transaction
  (DynamoDB developer guide, "Transaction conflict handling"). ministack answers one request after
  the other, so that a transaction takes `TRANSACTION_SECONDS` here.

400 KB an item is ministack's own.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

from ministack.core.responses import error_response_json
from ministack.services import dynamodb, eventbridge, ssm, stepfunctions

from keyward.values import JSON
from local.shims import seam

Answer = tuple[int, dict[str, str], Any]
ItemRef = tuple[str, str]

STATE_BYTES = PUT_EVENTS_BYTES = 256 * 1024
PARAMETER_READS_A_SECOND = 40
TRANSACTION_SECONDS = 0.005
WRITES = {"PutItem": "Item", "UpdateItem": "Key", "DeleteItem": "Key"}
CONFLICT = "Transaction is ongoing for the item"
CANCELED = "Transaction cancelled, please refer cancellation reasons for specific reasons"


def size(value: Any) -> int:
    """Bytes of a value as JSON in UTF-8."""
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


def check_state(value: Any, name: str) -> None:
    """Refuse what is too large for a state.

    Raises:
        _ExecutionError: States.DataLimitExceeded.
    """
    if size(value) > STATE_BYTES:
        raise stepfunctions._ExecutionError(
            "States.DataLimitExceeded",
            f"The state/task '{name}' returned a result with a size exceeding the maximum number "
            "of bytes service limit.",
        )


def _limit_result(invoke: Callable[[str, Any], Any]) -> Callable[[str, Any], Any]:
    def invoking(resource: str, given: Any) -> Any:
        check_state(given, resource)
        result = invoke(resource, given)
        check_state(result, resource)
        return result

    return invoking


def entry_size(entry: JSON) -> int:
    """Bytes of an entry of PutEvents, as the user guide counts them."""
    texts = [entry.get(name) or "" for name in ("Source", "DetailType", "Detail")]
    texts += entry.get("Resources") or []
    # a state machine's own task gives `Detail` as an object
    counted = [len(text.encode()) if isinstance(text, str) else size(text) for text in texts]
    return sum(counted) + (14 if entry.get("Time") else 0)


def limit_entries(put: Callable[..., Any]) -> Callable[..., Any]:
    """PutEvents with the limit of its size."""

    def putting(request: JSON, allow_aws_source: bool = False) -> Any:
        if sum(map(entry_size, request.get("Entries", []))) > PUT_EVENTS_BYTES:
            words = "Total size of the entries in the request is over the limit."
            return error_response_json("ValidationException", words, 400)
        return put(request, allow_aws_source)

    return putting


class _Bucket:
    """A token bucket that holds what a second allows."""

    def __init__(self, rate: float) -> None:
        self.rate = self.tokens = rate
        self._since = time.monotonic()
        self._lock = threading.Lock()

    def take(self) -> bool:
        """Take a token, if there is one."""
        with self._lock:
            now = time.monotonic()
            self.tokens = min(self.rate, self.tokens + (now - self._since) * self.rate)
            self._since = now
            if self.tokens < 1:
                return False
            self.tokens -= 1
            return True


def _limit_reads(bucket: _Bucket) -> Callable[[Callable[[JSON], Any]], Callable[[JSON], Any]]:
    def build(read: Callable[[JSON], Any]) -> Callable[[JSON], Any]:
        def reading(request: JSON) -> Any:
            if bucket.take():
                return read(request)
            return error_response_json("ThrottlingException", "Rate exceeded", 400)

        return reading

    return build


# items that transactions are about to write; only the server's one thread touches them
_ongoing: set[ItemRef] = set()


def _place(table: str, holder: JSON) -> ItemRef:
    """The table's name and the item's key; `holder` is an item or a key."""
    name = table.rsplit("/", 1)[-1]
    found = dynamodb._tables.get(name) or {}
    names = [found[kind] for kind in ("pk_name", "sk_name") if found.get(kind)]
    return name, json.dumps([holder.get(attribute) for attribute in names])


def _places(request: JSON) -> list[ItemRef]:
    """Where the members of a transaction write, in order."""
    members = [one for member in request.get("TransactItems", []) for one in member.values()]
    return [_place(one["TableName"], one.get("Item") or one["Key"]) for one in members]


def _canceled(places: list[ItemRef]) -> Answer:
    conflict = {"Code": "TransactionConflict", "Message": CONFLICT}
    reasons = [conflict if place in _ongoing else {"Code": "None"} for place in places]
    codes = ", ".join(reason["Code"] for reason in reasons)
    words = f"{CANCELED} [{codes}]"
    status, headers, body = error_response_json("TransactionCanceledException", words, 400)
    content = json.loads(body) | {"Message": words, "CancellationReasons": reasons}
    return status, headers, json.dumps(content).encode()


def _with_conflicts(
    handle: Callable[..., Awaitable[Answer]],
) -> Callable[..., Awaitable[Answer]]:
    async def handling(
        method: str, path: str, headers: JSON, body: bytes, query_params: JSON
    ) -> Answer:
        action = headers.get("x-amz-target", "").rpartition(".")[2]
        places = _targets(action, body)
        if action == "TransactWriteItems":
            if _ongoing.intersection(places):
                return _canceled(places)
            _ongoing.update(places)
            try:
                await asyncio.sleep(TRANSACTION_SECONDS)
                return await handle(method, path, headers, body, query_params)
            finally:
                _ongoing.difference_update(places)
        if _ongoing.intersection(places):
            refusal: Answer = error_response_json("TransactionConflictException", CONFLICT, 400)
            return refusal
        return await handle(method, path, headers, body, query_params)

    return handling


def _targets(action: str, body: bytes) -> list[ItemRef]:
    """What a request writes; nothing for what is malformed, which ministack refuses."""
    try:
        if action == "TransactWriteItems":
            return _places(json.loads(body))
        if action in WRITES:
            request = json.loads(body)
            return [_place(request["TableName"], request[WRITES[action]])]
    except (ValueError, KeyError, AttributeError, TypeError):
        pass
    return []


def install() -> None:
    """Mend the sizes of states and events, the rate of parameters, conflicts of transactions."""
    seam.replace(stepfunctions, "_invoke_resource", "a85d2be9a8584ce0", _limit_result)
    bucket = _Bucket(PARAMETER_READS_A_SECOND)
    seam.replace(ssm, "_get_parameter", "b442d63c5a8ebc6c", _limit_reads(bucket))
    seam.replace(ssm, "_get_parameters", "ec9edbf2d732aa82", _limit_reads(bucket))
    seam.replace(dynamodb, "handle_request", "1201f2ac993ce1a0", _with_conflicts)
    # delivery's seam, which is installed first and checks its text
    eventbridge._put_events = limit_entries(eventbridge._put_events)
