"""Imports one function and calls it once, in a process of its own; prints what that took.

Run by benchmarks.startup: `python -I -S probe.py <module> <folder>...`, the folders are the whole
path beside the standard library. The event and the time come as JSON on stdin. Nothing is imported
here that could make the function's own imports look cheaper.
"""

import sys
import time

BARE = time.process_time()
REFERENCE = "reference"


def main() -> None:
    """CPU seconds as time.process_time counts them, user and system."""
    name, folders = sys.argv[1], sys.argv[2:]
    sys.path[:0] = folders
    known, began = len(sys.modules), time.process_time()
    if name == REFERENCE:
        import boto3

        imported = time.process_time()
        boto3.client("apigateway")
        modules = len(sys.modules) - known
    else:
        function = __import__(name)
        imported, modules = time.process_time(), len(sys.modules) - known
        _invoke(function)
    ended = time.process_time()
    import json

    told = {"bare": BARE, "imported": imported - began, "ready": ended - began, "modules": modules}
    print("\n" + json.dumps(told))


def _invoke(function: object) -> None:
    import json

    take = json.load(sys.stdin)
    sys.modules["keyward.runs.runtime"].now = lambda: take["now"]  # type: ignore[attr-defined]
    function.handler(take["event"], Context)  # type: ignore[attr-defined]


class Context:
    """What Lambda tells of an invocation."""

    aws_request_id = "request-1"

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        """As at the start of a function of 5 minutes."""
        return 300_000


main()
