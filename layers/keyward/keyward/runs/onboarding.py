"""Work an onboarding file off in steps: record its rows, then watch until their keys are there.

Its result in the bucket is also its progress. A step that broke off is done again from there, and a
row that is recorded already writes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from keyward.aws.onboarding_files import OnboardingFiles
from keyward.aws.tables.customers import AccountRecords
from keyward.customers.model import KeyRecords
from keyward.customers.onboarding import File, Refused, SignUp
from keyward.customers.plans import one_field
from keyward.errors import InvalidEventError, InvalidInputError, PassingError
from keyward.runs.context import Context
from keyward.runs.ledger import FAILED
from keyward.runs.record import record
from keyward.values import JSON, frozen, iso

# The result is written again so often, and once more before the function's time is over.
SAVE_SECONDS = 5
RESERVE_SECONDS = 30
# A look follows after 5 s, 10 s, 20 s ... 900 s: 31 of them take 6 hours.
FIRST_LOOK_SECONDS, MAX_WAIT_SECONDS, MAX_LOOKS = 5, 900, 31
# Of how many customers without a key a look asks the ledger whether their run failed.
ASKED_A_LOOK = 200
# A failure is named after the second in which its run began, so other lines may come after it.
LINES_ASKED = 5
UNREADABLE = InvalidEventError(
    "customer_id", "must be of a record that Keyward can read", "Correct it in the table"
)
NOT_ACTIVE = InvalidEventError(
    "customer_id", "must be an active customer to get a key", "Send CustomerResumed"
)
LATE = InvalidEventError("row", "could not be recorded for hours", "Put the file again")


@frozen
class Onboarding:
    """Works files off; `time_left` gives the seconds until the function ends."""

    run: Context
    files: OnboardingFiles
    time_left: Callable[[], float]

    def step(self, key: str) -> tuple[JSON, int | None]:
        """Do the next part of a file. Returns its result, and in how many seconds another step is
        due, None for none. Idempotent. Raises PassingError."""
        before, result = self.files.result(key), self._begun(key)
        try:
            upload = self.files.load(key)
            if upload is None:
                return self._gone(before or result), None
            if before.get("version") == upload.version:
                result = before
            if result.get("finished_at"):
                return result, None
            result |= {"version": upload.version, "put_at": iso(upload.put_at)}
            plans = self.run.policy.usage_plans
            file = File.of(key, upload.put_at, upload.content, plans)
        except InvalidInputError as error:
            return self._end(result | {"error": str(error)}), None
        result["rows"] = len(file.rows)
        return self._next(file, result)

    def _begun(self, key: str) -> JSON:
        """The result of a file of which nothing is done yet."""
        names = ("rows", "read", "recorded", "unchanged", "issued", "failed", "pending", "looks")
        lists: JSON = {"refused": [], "failures": [], "again": []}
        return {"file": key, "begun_at": iso(self.run.now)} | dict.fromkeys(names, 0) | lists

    def _gone(self, result: JSON) -> JSON:
        """Say that the file is not there. A file that was never begun leaves no result."""
        if result.get("finished_at"):
            return result
        result["error"] = "file: must be in the bucket, got none. Put it there"
        return self._end(result) if "version" in result else result

    def _next(self, file: File, result: JSON) -> tuple[JSON, int | None]:
        if result["read"] < len(file.rows):
            self._record(file, result)
            wait = 0 if result["read"] < len(file.rows) else FIRST_LOOK_SECONDS
        else:
            self._again(file, result)
            self._look(file, result)
            wait = min(FIRST_LOOK_SECONDS * 2 ** result["looks"], MAX_WAIT_SECONDS)
        is_read = result["read"] == len(file.rows)
        is_done = is_read and not result["pending"] and not result["again"]
        if is_done or result["looks"] >= MAX_LOOKS:
            self._give_up(result)
            return self._end(result), None
        self._save(result)
        return result, wait

    def _record(self, file: File, result: JSON) -> None:
        """Record rows as long as there is time."""
        saved_at = self.run.now
        for row in file.rows[result["read"] :]:
            if self.time_left() < RESERVE_SECONDS:
                return
            self._take(file, row, result)
            result["read"] += 1
            if self.run.now - saved_at >= SAVE_SECONDS:
                self._save(result)
                saved_at = self.run.now

    def _again(self, file: File, result: JSON) -> None:
        """Try again the rows that a passing error kept from being recorded."""
        numbers, result["again"] = {*result["again"]}, []
        for row in (row for row in file.rows if row.number in numbers):
            if self.time_left() < RESERVE_SECONDS:
                result["again"].append(row.number)
            else:
                self._take(file, row, result)

    def _give_up(self, result: JSON) -> None:
        """Refuse the rows that could not be recorded in all that time."""
        result["refused"] += [Refused(number, LATE).as_json() for number in result["again"]]
        result["again"] = []

    def _take(self, file: File, row: SignUp | Refused, result: JSON) -> None:
        """Record a row, and count it. What is wrong with one row stops no other."""
        refused = row if isinstance(row, Refused) else None
        try:
            if isinstance(row, SignUp):
                result[self._recorded(file, row)] += 1
        except InvalidInputError as error:
            refused = Refused(row.number, error, row.customer_id)
        except PassingError:
            result["again"].append(row.number)
        except Exception:  # noqa: BLE001 - whatever a person wrote into that customer's record
            refused = Refused(row.number, UNREADABLE, row.customer_id)
        if refused:
            result["refused"].append(refused.as_json())
        result["pending"] = result["recorded"] + result["unchanged"]

    def _recorded(self, file: File, row: SignUp) -> str:
        """Record a row. Returns whether it was `recorded`, now or by a step that broke off, or the
        record stayed `unchanged`."""
        wanted = partial(file.events_for, row, self.run.now)
        change = record(self.run.registry, row.customer_id, wanted)
        return "recorded" if change.written or file.wrote(change.before) else "unchanged"

    def _look(self, file: File, result: JSON) -> None:
        """Count the customers who have a key in the plan of their record, and those who get
        none."""
        refused = {item["row"] for item in result["refused"]} | {*result["again"]}
        served = [r for r in file.rows if isinstance(r, SignUp) and r.number not in refused]
        records = self.run.registry.customers.load_all()
        stored = {str(item.get("customer_id")): item for item in records.desired}
        waiting = [row for row in served if not _has_key(row.customer_id, stored, records)]
        failures = {item["customer_id"]: item for item in result["failures"]}
        new = [row for row in waiting if row.customer_id not in failures][:ASKED_A_LOOK]
        reasons = {r.customer_id: self._failure(file, r, stored.get(r.customer_id)) for r in new}
        failures |= {name: failure for name, failure in reasons.items() if failure}
        result["failures"] = [
            failures[row.customer_id] for row in waiting if row.customer_id in failures
        ]
        result["issued"], result["failed"] = len(served) - len(waiting), len(result["failures"])
        result["pending"] = len(waiting) - result["failed"]
        result["looks"] += 1

    def _failure(self, file: File, row: SignUp, stored: JSON | None) -> JSON | None:
        """Why a customer has no key and gets none, None for one whose run may be on its way. Of a
        row that was recorded only a later failure counts."""
        about = {"row": row.number, "customer_id": row.customer_id}
        if not stored or stored.get("status") != "active":
            return about | {"error": str(NOT_ACTIVE)}
        since = iso(file.put_at) if file.wrote(stored) else ""
        lines = self.run.registry.ledger.of(f"customer#{row.customer_id}", LINES_ASKED)
        failed = [line for line in lines if line["action"] == FAILED and line["at"] >= since]
        if not failed:
            return None
        return about | {"error": str(failed[-1].get("reason", ""))}

    def _end(self, result: JSON) -> JSON:
        result["finished_at"] = iso(self.run.now)
        self._save(result)
        return result

    def _save(self, result: JSON) -> None:
        self.files.save_result(result["file"], result | {"updated_at": iso(self.run.now)})


def _has_key(customer_id: str, stored: Mapping[str, JSON], records: AccountRecords) -> bool:
    """Whether API Gateway has confirmed a key of the customer in the plans of its record."""
    plan = one_field(stored.get(customer_id, {})).get("plan")
    plans = {*plan} if isinstance(plan, list) else {plan}
    keys = records.keys.get(customer_id, KeyRecords()).keys
    return any(key.is_settled and plans <= {*key.plans} for key in keys)
