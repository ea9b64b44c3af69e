"""Conclude an audit: the findings in all that was read, and the runs that repair them."""

from __future__ import annotations

from collections.abc import Iterable

from keyward.apis.model import OFF
from keyward.audit import keys as key_findings
from keyward.audit import usage_plans as plan_findings
from keyward.audit.account import AccountKeys, AccountReading
from keyward.audit.adopt import Adopter, Adoption
from keyward.audit.adoption_table import OwnerLookup
from keyward.audit.customers import CustomerAudit
from keyward.audit.keys import ADOPT_KEYS, of_usage
from keyward.audit.model import Finding, of_exemptions, orphaned_holds
from keyward.audit.opens import of_opens
from keyward.audit.owners import of_owners
from keyward.audit.remedies import for_people
from keyward.audit.room import of_room, of_waiting
from keyward.aws.tables import Registry
from keyward.aws.tables.customers import AccountRecords
from keyward.events.requester import AUDIT
from keyward.policy.model import Policy
from keyward.runs.policy.our_plans import OurPlans
from keyward.values import JSON, frozen, run_name


@frozen
class Conclusion:
    """Concludes an audit of the `stack` at `now` (epoch seconds)."""

    registry: Registry
    policy: Policy
    now: float
    stack: str
    sources: OwnerLookup | None = None

    def of(self, reading: AccountReading) -> tuple[JSON, list[Adoption]]:
        """Return `{findings, exempt, apis, customers, keys}`, where `exempt` are the methods open
        by an exemption; and, with `sources`, what can be adopted."""
        account = reading.keys
        records = self.registry.customers.load_all()
        found = CustomerAudit(account, self.policy, self.now).of_all(records)
        adoptions: list[Adoption] = []
        if account:
            found, adoptions = self._of_keys(found, account, records)
        found += of_usage(records, self.policy, self.now)
        found += of_opens(records, account, reading.plans, reading.apis, self.policy)
        found += self._of_plans(reading)
        found += reading.findings
        found += of_owners(reading.plans, reading.apis, self.policy, self.stack)
        if not reading.left:
            living = {api.rest_api_id for api in reading.apis if api.mode != OFF}
            found += orphaned_holds(self.registry.apis.all_holds(), living)
        named = {method["exemption"] for method in reading.exempt}
        found += of_exemptions(self.policy, named, self.now)
        return {
            "findings": [for_people(finding, self.stack) for finding in found],
            "exempt": list(reading.exempt),
            "apis": len(reading.apis),
            "customers": len(records.desired),
            "keys": len(account.keys) if account else 0,
        }, adoptions

    def _of_keys(
        self, found: list[Finding], account: AccountKeys, records: AccountRecords
    ) -> tuple[list[Finding], list[Adoption]]:
        """The findings of customers, as far as they stand with the keys, and those of keys."""
        adoptions: list[Adoption] = []
        strays = key_findings.unrecorded(account, records)
        of_keys = key_findings.of_keys(strays, account, records)
        if self.sources and account.plans is not None:
            adopter = Adopter(account, self.policy, self.sources, self.now)
            adoptions, left = adopter.plan(strays, records)
            found = key_findings.without_new_keys(found, adoptions)
            of_keys = key_findings.adoptable(of_keys, adoptions, left)
        of_records = [key for one in records.keys.values() for key in one.keys]
        if self.sources:
            of_keys += self.sources.unused_rows(account.keys, account.foreign, of_records)
        found = of_waiting(found, records.keys, len(account.keys))
        found += key_findings.of_other_plans(account, records, self.policy)
        return found + of_keys + of_room(account.keys.values(), of_records, self.now), adoptions

    def _of_plans(self, reading: AccountReading) -> list[Finding]:
        """The findings of the policy and of usage plans."""
        in_force = self.registry.policies.load()
        wanted = self.registry.parameter.read(in_force.version)
        names = {api.rest_api_id: api.name for api in reading.apis}
        ours = OurPlans(self.registry, self.stack, list(reading.plans), names.get)
        lacking = ours.lacking(self.policy)
        return [
            *plan_findings.of_edits(in_force, wanted),
            *plan_findings.of_plans(reading.plans, lacking, self.policy),
        ]


def repairs_of(found: Iterable[JSON], adoptions: Iterable[Adoption], audit: str) -> list[JSON]:
    """List what mends the findings, as the items of a list of work. Adoptions come first, so that
    no customer who has a key gets another one: `{adoption}`. Then one run for each customer and API
    that a state machine can mend: `{machine, name, task}`, named after the audit, so that a repeat
    starts nothing. A customer's keys are looked at first: the records may be what is wrong."""
    wanted = {
        (finding["mended_by"], finding.get("customer_id"), finding.get("rest_api_id"))
        for finding in found
        if finding.get("mended_by") not in (None, ADOPT_KEYS)
    }
    items: list[JSON] = [{"adoption": adoption.as_json()} for adoption in adoptions]
    return items + [_repair(*one, audit) for one in sorted(wanted, key=str)]


def summary_of(found: JSON) -> JSON:
    """Sum up the findings in numbers, for the output of the state machine."""
    return {name: found[name] for name in ("apis", "customers", "keys")} | {
        "exempt": len(found["exempt"]),
        "findings": counts_of(found["findings"]),
        "high": sum(finding["severity"] == "high" for finding in found["findings"]),
    }


def counts_of(found: Iterable[JSON]) -> dict[str, int]:
    """Count the findings of each kind."""
    counts: dict[str, int] = {}
    for finding in found:
        counts[finding["kind"]] = counts.get(finding["kind"], 0) + 1
    return dict(sorted(counts.items()))


def _repair(machine: str, customer_id: str | None, rest_api_id: str | None, audit: str) -> JSON:
    about: JSON = {"rest_api_id": rest_api_id} if rest_api_id else {}
    if customer_id:
        about = {"customer_id": customer_id, "look": True}
    task = about | {"asked": {"by": AUDIT}}
    name = run_name(customer_id or rest_api_id or machine, audit, "audit-")
    return {"machine": machine, "name": name, "task": task}
