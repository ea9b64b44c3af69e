"""Files of customers on the bench: put them, and read their results."""

from __future__ import annotations

import json

from keyward.customers.bookkeeping import KEYWARD, unpacked
from keyward.values import JSON
from local.bench import Bench, epoch

KEY = "onboarding/may.csv"


def result(bench: Bench, key: str = KEY) -> JSON:
    """The result of a file as it lies in the bucket."""
    found = bench.account.s3.objects[bench.stack.ref("ReportBucket"), f"{key}.result.json"]
    return dict(json.loads(found))


def put(bench: Bench, text: str, key: str = KEY) -> JSON:
    """Put a file, and let everything settle: its result."""
    bench.upload(key, text)
    bench.run()
    return result(bench, key)


def figures(found: JSON) -> tuple[int, int, int, int, int]:
    return (
        found["recorded"],
        found["unchanged"],
        len(found["refused"]),
        found["issued"],
        found["failed"] + found["pending"],
    )


def record_of(bench: Bench, customer_id: str) -> JSON:
    where = {"customer_id": customer_id}
    record = unpacked(bench.tables["CustomersTable"].get_item(Key=where)["Item"])
    return {name: value for name, value in record.items() if name != KEYWARD}


def lambda_calls(bench: Bench) -> int:
    return bench.account.invoked["ReadOnboarding"]


def seconds_of(found: JSON) -> float:
    """How long a file was worked off."""
    return epoch(found["finished_at"]) - epoch(found["begun_at"])


def csv_of(rows: int) -> str:
    """A file with so many customers."""
    return "customer_id,plan\n" + "".join(f"cust-{number},free\n" for number in range(rows))
