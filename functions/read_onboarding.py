"""Read onboarding: record the customers of a CSV in the bucket, and report until they have keys."""

from __future__ import annotations

import re
from typing import Any

from keyward.errors import InvalidInputError
from keyward.events.key_value import refuse_values
from keyward.runs import runtime
from keyward.runs.intake import Intake, Item
from keyward.runs.onboarding import Onboarding
from keyward.values import JSON, frozen

KEY = re.compile(r"onboarding/.*\.csv", re.IGNORECASE | re.DOTALL)
# A file whose step is under way is looked at again so soon.
BUSY_SECONDS = 15


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Input `{key}`, or a batch of the onboarding queue, whose messages are that or S3's event;
    output the result of the file without its lists, or the messages that come again."""
    run, files = runtime.context(), runtime.onboarding_files()
    work = Onboarding(run, files, lambda: context.get_remaining_time_in_millis() / 1000)
    reader = Reader(work, runtime.setting("ONBOARDING_QUEUE_URL"), context.aws_request_id)
    if "Records" in event:
        return Intake(runtime.setting("CUSTOMERS_DLQ_URL"), reader.take).queue(event, context)
    return reader.step(event.get("key"))


@frozen
class Reader:
    """Does one step of a file at a time, and asks the queue for the next."""

    work: Onboarding
    queue_url: str
    request_id: str

    def take(self, item: Item) -> None:
        """Do a step of the file that a message names. Raises InvalidInputError."""
        detail = item.body.get("detail")
        put = detail.get("object") if isinstance(detail, dict) else item.body
        self.step(put.get("key") if isinstance(put, dict) else None)

    def step(self, key: object) -> JSON:
        """Do a step of a file, unless another is under way. Raises InvalidInputError."""
        if not isinstance(key, str) or not KEY.fullmatch(key):
            remedy = "Put a CSV under onboarding/"
            raise InvalidInputError("key", "must be an object onboarding/NAME.csv", remedy)
        # Its name goes into each record that it writes, which could not be read any more.
        refuse_values(key, "key", InvalidInputError)
        leases, bus, now = self.work.run.registry.leases, self.work.run.bus, self.work.run.now
        lease = leases.acquire(f"onboarding#{key}", self.request_id, now)
        if lease is None:
            bus.send_later(self.queue_url, {"key": key}, BUSY_SECONDS)
            return {"file": key, "busy": True}
        try:
            result, wait = self.work.step(key)
        finally:
            leases.give_back(lease)
        if wait is not None:
            bus.send_later(self.queue_url, {"key": key}, wait)
        return {name: value for name, value in result.items() if not isinstance(value, list)}
