"""When a run may make a call that the whole account may make once in a while (limits.html)."""

from __future__ import annotations

from dataclasses import dataclass

from keyward.aws.tables.turns import Turns


@dataclass(frozen=True)
class Turn:
    """The turns of one call, by the `name` of their item: `spacing` seconds apart after a
    refusal. Times are epoch seconds."""

    name: str
    spacing: int

    def take(self, turns: Turns, now: float, spacing: float) -> float:
        """When the caller may make the call, in the order in which runs ask; 0 for now."""
        given = turns.take(self.name, now, spacing)
        return given if given > now else 0

    def take_later(self, turns: Turns, now: float) -> float:
        """Another turn after a refusal: somebody else used this one."""
        return turns.take(self.name, now + self.spacing, self.spacing)

    def free_at(self, turns: Turns) -> float:
        """When whoever comes first may make the call, as far as a refusal told; 0 for at once."""
        return turns.free_at(self.name)

    def refused(self, turns: Turns, now: float) -> None:
        """The call is used up: nobody makes it for `spacing` seconds."""
        turns.postpone(self.name, now + self.spacing)


# CreateDeployment is allowed once in 5 s; a second more, as what comes before takes its time.
CREATE_DEPLOYMENT = Turn("account#deploy", 6)
UPDATE_USAGE_PLAN = Turn("turn#UpdateUsagePlan", 20)
