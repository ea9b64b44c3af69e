"""A read that is refused once is asked again, and no other with it."""

from __future__ import annotations

from collections import Counter

import pytest

from local.bench import Bench
from tests.machines.api_lab import PETS


def reads_of(refused: str = "") -> Counter[str]:
    """The answered reads by which one API is closed, the first call of `refused` throttled."""
    with Bench(propagation=0) as bench:
        if refused:
            bench.fault("apigateway", refused, 1, 429)
        api_id = bench.api(PETS)
        bench.run()
        assert bench.call(api_id, "prod", "GET", "/pets") == 403
        answered = [call["operation"] for call in bench.calls if call["status"] == 200]
        return Counter(name for name in answered if name.startswith("Get"))


PLAN_READS = ("GetRestApi", "GetStages", "GetDeployment", "GetResources", "GetUsagePlans")


@pytest.mark.parametrize("refused", PLAN_READS)
def test_a_refused_read_begins_no_other_read_anew(refused: str) -> None:
    straight = reads_of()
    assert {*PLAN_READS} <= {*straight}
    assert reads_of(refused) == straight
