"""What a run works with: API Gateway, the tables, the bus, the policy and the clock."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from keyward.events.requester import SCHEDULE
from keyward.values import JSON, frozen

if TYPE_CHECKING:
    from keyward.aws.bus import Bus
    from keyward.aws.gateway import Gateway
    from keyward.aws.tables import Registry
    from keyward.policy.model import Policy
    from keyward.runs.opens import Opens
    from keyward.runs.policy.usage_plans import UsagePlans
    from keyward.runs.turns import Turns


@frozen
class Context:
    """The adapters of one environment; `clock` gives epoch seconds, `event_bus` names the bus,
    `share` is Keyward's part of the account's calls, in percent; `stack` is the stack's name.

    `runtime.context()` makes it for a Lambda function, a bench for a test.
    """

    gateway: Gateway
    registry: Registry
    bus: Bus
    clock: Callable[[], float]
    event_bus: str
    stack: str
    share: float = 50

    @property
    def turns(self) -> Turns:
        """The turns to call API Gateway, of the whole account."""
        from keyward.runs.turns import Turns

        return Turns(self.registry.schedule, self.share)

    @property
    def now(self) -> float:
        """Epoch seconds."""
        return self.clock()

    @property
    def policy(self) -> Policy:
        """The policy in force. Raises ServiceUnavailableError when none was read yet and the table
        does not answer."""
        return self.registry.policies.current(self.now).policy

    def opens(self, policy: Policy) -> Opens:
        """What keys open, for the events of one task."""
        from keyward.runs.opens import Opens

        return Opens(self.registry.plan_stages, policy, self.stack)

    def plans(self, owner: str, asked: JSON | None = None) -> UsagePlans:
        """The policy's usage plans, for the run `owner` (an execution ARN), for which somebody
        `asked`; the schedule where nothing is said."""
        from keyward.runs.policy.usage_plans import UsagePlans

        requester = asked or {"by": SCHEDULE}
        return UsagePlans(
            self.gateway, self.registry, self.policy, owner, self.clock, self.stack, requester
        )
