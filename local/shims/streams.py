"""DynamoDB streams to Lambda with the failure handling that AWS documents.

ministack ignores ReportBatchItemFailures, BisectBatchOnFunctionError and MaximumRetryAttempts, and
invokes on the thread that also polls the queues. Rules as in the Lambda developer guide, "Using
Lambda with DynamoDB": a partial failure is retried from its lowest sequence number; a batch that
fails as a whole is halved (which costs no retry) or retried; after the last retry or past the
maximum age the batch goes to the OnFailure destination and the shard moves on. A mapping with a
ParallelizationFactor has so many lanes: an item's records are always in the same one, in order.
"""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ministack.core import responses
from ministack.core.arn import ArnParseError, parse_arn
from ministack.services import dynamodb, lambda_svc

from keyward.values import JSON
from local.shims import seam

DEFAULT_BATCH_SIZE = 100


@dataclass
class _Progress:
    """Where a lane is with a batch that failed: `size` limits the batches before `until`."""

    attempts: int = 0
    size: int | None = None
    until: int = 0


_progress: dict[str, _Progress] = {}


@dataclass(frozen=True)
class _Batch:
    """Records of one lane of a mapping's stream, at these `places` of the stream.

    The lane has read the stream up to `end`. `wanted` are the records that the mapping's filters
    pass. `id` names the lane.
    """

    id: str
    mapping: JSON
    function: JSON
    places: list[int]
    end: int
    records: list[JSON]
    wanted: list[JSON]

    @property
    def oldest(self) -> float:
        """Epoch seconds."""
        return min(float(r["dynamodb"]["ApproximateCreationDateTime"]) for r in self.records)


@contextmanager
def _scope(account_id: str, region: str) -> Iterator[None]:
    account = responses._request_account_id.set(account_id)
    where = responses._request_region.set(region)
    try:
        yield
    finally:
        responses._request_region.reset(where)
        responses._request_account_id.reset(account)


def poll() -> bool:
    """Hand each lane's next batch to its function; tell whether there was one."""
    found = False
    for account_id, region, mapping in lambda_svc._iter_all_esms():
        with _scope(account_id, region):
            for batch in _next_batches(mapping):
                found = True
                lambda_svc._dispatch_esm_batch(batch.id, _process, batch)
    return found


def _next_batches(mapping: JSON) -> Iterator[_Batch]:
    table = _table_of(mapping)
    function, _config = lambda_svc._get_func_record_for_qualifier(
        mapping["FunctionName"], mapping.get("Qualifier")
    )
    if table is None or function is None or not mapping.get("Enabled", True):
        return
    for lane in lanes_of(mapping):
        batch = _next_batch(lane, mapping, function, table) if _ready(lane) else None
        if batch is not None:
            yield batch


def lanes_of(mapping: JSON) -> list[str]:
    """The names of a mapping's lanes, under which their positions in the stream are kept."""
    return [f"{mapping['UUID']}/{n}" for n in range(int(mapping.get("ParallelizationFactor") or 1))]


def _next_batch(lane: str, mapping: JSON, function: JSON, table: str) -> _Batch | None:
    """A lane's next batch. What lies before it belongs to other lanes and is passed over."""
    start = _position(lane, mapping, table)
    size = _progress.get(lane, _Progress()).size
    size = size or int(mapping.get("BatchSize") or DEFAULT_BATCH_SIZE)
    lanes = len(lanes_of(mapping))
    read = dynamodb.stream_records_since(table, start, size * lanes)
    mine = [place for place, record in enumerate(read) if _lane_of(record, lanes) == _number(lane)]
    more, mine = mine[size:], mine[:size]
    end = start + (more[0] if more else len(read))
    if not mine:
        _advance(lane, end)
        return None
    records = [read[place] for place in mine]
    wanted = lambda_svc._apply_filter_criteria(records, mapping)
    return _Batch(lane, mapping, function, [start + place for place in mine], end, records, wanted)


def _number(lane: str) -> int:
    return int(lane.rpartition("/")[2])


def _lane_of(record: JSON, lanes: int) -> int:
    key = json.dumps(record["dynamodb"]["Keys"], sort_keys=True)
    return zlib.crc32(key.encode()) % lanes


def _table_of(mapping: JSON) -> str | None:
    try:
        source = parse_arn(mapping.get("EventSourceArn", ""))
    except ArnParseError:
        return None
    named = lambda_svc._dynamodb_stream_table_from_arn_spec(source)
    table = dynamodb._tables.get(named[0]) if source.service == "dynamodb" and named else None
    current = table is not None and table.get("LatestStreamArn") == mapping["EventSourceArn"]
    return str(named[0]) if current else None


