"""EventBridge Scheduler: what happens by itself, at its times."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from keyward.values import JSON
from local.lifetime.queues import Invoke, Queues
from local.lifetime.scheduler import Scheduler
from local.lifetime.stack import Stack, id_of
from local.lifetime.states import StateFailed

SECONDS = {"minute": 60, "hour": 3600, "day": 86_400}


class Schedules:
    """All schedules of the template. A function that fails is tried again as its EventInvokeConfig
    says, and then told to its DLQ; one that is quiet would find nothing to do."""

    def __init__(
        self,
        stack: Stack,
        scheduler: Scheduler,
        invoke: Invoke,
        begin: Callable[[str, str, Any], object],
        queues: Queues,
        is_quiet: Callable[[str], bool],
    ) -> None:
        self._is_quiet = is_quiet
        self._scheduler, self._invoke, self._begin = scheduler, invoke, begin
        self._queues, self._functions = queues, stack.functions
        self._machines, self._started = stack.machines(), 0
        for about in stack.of_type("AWS::Scheduler::Schedule").values():
            self._plan(about["ScheduleExpression"], self._start_of(about["Target"]))

    def _plan(self, expression: str, start: Callable[[], None]) -> None:
        """Start at each time of an expression, which comes 1,440 times a day for some."""
        scheduler = self._scheduler

        def fire() -> None:
            now = scheduler.clock.now()
            scheduler.after(following(expression, now) - now, fire, background=True)
            start()

        now = scheduler.clock.now()
        scheduler.after(following(expression, now) - now, fire, background=True)

    def _start_of(self, target: JSON) -> Callable[[], None]:
        """What a schedule starts."""
        arn, given = target["Arn"], target.get("Input", "{}")
        function = id_of(arn)

        def machine() -> None:
            self._started += 1
            self._begin(self._machines[arn], f"schedule-{self._started}", json.loads(given))

        def invocation() -> None:
            if not self._is_quiet(function):
                self._try(function, json.loads(given), 0)

        return machine if arn in self._machines else invocation

    def _try(self, function: str, given: JSON, tried: int) -> None:
        settings = self._functions[function].get("EventInvokeConfig", {})

        def answered(answer: Any, error: StateFailed | None) -> None:
            if error is None:
                return
            if tried < int(settings.get("MaximumRetryAttempts", 2)):
                self._scheduler.after(60, lambda: self._try(function, given, tried + 1))
            elif "DestinationConfig" in settings:
                dlq = settings["DestinationConfig"]["OnFailure"]["Destination"]
                self._queues.send(id_of(dlq), json.dumps({"error": error.error}))

        self._invoke(function, given, answered)


@cache
def _rate(expression: str) -> int:
    rate = re.fullmatch(r"rate\((\d+) (minute|hour|day)s?\)", expression)
    return int(rate[1]) * SECONDS[rate[2]] if rate else 0


def following(expression: str, now: float) -> float:
    """The next time (epoch seconds) of `rate(…)` or of a daily `cron(minute hour * * ? *)`."""
    seconds = _rate(expression)
    if seconds:
        return now + seconds
    daily = re.fullmatch(r"cron\((\d+) (\d+) \* \* \? \*\)", expression)
    if not daily:
        raise ValueError(f"{expression}: must be rate(…) or a daily cron(…)")
    today = datetime.fromtimestamp(now, UTC)
    at = today.replace(minute=int(daily[1]), hour=int(daily[2]), second=0, microsecond=0)
    return (at if at > today else at + timedelta(days=1)).timestamp()
