"""Many customers by one file, with the account's quotas: few calls, soon, and nobody fails."""

from __future__ import annotations

from collections import Counter

import pytest

from local.bench import Bench, epoch
from tests.machines.onboarding_lab import csv_of, figures, lambda_calls, put

FAULTS = [
    ("dynamodb", "PutItem", 50, 500),
    ("dynamodb", "UpdateItem", 90, "timeout_after"),
    ("s3", "PutObject", 1, 500),
    ("s3", "GetObject", 2, "timeout_before"),
    ("sqs", "SendMessage", 1, 500),
    ("ssm", "GetParameter", 2, "ThrottlingException"),
    ("stepfunctions", "StartExecution", 30, 500),
    ("events", "PutEvents", 5, 500),
    ("apigateway", "CreateApiKey", 2, "timeout_after"),
    ("apigateway", "ImportApiKeys", 1, "timeout_after"),
    ("lambda", "ReadOnboarding", 2, "Lambda.ServiceException"),
]


@pytest.mark.parametrize("with_faults", [False, True])
def test_a_file_of_many_rows_gives_each_its_key_by_few_calls(with_faults: bool) -> None:
    rows = 150
    with Bench(quotas=True, share=50) as bench:
        for client, operation, call, error in FAULTS if with_faults else []:
            bench.fault(client, operation, call, error)
        found = put(bench, csv_of(rows))
        assert figures(found) == (rows, 0, 0, rows, 0)
        told = Counter(event["detail-type"] for event in bench.announced)
        assert told == {"KeyIssued": rows}
        names = Counter(key.settings["name"] for key in bench.emulator.state.keys.values())
        assert names == {f"cust-{number}/1": 1 for number in range(rows)}
        if not with_faults:
            last = max(epoch(event["time"]) for event in bench.announced)
            assert last - epoch(found["put_at"]) <= 15
            assert len(bench.calls) <= 80
            assert lambda_calls(bench) <= 5
