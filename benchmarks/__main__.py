"""`python -m benchmarks`: measure, print one table, save it."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = {
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    # What functions log and count is not what is told here.
    "POWERTOOLS_LOG_LEVEL": "CRITICAL",
    "POWERTOOLS_METRICS_DISABLED": "true",
}


def main() -> int:
    """Run everything; progress goes to stderr, the table to stdout. SIZE=small measures little, in
    a minute, and saves nothing."""
    os.environ.update(ENVIRONMENT)
    sys.path[:0] = [str(ROOT / "layers" / "keyward"), str(ROOT / "functions")]
    from benchmarks import report
    from benchmarks.jobs import SIZES, costs
    from benchmarks.startup import SIGN_UP, start_ups

    size = os.environ.get("SIZE", "full")
    began, told = time.monotonic(), []
    for cost in costs(SIZES[size]):
        told.append(cost)
        _say(began, cost.job)
    _say(began, "start-up of each function, in processes of its own")
    is_small = size == "small"
    made = report.report(told, start_ups(1, SIGN_UP) if is_small else start_ups())
    print(report.table(made))
    if not is_small:
        report.save(made)
        _say(began, f"saved as {report.LATEST.relative_to(ROOT)}")
    return 0


def _say(began: float, what: str) -> None:
    print(f"bench: {time.monotonic() - began:5.1f} s  {what}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
