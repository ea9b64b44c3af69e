from __future__ import annotations

import pytest

from keyward.aws.gateway.calls import client_config
from keyward.errors import TryUnderwayError
from keyward.runs.journal import check_landed, may_be_in_flight
from keyward.values import DEPLOY_READ_SECONDS
from tests import tree


@pytest.mark.parametrize("read_seconds", [5, DEPLOY_READ_SECONDS])
@pytest.mark.parametrize("calls", [1, 2])
def test_a_call_is_in_flight_for_as_long_as_its_client_waits_and_no_longer(
    read_seconds: int, calls: int
) -> None:
    config = client_config(read_seconds)
    given_up = calls * (config.connect_timeout + config.read_timeout)
    assert may_be_in_flight(1000, 1000 + given_up, read_seconds, calls)
    assert not may_be_in_flight(1000, 1000 + given_up + calls, read_seconds, calls)


def test_an_earlier_try_is_waited_for_by_name() -> None:
    with pytest.raises(TryUnderwayError, match="create acme/1 may still be under way"):
        check_landed(1000, 1007, "create acme/1")
    check_landed(1000, 1008, "create acme/1")


def test_one_call_is_waited_for_unless_there_were_more() -> None:
    assert not may_be_in_flight(1000, 1008)
    check_landed(1000, 1008, "create acme/1")
    with pytest.raises(TryUnderwayError):
        check_landed(1000, 1008, "create acme/1", calls=2)


def test_no_other_module_works_out_how_long_a_call_may_be_in_flight() -> None:
    product = [*tree.PACKAGE.rglob("*.py"), *tree.FUNCTIONS.glob("*.py")]
    adds_time_outs = {p.name for p in product if "CONNECT_SECONDS" in p.read_text("utf-8")}
    assert adds_time_outs == {"calls.py", "values.py"}
