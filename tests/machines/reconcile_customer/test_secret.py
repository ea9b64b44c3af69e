"""A customer's own value in a secret that Keyward cannot read."""

from __future__ import annotations

from typing import Any

import pytest

from local.bench import Bench
from local.lifetime.services import SecretsManager, refusal


def test_a_secret_whose_kms_key_refuses_is_told_with_the_grant(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise refusal("GetSecretValue", "AccessDeniedException", "Access to KMS is not allowed")

    monkeypatch.setattr(SecretsManager, "get_secret_value", refuse)
    with Bench() as bench:
        bench.put(customer_id="acme", plan="free", status="active", key_value_secret="keyward/acme")
        bench.run()
        (failed,) = [event["detail"] for event in bench.announced]
        assert "the KMS key of secret keyward/acme may not be used" in failed["reason"]
        assert "kms:Decrypt" in failed["reason"]
        bench.run()
        assert not bench.gateway.get_api_keys()["items"]
