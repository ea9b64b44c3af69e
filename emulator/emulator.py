"""The emulated account: one state, one lock, and `call`, through which every door goes."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from emulator import cloudtrail, faults, validation
from emulator.clock import Clock, RealClock
from emulator.context import Context
from emulator.copies import copy_of
from emulator.errors import ApiGatewayError, ConnectionRefused, NeverAnswered, NoAnswer
from emulator.faults import Faults
from emulator.ids import Ids
from emulator.ledger import entry
from emulator.model import JSON, State
from emulator.operations import HANDLERS
from emulator.propagation import Propagation
from emulator.quotas import Quotas
from emulator.service_model import is_write, success_status

OnEvent = Callable[[JSON], None]


@contextmanager
def _refusals_written(line: JSON) -> Iterator[None]:
    try:
        yield
    except ApiGatewayError as error:
        line.update(status=error.status, error=error.code)
        raise
    except NoAnswer:
        raise
    except Exception:
        line.update(status=500, error="InternalFailure")
        raise


class Emulator:
    """API Gateway of one account and Region.

    `callers` maps access key ids to role names; `on_event` gets an EventBridge event ("AWS API Call
    via CloudTrail") for each successful write, outside the lock. All methods are thread-safe; who
    reads `state` beside them holds `lock`.
    """

    def __init__(
        self,
        *,
        region: str = "us-east-1",
        account_id: str = "123456789012",
        clock: Clock | None = None,
        callers: dict[str, str] | None = None,
        on_event: OnEvent | None = None,
    ) -> None:
        self.region = region
        self.account_id = account_id
        self.clock: Clock = clock or RealClock()
        self.callers = dict(callers or {})
        self.on_event = on_event
        self.lock = threading.RLock()
        self.ids = Ids()
        self._begin()

    def _begin(self) -> None:
        self.state = State(account_id=self.account_id, region=self.region)
        self.ledger: list[JSON] = []
        self.faults = Faults()
        self.quotas = Quotas(self.clock)
        self.propagation = Propagation(self.clock)
        self._stale_state: State | None = None

    def reset(self) -> None:
        """Begin anew: state, ledger, faults, quotas and propagation; callers stay."""
        with self.lock:
            self._begin()

    def add_caller(self, access_key: str, role_name: str) -> None:
        """Let calls signed with this access key id appear as made by the role."""
        with self.lock:
            self.callers[access_key] = role_name

    def caller_of(self, access_key: str | None) -> str | None:
        """The role of an access key id, None when it is unknown."""
        return self.callers.get(access_key) if access_key else None

    def order_faults(self, wanted: object) -> None:
        """Replace the ordered faults; a stale read will answer from the state as it is now."""
        with self.lock:
            self.faults.order(wanted)
            stale = self.faults.stale_reads_ordered
            self._stale_state = copy.deepcopy(self.state) if stale else None

    def enforce_quotas(self, on: bool) -> None:
        """Refuse calls above the account's quotas, or stop doing so."""
        with self.lock:
            self.quotas.enforce(on)

    def set_propagation(self, seconds: float) -> None:
        """Let changes take up to `seconds` to take effect; 0 also settles what is under way.

        Raises:
            ValueError: `seconds` is negative.
        """
        with self.lock:
            self.propagation.set(seconds)

    def calls(self) -> list[JSON]:
        """A copy of the ledger, in order."""
        with self.lock:
            return copy_of(self.ledger)

    def call(self, operation: str, params: JSON, caller: str | None = None) -> JSON:
        """Do one operation of the service model, with its members as botocore names them.

        Dates in the output are epoch seconds. `caller` is a role name.

        Raises:
            ApiGatewayError: the error answer.
            NoAnswer: an ordered fault keeps the answer back.
        """
        event: JSON | None = None
        with self.lock:
            line = entry(self.clock.now(), operation, params, caller)
            self.ledger.append(line)
            fault = self.faults.due(operation, params)
            with _refusals_written(line):
                self._refuse(operation, params, fault)
                output = self._run(operation, params, stale=fault == faults.STALE)
            if is_write(operation):
                about = operation, params, output, caller, self.clock.now()
                event = cloudtrail.event_for(*about, self.region, self.account_id)
            if fault != faults.AFTER:
                line["status"] = success_status(operation)
        if event is not None and self.on_event is not None:
            self.on_event(event)
        if fault == faults.AFTER:
            raise NeverAnswered(operation)
        return output

    def _refuse(self, operation: str, params: JSON, fault: str | None) -> None:
        if fault == faults.REFUSED:
            raise ConnectionRefused(operation)
        if fault == faults.BEFORE:
            raise NeverAnswered(operation)
        error = faults.answer(fault)
        if error:
            raise error
        self.quotas.check(operation, params)

    def _run(self, operation: str, params: JSON, *, stale: bool) -> JSON:
        handler = HANDLERS.get(operation)
        if handler is None:
            raise ApiGatewayError(
                "NotImplementedException", 501, f"{operation} is not part of this emulator"
            )
        validation.check(operation, params)
        if not is_write(operation):
            state = self._stale_state if stale and self._stale_state else self.state
            return handler(Context(state, self.clock, self.ids), params)
        with self.propagation.around(self.state, operation, params):
            return handler(Context(self.state, self.clock, self.ids), params)
