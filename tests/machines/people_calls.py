"""Calls of the adapters for removals, claims, fingerprints and the stop that no history makes, for
the comparison with moto."""

from __future__ import annotations

from dataclasses import replace

import pytest

from keyward.aws.tables import Registry
from keyward.aws.tables.call_schedule import Stop
from keyward.customers.claim import Claim
from keyward.customers.removal import Removal
from keyward.errors import WriteConflictError


def of_people(registry: Registry, now: int) -> None:
    """Each of them once, where its condition is met and where it is not."""
    _of_removals(registry, now)
    _of_claims(registry, now)
    fingerprints = registry.fingerprints
    assert fingerprints.known("value") is None
    made = fingerprints.of("value")
    assert fingerprints.known("value") == made
    assert registry.customers.key_of_fingerprint("none") is None
    registry.schedule.put_stop(Stop(now, everything=True))
    registry.schedule.put_stop(Stop(now + 1, everything=False))
    registry.schedule.put_stop(None)


def _of_removals(registry: Registry, now: int) -> None:
    removals, record = registry.removals, {"customer_id": "gone", "plan": "free"}
    for at in (now, now - 1, now + 1):
        removals.save(Removal("gone", at, "e1", held=True, record=record))
    assert removals.held() == removals.held(5) == {"gone": now + 1}
    assert [removals.count(name, now, 2) for name in ("a", "b", "a", "c")] == [1, 1, 1, 0]
    assert {*removals.recent()} == {"a", "b"}
    gone = Removal("gone", now + 1, "e1", held=True, record=record)
    stopped = replace(gone, stopped=True, leak={"requested_at": now, "leaked": True})
    removals.change(stopped, gone)
    with pytest.raises(WriteConflictError):
        removals.change(stopped, gone)
    with pytest.raises(WriteConflictError):
        removals.put_back(gone, record)
    removals.put_back(stopped, record)
    removals.save(stopped)
    removals.put_back(stopped, record | {"plan": "pro"})
    with pytest.raises(WriteConflictError):
        removals.forget(stopped)
    removals.save(gone)
    removals.forget(gone)
    removals.clear()


def _of_claims(registry: Registry, now: int) -> None:
    claims = registry.claims
    claims.add(Claim("digest", "coop", "k3", now + 60))
    assert claims.find("none") is None
    assert claims.reserve("digest", "one", now)
    assert not claims.reserve("digest", "two", now)
    claims.free("digest", "two")
    claims.free("digest", "one")
    assert claims.reserve("digest", "two", now)
    assert not claims.use_up("digest", "one", now)
    assert claims.use_up("digest", "two", now)
    found = claims.find("digest")
    assert found
    assert found.used_at == now
