"""Mutation testing: does a test fail for each small change of the code that decides?

    python -m tools.mutants [MODULE ...]      modules by their paths in layers/keyward/keyward

mutmut makes the mutants, in a copy of the tree under build/mutants, and tools/mutant_tests.py runs
the tests that reach each of them. mutmut wants the newest click, so it has a venv of its own, which
reads the packages of .venv as well. What survives is compared with tests/mutants.json, where each
survivor stands with the reason why it may.

A change of the words of a sentence (a text with a space in it) is no mutant: words are not
decisions. A change of a name, of a key or of what a sentence is filled with is one.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
HOME = ROOT / "build/mutants"
TREE, VENV, ANSWER = HOME / "tree", HOME / "venv", HOME / "outcome.json"
LOCK = "requirements/mutants/mutants.txt"
REASONS = ROOT / "tests/mutants.json"
GOAL = 95.0

# What decides, with the quick tests that are about it: a mutant runs those that reach it.
POLICY = (
    "tests/policy/test_change_lines.py",
    "tests/policy/test_coverage.py",
    "tests/policy/test_exemption_lines.py",
    "tests/policy/test_narrower.py",
    "tests/policy/test_parts.py",
    "tests/policy/test_paths_and_periods.py",
    "tests/policy/test_policy.py",
    "tests/policy/test_refusal.py",
    "tests/policy/test_schema_rules.py",
)
PLANS = (
    "tests/customers/test_plan.py",
    "tests/customers/test_plan_due.py",
    "tests/customers/test_plan_end.py",
    "tests/customers/test_plan_extension.py",
    "tests/customers/test_plan_labels.py",
    "tests/customers/test_plan_number.py",
    "tests/customers/test_plan_placement.py",
    "tests/customers/test_plan_rotation.py",
    "tests/customers/test_plans_field.py",
)
APIS = (
    "tests/apis/test_compare.py",
    "tests/apis/test_compare_forms.py",
    "tests/apis/test_plan_cases.py",
)
SCHEDULE = (
    "tests/runs/test_schedule_lanes.py",
    "tests/runs/test_turns.py",
    "tests/runs/test_turns_together.py",
)
MODULES: dict[str, tuple[str, ...]] = {
    "policy/billing.py": POLICY,
    "policy/change_set.py": POLICY,
    "policy/coverage.py": POLICY,
    "policy/model.py": POLICY,
    "policy/narrower.py": POLICY,
    "policy/parse.py": POLICY,
    "policy/parts.py": POLICY,
    "policy/periods.py": POLICY,
    "policy/refusal.py": POLICY,
    "policy/schema.py": POLICY,
    "customers/plan.py": PLANS,
    "customers/plan_keys.py": PLANS,
    "customers/plan_moves.py": PLANS,
    "customers/plan_quota.py": PLANS,
    "customers/plans.py": PLANS,
    "apis/plan.py": APIS,
    "apis/compare.py": APIS,
    "runs/apis/journal.py": (
        "tests/runs/test_api_journal.py",
        "tests/runs/test_api_journal_ends.py",
    ),
    "runs/apis/protection.py": (
        "tests/runs/test_api_observed.py",
        "tests/runs/test_api_protection.py",
    ),
    "runs/apis/read.py": (
        "tests/runs/test_api_read.py",
        "tests/runs/test_api_read_working.py",
    ),
    "runs/apis/request.py": ("tests/runs/test_api_request.py",),
    "runs/apis/rollbacks.py": ("tests/runs/test_api_rollbacks.py",),
    "runs/apis/turn.py": ("tests/runs/test_api_turn.py", "tests/runs/test_api_turn_told.py"),
    "runs/console.py": (
        "tests/runs/test_console.py",
        "tests/machines/reconcile_customer/test_console_change.py",
    ),
    "runs/context.py": ("tests/runs/test_context.py",),
    "runs/due.py": ("tests/runs/test_refusals_due.py",),
    "runs/intake.py": ("tests/runs/test_intake.py",),
    "runs/journal.py": ("tests/runs/test_journal.py",),
    "runs/ledger.py": ("tests/runs/test_ledger_lines.py",),
    "runs/looks.py": ("tests/runs/test_starts.py",),
    "runs/keys/adoption.py": ("tests/runs/test_adoption_step.py",),
    "runs/keys/bulk.py": (
        "tests/runs/test_key_import.py",
        "tests/runs/test_key_import_call.py",
    ),
    "runs/keys/bulk_check.py": (
        "tests/runs/test_import_check.py",
        "tests/runs/test_imported_key.py",
    ),
    "runs/keys/claims.py": ("tests/runs/test_claim_desk.py",),
    "runs/keys/conflicts.py": ("tests/runs/test_key_conflicts.py",),
    "runs/keys/extension.py": (
        "tests/machines/reconcile_customer/test_extend_quota.py",
        "tests/machines/reconcile_customer/test_one_quota.py",
        "tests/runs/test_quota_steps.py",
    ),
    "runs/keys/handover.py": (
        "tests/machines/reconcile_customer/test_one_quota.py",
        "tests/machines/reconcile_customer/test_rotation.py",
        "tests/machines/reconcile_customer/test_successor.py",
        "tests/runs/test_quota_steps.py",
    ),
    "runs/keys/quotas.py": (
        "tests/machines/reconcile_customer/test_one_quota.py",
        "tests/runs/test_quota_steps.py",
    ),
    "runs/keys/refresh.py": (
        "tests/machines/reconcile_customer/test_key_look.py",
        "tests/runs/test_key_refresh.py",
    ),
    "runs/keys/step.py": (
        "tests/machines/reconcile_customer/test_plan_change.py",
        "tests/machines/reconcile_customer/test_run.py",
        "tests/runs/test_adoption_step.py",
        "tests/runs/test_key_step.py",
    ),
    "runs/lots.py": ("tests/runs/test_lots.py",),
    "runs/onboarding.py": (
        "tests/runs/test_onboarding_looks.py",
        "tests/runs/test_onboarding_steps.py",
    ),
    "runs/opens.py": ("tests/runs/test_opens.py",),
    "runs/outbox.py": ("tests/runs/test_tell_once.py",),
    "runs/owners.py": ("tests/runs/test_owners.py",),
    "runs/policy/account.py": ("tests/runs/test_policy_account.py",),
    "runs/policy/announcements.py": ("tests/runs/test_policy_announcements.py",),
    "runs/policy/run.py": (
        "tests/runs/test_policy_holds.py",
        "tests/runs/test_policy_plan.py",
        "tests/runs/test_policy_plan_refused.py",
        "tests/runs/test_policy_update.py",
    ),
    "runs/policy/our_plans.py": ("tests/runs/test_our_plans.py",),
    "runs/policy/usage_plans.py": ("tests/runs/test_usage_plans.py",),
    "runs/record.py": (
        "tests/runs/test_record.py",
        "tests/machines/reconcile_customer/test_put_by_hand.py",
        "tests/machines/test_removals.py",
    ),
    "runs/removals.py": ("tests/runs/test_removals.py",),
    "runs/resuming.py": ("tests/runs/test_resume_run.py",),
    "runs/run.py": ("tests/runs/test_run.py",),
    "runs/runtime.py": ("tests/runs/test_runtime_adapters.py",),
    "runs/schedule.py": SCHEDULE,
    "runs/stopped.py": ("tests/runs/test_stopped.py",),
    "runs/turns.py": SCHEDULE,
    "runs/waiting.py": ("tests/runs/test_starts.py",),
}

# What is left out for good, each with the reason.
EXCUSED = {
    "policy/facts.py": "It has fields and no function, so mutmut finds nothing to change.",
}


@dataclass(frozen=True)
class Outcome:
    """A module's number of mutants, and those that no test noticed, each as its change."""

    module: str
    mutants: int
    survivors: Sequence[str]

    @property
    def killed(self) -> float:
        """Percent of the mutants."""
        return 100 * (self.mutants - len(self.survivors)) / max(1, self.mutants)


