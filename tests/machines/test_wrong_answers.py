"""An answer to nothing is answered, whoever gives it, and is no failed run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.bench import Bench

NOBODYS = "0123456789abcdef"
WRONG = {
    "DeploymentApproved": {"fingerprint": NOBODYS},
    "DeploymentRejected": {"fingerprint": NOBODYS},
    "RollbackRequested": {},
    "PolicyApproved": {"fingerprint": NOBODYS},
    "PolicyRejected": {"fingerprint": NOBODYS},
}


@pytest.fixture
def bench() -> Iterator[Bench]:
    with Bench() as made:
        yield made


@pytest.mark.parametrize("detail_type", WRONG)
def test_a_wrong_answer_gets_one_event_and_no_failed_run(bench: Bench, detail_type: str) -> None:
    api = bench.api({"/pets": {"get": None}}, stages=["prod"], mode="observe")
    bench.run()
    before, runs = len(bench.announced), len(bench.runs)
    about = {} if detail_type.startswith("Policy") else {"rest_api_id": api, "stage": "prod"}
    bench.send(detail_type, **about, **WRONG[detail_type])
    bench.run()
    [event] = bench.announced[before:]
    assert event["detail-type"] == ("ApiFailed" if about else "PolicyRefused")
    assert event["detail"]["error"] == "WrongAnswerError"
    assert event["detail"]["remedy"] == "keyward holds"
    assert event["detail"]["caused_by"]["detail_type"] == detail_type
    [run] = bench.runs[runs:]
    assert run.status == "SUCCEEDED"
    assert run.output["refused"]["error"] == "WrongAnswerError"
