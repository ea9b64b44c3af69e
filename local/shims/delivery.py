"""Events on their way: their time, retries of Lambda targets, schedules, CloudTrail's records."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

from ministack.core import responses
from ministack.services import eventbridge, lambda_svc, scheduler

from keyward.values import JSON
from local.lifetime.rules import delivered
from local.shims import seam

MAX_ENTRIES = 10
# ministack looks every 10 s, and a story waits for each look.
SCHEDULES_EVERY_SECONDS = 2


def put_aws_event(event: JSON, *, account_id: str, region: str) -> None:
    """Put an event that AWS itself sends (`source` `aws.…`) on the account's default bus.

    `event` is an EventBridge envelope. PutEvents refuses such sources from customers, on AWS as
    here, so it goes in by the door that ministack's own services use.

    Raises:
        RuntimeError: the bus did not take it.
    """
    account = responses._request_account_id.set(account_id)
    where = responses._request_region.set(region)
    try:
        entry = {
            "Source": event["source"],
            "DetailType": event["detail-type"],
            "Time": event["time"],
            "Detail": json.dumps(event["detail"]),
            "Resources": event.get("resources", []),
        }
        _status, _headers, body = eventbridge._put_events({"Entries": [entry]}, True)
    finally:
        responses._request_region.reset(where)
        responses._request_account_id.reset(account)
    if json.loads(body)["FailedEntryCount"]:
        raise RuntimeError(f"the default bus refused the event: {body}")


class _Thread(threading.local):
    """The time of the entry that the current thread puts, epoch seconds."""

    time: float | None = None


_thread = _Thread()


def _now_or_entry_time(now: Callable[[], float]) -> Callable[[], float]:
    return lambda: now() if _thread.time is None else _thread.time


def _keep_times(put: Callable[..., Any]) -> Callable[..., Any]:
    """An entry's `Time` is the event's (API reference, PutEventsRequestEntry); ministack takes now.

    Entries go in one at a time, each at its own time; what they set off in this thread does not.
    """

    def put_one(entry: JSON, allow_aws_source: bool) -> JSON:
        outer, _thread.time = _thread.time, None
        try:
            if entry.get("Time") is not None:
                _thread.time = float(eventbridge._coerce_timestamp(entry["Time"]))
            _status, _headers, body = put({"Entries": [entry]}, allow_aws_source)
        finally:
            _thread.time = outer
        return dict(json.loads(body))

    def put_all(request: JSON, allow_aws_source: bool = False) -> Any:
        entries = request.get("Entries", [])
        if not 1 <= len(entries) <= MAX_ENTRIES:
            return put(request, allow_aws_source)
        answers = [put_one(entry, allow_aws_source) for entry in entries]
        failed = sum(answer["FailedEntryCount"] for answer in answers)
        results = [result for answer in answers for result in answer["Entries"]]
        return eventbridge.json_response({"FailedEntryCount": failed, "Entries": results})

    return put_all


def _invoke_with_retries(_dispatch: Callable[..., None]) -> Callable[..., None]:
    """EventBridge invokes Lambda asynchronously: two retries, then the function's OnFailure
    (Lambda developer guide, "Retry behavior": asynchronous invocation)."""

    def dispatch(arn: str, payload: str) -> None:
        function, config, name = lambda_svc._get_func_record_for_ref(arn)
        if not function or not config:
            eventbridge.logger.warning("EventBridge: function %s not found", name)
            return
        record = lambda_svc._execution_record_for_config(function, config)
        lambda_svc.invoke_async_with_retry(record, json.loads(payload))

    return dispatch


def _transformed(_original: Callable[..., str]) -> Callable[..., str]:
    """Ministack knows no `[*]` in a path. The bench's transformer is the one for both."""

    def transform(transformer: JSON, _rule: JSON, view: Any) -> str:
        return delivered({"InputTransformer": transformer}, view.event_with_detail())

    return transform


def install() -> None:
    """Mend PutEvents, input transformers and the dispatch to Lambda, and hold the text that this
    module relies on."""
    seam.replace(eventbridge, "_dispatch_to_lambda", "1f95adbaed3a966a", _invoke_with_retries)
    seam.replace(eventbridge, "_put_events", "ebcda0f38061fc62", _keep_times)
    seam.replace(eventbridge, "_apply_input_transformer", "c975a360e47a5b91", _transformed)
    seam.replace(eventbridge, "_now_ts", "207143452ca86c81", _now_or_entry_time)
    eventbridge._SCHEDULER_TICK_INTERVAL = SCHEDULES_EVERY_SECONDS
    scheduler._SCHEDULE_TICK_INTERVAL = SCHEDULES_EVERY_SECONDS
    source = "289fe4d3cbd4089b"
    seam.replace(lambda_svc, "invoke_async_with_retry", source, lambda original: original)