def main(wanted: Sequence[str]) -> int:
    """Exit code 1 when less than GOAL percent are killed, a survivor stands without a reason, or a
    reason without its survivor."""
    unknown = sorted({*wanted} - {*MODULES})
    if unknown:
        raise SystemExit(f"mutants: {unknown[0]} is not in MODULES of tools/mutants.py. Add it")
    _make_venv()
    _make_tree()
    modules = list(wanted or MODULES)
    print(f"mutants: {len(modules)} modules, this takes minutes ...", file=sys.stderr)
    outcomes = _outcomes(modules)
    reasons: dict[str, dict[str, str]] = json.loads(REASONS.read_text("utf-8"))
    print(
        "| module | mutants | killed | with a reason | without |\n| --- | --- | --- | --- | --- |"
    )
    for one in outcomes:
        left, stale = _without_reason(one, reasons), _stale(one, reasons)
        told = len(one.survivors) - len(left)
        print(f"| {one.module} | {one.mutants} | {one.killed:.1f} % | {told} | {len(left)} |")
        for title, changes in (("survived", left), ("is killed now", stale)):
            for change in changes:
                print(f"\n{title}: {change}", file=sys.stderr)
    total = sum(one.mutants for one in outcomes)
    survived = sum(len(one.survivors) for one in outcomes)
    killed = 100 * (total - survived) / max(1, total)
    print(f"mutants: {total}, killed {killed:.1f} %")
    is_clean = not any(_without_reason(one, reasons) + _stale(one, reasons) for one in outcomes)
    return 0 if is_clean and killed >= GOAL else 1


