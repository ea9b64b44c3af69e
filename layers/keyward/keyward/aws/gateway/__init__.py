"""The adapter to API Gateway: one thin class, errors of ours, no key value in any answer but
`reveal`."""

from __future__ import annotations

import copy

from keyward.aws.gateway.apis import ApiCalls
from keyward.aws.gateway.keys import GatewayKey, KeyCalls
from keyward.aws.gateway.patience import Patience
from keyward.aws.gateway.plans import GatewayPlan, PlanCalls
from keyward.aws.gateway.usage import DayUsed, UsageCalls

__all__ = ["DayUsed", "Gateway", "GatewayKey", "GatewayPlan", "Patience"]


class Gateway(KeyCalls, PlanCalls, ApiCalls, UsageCalls):
    """API Gateway's control plane, as far as Keyward uses it.

    `Gateway(client, patient)` takes botocore clients: `patient` has those that wait longer for an
    answer, by their operation (`CreateDeployment`).
    """

    def patiently(self, patience: Patience) -> Gateway:
        """The same gateway, which waits out a 429."""
        patient = copy.copy(self)
        patient._patience = patience
        return patient