def _ready(lane: str) -> bool:
    """One batch of a lane at a time, in order, and a pause after a failure."""
    in_flight = lambda_svc._esm_inflight.get(lane, 0)
    return bool(not in_flight and lambda_svc._esm_backoff_until.get(lane, 0) <= time.time())


def _position(lane: str, mapping: JSON, table: str) -> int:
    with lambda_svc._dynamodb_stream_positions_lock:
        positions = lambda_svc._dynamodb_stream_positions
        horizon = dynamodb.stream_start_position(table)
        if lane not in positions:
            latest = mapping.get("StartingPosition", "LATEST") == "LATEST"
            first = dynamodb.stream_end_position(table) if latest else horizon
            positions[lane] = positions.get(mapping["UUID"], first)
        return max(int(positions[lane]), int(horizon))


def _advance(lane: str, to: int) -> None:
    with lambda_svc._dynamodb_stream_positions_lock:
        lambda_svc._dynamodb_stream_positions[lane] = to


def _process(batch: _Batch) -> None:
    result: JSON = {}
    failed_at = None
    if batch.wanted:
        result = lambda_svc._execute_function(batch.function, {"Records": batch.wanted})
        failed_at = _first_failure(batch, result)
    if failed_at is None:
        _succeed(batch)
    else:
        _fail(batch, result, failed_at)


def _first_failure(batch: _Batch, result: JSON) -> int | None:
    """Index in `records` of the first one that failed, None when none did."""
    if result.get("error"):
        return 0
    body = result.get("body")
    reports = "ReportBatchItemFailures" in batch.mapping.get("FunctionResponseTypes", [])
    if not reports or not isinstance(body, dict):
        return None
    failed = [item.get("itemIdentifier") for item in body.get("batchItemFailures") or []]
    numbers = [record["dynamodb"]["SequenceNumber"] for record in batch.records]
    if not failed:
        return None
    # an identifier that names no record fails the whole batch (developer guide, same page)
    return min(numbers.index(number) if number in numbers else 0 for number in failed)


def _succeed(batch: _Batch) -> None:
    end = batch.end
    _advance(batch.id, end)
    progress = _progress.get(batch.id)
    if progress is not None:
        progress.attempts = 0
        if end >= progress.until:
            del _progress[batch.id]
    batch.mapping["LastProcessingResult"] = f"OK - {len(batch.records)} records"


def _fail(batch: _Batch, result: JSON, failed_at: int) -> None:
    mapping = batch.mapping
    mapping["LastProcessingResult"] = "FAILED"
    _advance(batch.id, batch.places[failed_at])
    progress = _progress.setdefault(batch.id, _Progress())
    progress.until = max(progress.until, batch.end)
    if failed_at:
        progress.attempts = 0
    left = len(batch.records) - failed_at
    lambda_svc._esm_backoff_until[batch.id] = time.time() + lambda_svc._ESM_BACKOFF_SECONDS
    if mapping.get("BisectBatchOnFunctionError") and left > 1 and not failed_at:
        progress.size = (left + 1) // 2
        return
    progress.attempts += 1
    condition = _given_up(batch, progress)
    if condition:
        lost = batch.records[failed_at:]
        lambda_svc._send_ddb_stream_failure_record(
            mapping, batch.function, lost, mapping["EventSourceArn"], result, condition
        )
        _succeed(batch)


def _given_up(batch: _Batch, progress: _Progress) -> str | None:
    retries = batch.mapping.get("MaximumRetryAttempts")
    if retries is not None and 0 <= int(retries) < progress.attempts:
        return "RetryAttemptsExhausted"
    age = int(batch.mapping.get("MaximumRecordAgeInSeconds") or -1)
    if 0 < age < time.time() - batch.oldest:
        return "MaxRecordAgeExceeded"
    return None


def reset() -> None:
    """Forget every lane's failures."""
    _progress.clear()


def _instead(_poll: Callable[[], bool]) -> Callable[[], bool]:
    return poll


def install() -> None:
    """Mend the poll of DynamoDB streams, and hold the texts that this module relies on."""
    service = lambda_svc
    seam.replace(service, "_poll_dynamodb_streams", "2b2460e933a9f3c3", _instead)
    seam.replace(service, "_poll_loop", "6a443090919adccf", lambda original: original)
    seam.replace(service, "_dispatch_esm_batch", "b91ab76fad0bfaf7", lambda original: original)
    source = "0efd5f5ffe2d6df5"
    seam.replace(service, "_send_ddb_stream_failure_record", source, lambda original: original)