def _without_reason(one: Outcome, reasons: dict[str, dict[str, str]]) -> list[str]:
    return sorted({*one.survivors} - {*reasons.get(one.module, {})})


def _stale(one: Outcome, reasons: dict[str, dict[str, str]]) -> list[str]:
    return sorted({*reasons.get(one.module, {})} - {*one.survivors})


def _make_venv() -> None:
    stamp, lock = VENV / ".installed", (ROOT / LOCK).read_text()
    if stamp.exists() and stamp.read_text() == lock:
        return
    uv = str(ROOT / ".venv/bin/uv")
    env = os.environ | {"VIRTUAL_ENV": str(VENV)}
    subprocess.run([uv, "venv", "-q", "--python", sys.executable, str(VENV)], check=True, env=env)
    install = [uv, "pip", "install", "-q", "--no-deps", "--require-hashes", "-r", str(ROOT / LOCK)]
    subprocess.run(install, check=True, env=env)
    [packages] = VENV.glob("lib/python*/site-packages")
    [shared] = (ROOT / ".venv").glob("lib/python*/site-packages")
    (packages / "shared.pth").write_text(f"{shared}\n")
    stamp.write_text(lock)


def _make_tree() -> None:
    """A copy of the files that git knows; the last run's is gone."""
    shutil.rmtree(TREE, ignore_errors=True)
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, check=True, cwd=ROOT, capture_output=True, text=True)
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (TREE / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, TREE / name)
    # mutmut asks for it, though it is told which files to change.
    (TREE / "setup.cfg").write_text("[mutmut]\nsource_paths=layers/keyward\n")


def _outcomes(modules: Sequence[str]) -> list[Outcome]:
    command = [str(VENV / "bin/python"), "-m", "tools.mutant_tests", str(ANSWER), *modules]
    done = subprocess.run(command, cwd=TREE, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"mutants: no answer\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return [Outcome(**outcome) for outcome in json.loads(ANSWER.read_text("utf-8"))]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
