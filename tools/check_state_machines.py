"""Lets cfn-lint's rule E3601 look at the state machines.

cfn-lint does not open the file behind `DefinitionUri`, so each parsed definition is put into a
throw-away template as `Definition` (measured: reference/local-aws.md, "cfn-lint and ASL").
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import yaml
from cfnlint import api
from cfnlint.config import ManualArgs

ROOT = Path(__file__).resolve().parent.parent

# Stands in for a `${Name}` of DefinitionSubstitutions that has no plain value.
PLACEHOLDER = "arn:aws:lambda:us-east-1:123456789012:function:placeholder"
PLAIN = {"Partition": "aws"}


def definitions() -> dict[str, Any]:
    """Every state machine of the tree, parsed, by its path."""
    files = sorted((ROOT / "statemachines").glob("*.asl.yaml"))
    return {str(path.relative_to(ROOT)): read_definition(path) for path in files}


def read_definition(path: Path) -> Any:
    """One definition with placeholders for its substitutions."""
    text = path.read_text(encoding="utf-8")
    return yaml.safe_load(
        re.sub(r"\$\{(\w+)\}", lambda found: PLAIN.get(found[1], PLACEHOLDER), text)
    )


def findings(definition: Any) -> list[str]:
    """What cfn-lint says of one definition: rule and message."""
    template = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Resources": {
            "Checked": {
                "Type": "AWS::StepFunctions::StateMachine",
                "Properties": {
                    "RoleArn": "arn:aws:iam::123456789012:role/placeholder",
                    "Definition": definition,
                },
            }
        },
    }
    matches = api.lint(json.dumps(template, indent=1), config=ManualArgs(regions=["us-east-1"]))
    return [f"{match.rule.id} {match.message}" for match in matches]


def main() -> int:
    """Prints every finding; the exit status tells whether there was one, or nothing to look at."""
    found = definitions()
    if not found:
        print("no statemachines/*.asl.yaml to check")
        return 1
    lines = [f"{path}: {text}" for path, asl in found.items() for text in findings(asl)]
    print("\n".join(lines))
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
