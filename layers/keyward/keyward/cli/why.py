"""`python -m keyward.why`: the exact cause of a 403 or 429, the evidence, and the remedy.

Exit codes: 0 the call would be let in, 1 it is denied, 2 a wrong call, or nothing could be read.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence

from botocore.exceptions import BotoCoreError, ClientError

from keyward.cli.stack import DEFAULT_MODE, StackClient
from keyward.errors import KeywardError
from keyward.explain.model import question_of
from keyward.explain.read import Explainer, Records
from keyward.explain.render import as_json, as_text
from keyward.policy.model import Policy

WITHOUT_STACK = (
    "note: there is no stack {stack}, so only API Gateway is read; --stack names another\n"
)


def main(arguments: Sequence[str], now: Callable[[], float] = time.time) -> int:
    """Explains, says so, and returns the exit code. `now` tells epoch seconds."""
    options = _options(arguments)
    try:
        question = question_of(
            {
                "customer_id": options.customer,
                "key_id": options.key_id,
                "rest_api_id": options.api,
                "stage": options.stage,
                "method": options.method,
                "path": options.path,
            }
        )
        explainer = _explainer(StackClient.here(options.region), options.stack, now)
        told = as_json(explainer.explain(question.asked, question.customer_id, question.key_id))
    except (KeywardError, ClientError, BotoCoreError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    sys.stdout.write((json.dumps(told, indent=2) if options.json else as_text(told)) + "\n")
    return 0 if told["allowed"] else 1


def _explainer(outside: StackClient, stack: str, now: Callable[[], float]) -> Explainer:
    resources = outside.resources(stack)
    if resources is None:
        sys.stderr.write(WITHOUT_STACK.format(stack=stack))
        return Explainer(outside.gateway(), None, Policy({}), DEFAULT_MODE, now)
    records = Records(outside.customers(resources), outside.apis(resources))
    policy = outside.policy(resources, now())
    mode = outside.default_mode(stack)
    return Explainer(outside.gateway(), records, policy, mode, now)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m keyward.why",
        description="Says why a customer's key is refused on a method, and what helps. Reads only: "
        "API Gateway by its control plane, and the records of Keyward's stack.",
    )
    who = parser.add_mutually_exclusive_group(required=True)
    who.add_argument("--customer", metavar="ID", help="whose keys are asked about")
    who.add_argument("--key-id", metavar="ID", help="one key, by its id, never by its value")
    parser.add_argument("--api", metavar="ID", required=True, help="the REST API")
    parser.add_argument("--stage", metavar="NAME", required=True)
    parser.add_argument("--stack", metavar="NAME", default="keyward", help="Keyward's stack")
    parser.add_argument("--region", metavar="NAME", help="instead of the environment's")
    parser.add_argument("--json", action="store_true", help="the explanation as data")
    parser.add_argument("method", metavar="METHOD", help="GET, POST …")
    parser.add_argument("path", metavar="PATH", help="the path behind the stage, like /pets/7")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
