"""Run an audit in rounds, from its first call of API Gateway to its findings.

Between two rounds the state machine waits, so that most of the account's calls are left to others.
Documents of an audit in the bucket: `audit` (when it began, the plans, who keys belong to),
`reading` (audit/work.py), `findings` and `repairs`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import asdict

from keyward.apis.exemptions import ExemptMethod, ending, exemption_id, expiring
from keyward.audit.account import AccountReading
from keyward.audit.adoption_table import OwnerLookup, parse_owners
from keyward.audit.conclude import Conclusion, repairs_of, summary_of
from keyward.audit.pace import pace_of_reading
from keyward.audit.read import AuditReader, works_of
from keyward.audit.work import Round, Worker, WorkList
from keyward.aws.bucket import Audits
from keyward.aws.gateway import GatewayPlan
from keyward.errors import InvalidInputError, KeywardError
from keyward.events import contracts
from keyward.events.requester import AUDIT, with_cause
from keyward.events.spreadsheet import text_of
from keyward.policy.model import Policy
from keyward.runs import outbox
from keyward.runs.context import Context
from keyward.runs.owners import owned_plans
from keyward.runs.schedule import CALLS
from keyward.values import JSON, frozen

ABOUT, READING, REPAIRS, FINDINGS = "audit", "reading", "repairs", "findings"
# GetUsagePlans and GetRestApis, which say what there is to read.
LISTS = 2
OBJECT = re.compile(r"adopt/[A-Za-z0-9_.-]{1,100}")
NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")
FIELDS = ("repair", "adopt", "adopt_tag", "customers", "customers_object")


class TooLargeError(KeywardError):
    """The account's share of calls is too small to read it while somebody waits."""

    def __init__(self) -> None:
        super().__init__(
            "the account cannot be read within the time of this function. Start audit-account with "
            "the same input, or raise ControlPlaneShare"
        )


@frozen
class Audit:
    """The audit `name`, with what it needs of the account."""

    name: str
    documents: Audits
    context: Context
    default_mode: str

    def round(self, task: JSON) -> JSON:
        """Read on from where the last round ended; the last round concludes.

        Returns `{unfinished: true, wait_seconds}`, or `{unfinished: false, audit, repair,
        summary}`: numbers only, whatever the size of the account. `task` is the input of the audit.
        Raises InvalidInputError, and errors of the lists of APIs and plans.
        """
        repair = contracts.flag_of(task, "repair")
        policy = self.context.policy
        done = self.read_on(task, policy)
        if done.unfinished:
            return done.as_json()
        if self.documents.load(self.name, FINDINGS) is None:
            self._conclude(repair, policy)
        return concluded(self.name, repair, self.documents)

    def at_once(self, task: JSON, rest: Callable[[float], object], until: float) -> JSON:
        """Do all rounds for somebody who waits for the answer; `rest` waits between them. Raises
        TooLargeError when they would not be over by `until` (epoch seconds)."""
        while (answer := self.round(task))["unfinished"]:
            if self.context.now + answer["wait_seconds"] >= until:
                raise TooLargeError
            rest(answer["wait_seconds"])
        return answer

    def read_on(self, task: JSON, policy: Policy) -> Round:
        """Read on, from where the last round ended, and keep what was read; the last round makes
        this the newest reading. Raises InvalidInputError, and errors of the lists of APIs and
        plans."""
        if not self._reading.begun:
            self._begin(task)
        about = self.documents.load(self.name, ABOUT)
        context, plans = self.context, _plans(about)
        load_records = context.registry.apis.load_records
        of_apis = (context.gateway, load_records, plans, policy, self.default_mode)
        reader = AuditReader(*of_apis, context.clock, context.stack)
        pace = pace_of_reading(context.turns, self.name, context.clock)
        done = self._reading.go_on(Worker(reader.read, reader.not_read), pace)
        if not done.unfinished:
            self.documents.save_latest({"audit": self.name, "began": about["began"]})
        return done

    @property
    def has_begun(self) -> bool:
        """Whether something was read that is not forgotten."""
        return self._reading.begun and self.documents.load(self.name, ABOUT) is not None

    def reading(self) -> AccountReading:
        """What was read so far by an audit that has begun."""
        about, results = self.documents.load(self.name, ABOUT), list(self._reading.results())
        left = sum(work["kind"] == "api" for work in self._reading.items()[len(results) :])
        plans, stack = _plans(about), self.context.stack
        return AccountReading.of(float(about["began"]), plans, results, stack, left)

    @property
    def _reading(self) -> WorkList:
        return WorkList(self.documents, self.name, READING)

    def _begin(self, task: JSON) -> None:
        sources, began = sources_for(task, self.documents), self.context.now
        plans, apis = owned_plans(self.context), self.context.gateway.apis()
        if contracts.flag_of(task, "repair"):
            self._note_stages(plans, began)
        self.context.turns.debit({CALLS: LISTS}, began)
        about = {
            "began": began,
            "plans": [plan.as_json() for plan in plans],
            "sources": asdict(sources) if sources else None,
        }
        self.documents.save(self.name, ABOUT, about)
        self._reading.begin(works_of(apis, plans))

    def _note_stages(self, plans: Sequence[GatewayPlan], read_at: float) -> None:
        """Write down which stages each plan holds, whoever changed that. Of two plans of one name
        ours counts, and another stack's never."""
        stack = self.context.stack
        for plan in sorted(plans, key=lambda plan: plan.is_ours(stack)):
            if not plan.is_foreign(stack):
                self.context.registry.plan_stages.save(plan.name, plan.stages, read_at)

    def _conclude(self, repair: bool, policy: Policy) -> None:
        context, sources = self.context, self.documents.load(self.name, ABOUT)["sources"]
        lookup = OwnerLookup(**sources) if sources else None
        conclusion = Conclusion(context.registry, policy, context.now, context.stack, lookup)
        found, adoptions = conclusion.of(self.reading())
        repairs = WorkList(self.documents, self.name, REPAIRS)
        repairs.begin(repairs_of(found["findings"], adoptions, self.name) if repair else [])
        self.documents.save(self.name, FINDINGS, found)
        self.documents.publish(found)
        if repair:
            _announce_expiring(policy, found["exempt"], context)


