"""The template by all rules of cfn-lint and of checkov; what is not followed has a reason here."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from pathlib import Path

from tests import tree
from tests.engines import kit

# Rules of cfn-lint that are for information, beside all others.
NOT_FOLLOWED = {
    "I3011": "Queues and their dead-letter queues hold work in hand, which dies with the stack.",
    "I3013": "Queues that Lambda reads are emptied in hours; only what is given up stays 14 days.",
}
# Checks of checkov. Each is one line: what it would cost, or what does its work here.
OF_CHECKOV = {
    "CKV_AWS_158": "A KMS key costs a dollar a month and a grant a role; logs hold no value.",
    "CKV_AWS_119": "Tables hold no value; DynamoDB encrypts at rest with its own key, for nothing.",
    "CKV_AWS_27": "SqsManagedSseEnabled encrypts; a KMS key would need a grant for EventBridge.",
    "CKV_AWS_26": "Alarms cannot publish to a topic under alias/aws/sns; it tells no value.",
    "CKV_AWS_18": "The bucket is private; CloudTrail's data events are the account's to switch on.",
    "CKV_AWS_116": "Nothing invokes functions asynchronously but rules with a DLQ of their own.",
    "CKV_AWS_117": "Functions call AWS only; a VPC costs a NAT gateway and adds no protection.",
    "CKV_AWS_115": "A new account has ten; reserving any would starve the others (faults.md, A6).",
    "CKV_AWS_173": "Variables are names and figures, no secret: tests/rules hold that.",
}


def test_cfn_lint_has_nothing_to_say_by_all_its_rules() -> None:
    command = ["cfn-lint", "--include-checks", "I", "--include-experimental"]
    command += ["--ignore-checks", *NOT_FOLLOWED, "--format", "json", "--template", "template.yaml"]
    ended = subprocess.run(command, cwd=tree.ROOT, capture_output=True, text=True, check=False)
    found = [f"{one['Rule']['Id']} {one['Message']}" for one in json.loads(ended.stdout or "[]")]
    kit.agreed("cfn-lint", "template, all rules but those with a reason", not found, 1)
    assert ended.stderr == ""
    assert found == []


def test_checkov_asks_for_nothing_that_is_not_followed_for_a_reason(tmp_path: Path) -> None:
    # It reads no template with aliases, which sam resolves before it sends one.
    plain = tmp_path / "template.json"
    plain.write_text(json.dumps(tree.template()))
    command = [str(kit.program("checkov")), "--file", str(plain), "--skip-download"]
    command += ["--framework", "cloudformation", "--quiet", "--output", "json"]
    ended = subprocess.run(command, cwd=tree.ROOT, capture_output=True, text=True, check=False)
    answer = json.loads(ended.stdout)
    assert answer.get("results"), answer
    failed = Counter(one["check_id"] for one in answer["results"]["failed_checks"])
    reasons = {*OF_CHECKOV}
    unknown = {check: times for check, times in failed.items() if check not in reasons}
    passed = int(answer["summary"]["passed"])
    explained = sum(times for check, times in failed.items() if check in reasons)
    total = passed + sum(failed.values())
    kit.agreed("checkov", "checks passed, or not followed for a reason", passed + explained, total)
    assert unknown == {}
    assert reasons - {*failed} == set(), "followed now: delete the reason"
