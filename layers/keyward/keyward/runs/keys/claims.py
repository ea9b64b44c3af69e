"""Hand out a key's value for a one-time link: reserve, read, record, use up, answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from keyward.aws.tables.ledger import line_of, with_events
from keyward.customers.claim import Claim, digest_of
from keyward.errors import CustomerNotFoundError, KeywardError
from keyward.events.contracts import announcement
from keyward.events.requester import LINK
from keyward.runs.context import Context
from keyward.runs.outbox import announce_now
from keyward.values import JSON, frozen, iso

# How often, and how long after another, whoever finds a link reserved looks again.
LOOKS, LOOK_SECONDS = 10, 0.3
WRONG = "This link is not right. Copy the whole link from the message, or ask for a new one."
USED = (
    "This link was used before. It shows its key only once. "
    "If it was not you who opened it, ask for a new key at once."
)
EXPIRED = "This link has expired. Ask for a new one."
NO_KEY = "The key of this link no longer exists. Ask for a new link."
BUSY = "This link is being opened just now. Try again in half a minute."
NOT_READ = "The key cannot be read just now. Your link still works: try again in a minute."


@frozen
class Answer:
    """An HTTP status and the members of the body."""

    status: int
    body: JSON


@frozen
class ClaimDesk:
    """`reveal` reads the value of one key of a customer; `pause` waits."""

    context: Context
    reveal: Callable[[str, str], str]
    pause: Callable[[float], None]

    def take(self, token: object, owner: str) -> Answer:
        """Hand out the key of the link with this token, once; `owner` names the request in the
        reservation. A failure frees the claim, so that it costs nobody the key."""
        digest = digest_of(token)
        for _ in range(LOOKS):
            claim = self.context.registry.claims.find(digest) if digest else None
            if claim is None:
                return _refused(404, WRONG)
            if refused := self._refusal(claim):
                return refused
            if self.context.registry.claims.reserve(claim.digest, owner, self.context.now):
                return self._hand_out(claim, owner)
            self.pause(LOOK_SECONDS)
        return _refused(409, BUSY)

    def _refusal(self, claim: Claim) -> Answer | None:
        if claim.used_at:
            return _refused(410, USED)
        return _refused(410, EXPIRED) if claim.expires_at <= self.context.now else None

    def _hand_out(self, claim: Claim, owner: str) -> Answer:
        claims = self.context.registry.claims
        try:
            value = self.reveal(claim.customer_id, claim.key_id)
            # Before it is used up: a receipt that cannot be written keeps the value back.
            self._record(claim)
            if claims.use_up(claim.digest, owner, self.context.now):
                return Answer(200, {"key_id": claim.key_id, "value": value})
        except CustomerNotFoundError:
            claims.free(claim.digest, owner)
            return _refused(410, NO_KEY)
        except KeywardError:
            claims.free(claim.digest, owner)
            return _refused(503, NOT_READ)
        return _refused(409, BUSY)

    def _record(self, claim: Claim) -> None:
        now = self.context.now
        about = {"customer_id": claim.customer_id, "key_id": claim.key_id}
        event = announcement("KeyClaimed", **about, at=iso(now))
        line = receipt("claim_key", claim, now)
        announce_now(self.context, event, with_events([line], [event], now))


def receipt(action: str, claim: Claim, now: float, by: str = LINK) -> JSON:
    """The ledger's line of a link that was made or used at `now` (epoch seconds)."""
    members = {"action": action, "key": claim.key_id, "asked": {"by": by}}
    return line_of(f"customer#{claim.customer_id}", now, None, members)


def _refused(status: int, reason: str) -> Answer:
    return Answer(status, {"reason": reason})


def value_in(revealed: Mapping[str, list[JSON]]) -> str:
    """The value in RevealKey's answer for one key."""
    [key] = revealed["keys"]
    return str(key["value"])