def concluded(audit: str, repair: bool, documents: Audits) -> JSON:
    """The answer of an audit that is done. Raises InvalidInputError when there is none."""
    found = documents.load(audit, FINDINGS)
    if found is None:
        problem = f"there is no finished audit {audit}"
        raise InvalidInputError("repairs", problem, 'Start an audit with {"repair": true}')
    summary = summary_of(found)
    return {"unfinished": False, "audit": audit, "repair": repair, "summary": summary}


def _announce_expiring(policy: Policy, exempt: Sequence[JSON], context: Context) -> None:
    """Announce the exemptions that end soon, each once. `exempt` are the live methods that are
    open by an exemption, as the audit found them."""
    unstated: JSON = {"owner": None, "expires": None}
    live = [ExemptMethod(**unstated | item) for item in exempt]
    for exemption in ending(policy, context.now):
        mark = f"exemption-expiring#{exemption_id(exemption)}"
        event = with_cause(expiring(exemption, live), {"by": AUDIT})
        outbox.announce_once(context, mark, event)


def sources_for(task: JSON, documents: Audits) -> OwnerLookup | None:
    """Read who keys belong to from the input of an audit that adopts: `customers` (a map, or CSV
    text), or `customers_object`, a CSV object in the bucket of reports. None for an audit that does
    not adopt. Raises InvalidInputError."""
    if not contracts.flag_of(task, "adopt"):
        return None
    name = contracts.optional_of(task, "customers_object", OBJECT)
    content = documents.content(name) if name else None
    if name and content is None:
        remedy = "Put the CSV there, into the bucket of reports"
        raise InvalidInputError("customers_object", f"there is no object {name}", remedy)
    return parse_owners(task, None if content is None else text_of(content))


def _plans(about: JSON) -> list[GatewayPlan]:
    """The usage plans as they were when the audit began, with their owners."""
    return [GatewayPlan.of(item) for item in about["plans"]]
