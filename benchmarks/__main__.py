"""`python -m benchmarks`: measure Keyward and its peers, print the tables, save them."""

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
    """Run everything; progress goes to stderr, the tables to stdout. SIZE=small measures little, in
    a minute, and saves nothing. The exit status is 1 when a budget is broken, unless it is known to
    be."""
    os.environ.update(ENVIRONMENT)
    sys.path[:0] = [str(ROOT / "layers" / "keyward"), str(ROOT / "functions")]
    from benchmarks import budgets, report
    from benchmarks.plan import SIZES, figures, peers
    from benchmarks.startup import SIGN_UP, start_ups

    is_small = os.environ.get("SIZE", "full") == "small"
    size, measured = SIZES["small" if is_small else "full"], []
    began = time.monotonic()
    for one in figures(size):
        measured.append(one)
        _say(began, one.job)
    rows, missing = peers(size)
    _say(began, "the peers")
    latest = report.report(
        [*measured, *rows], start_ups(1, SIGN_UP) if is_small else start_ups(), missing
    )
    _say(began, "start-up of each function, in processes of its own")
    print("\n".join(report.printed(latest)))
    if not is_small:
        report.save(latest)
        _say(began, f"saved as {report.LATEST.relative_to(ROOT)}")
    surprises = budgets.surprises(report.checks(latest), is_whole=not is_small)
    for surprise in surprises:
        print(f"bench: {surprise}", file=sys.stderr)
    return 1 if surprises else 0


def _say(began: float, what: str) -> None:
    print(f"bench: {time.monotonic() - began:5.1f} s  {what}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
