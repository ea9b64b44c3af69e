"""`python -m local serve`: an AWS on this machine. `demo`, `demo-protection`: stories on it.
`demo-lifecycle`: one on a virtual clock. `report`: a page."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def main(arguments: list[str] | None = None) -> int:
    """Run the command; its exit code."""
    chosen = _parser().parse_args(arguments)
    if chosen.command == "demo-lifecycle":
        from local.demo import lifecycle

        return lifecycle.run()
    if chosen.command == "demo":
        from local import demo

        return demo.run(chosen.template)
    if chosen.command == "demo-protection":
        from local.demo import protection

        return protection.run(chosen.template)
    if chosen.command == "report":
        from local import report as reported

        return reported.run(chosen.template)
    from local import serve as served

    wanted = {"seed": chosen.seed, "template": chosen.template, "share": chosen.share}
    return served.serve(**wanted, port=chosen.port)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", help="until Ctrl-C; one line of JSON when ready")
    serve.add_argument("--seed", action="store_true", help="make a sample API, say how to use it")
    serve.add_argument(
        "--share",
        type=int,
        metavar="PERCENT",
        help="keep the quotas of API Gateway, and Keyward to its share of them (10 to 100)",
    )
    serve.add_argument(
        "--port",
        type=int,
        default=0,
        metavar="N",
        help="listen on N, N+1 (API Gateway) and N+2 (its stages), not on free ports",
    )
    story = commands.add_parser("demo", help="the whole manual job, done by events, step by step")
    guarded = commands.add_parser("demo-protection", help="how an API is protected, with care")
    commands.add_parser("demo-lifecycle", help="the whole life of a key, weeks in seconds")
    report = commands.add_parser("report", help="the report of a little world, as a page")
    for command in (serve, story, guarded, report):
        command.add_argument("--template", type=Path, help="deploy this instead of template.yaml")
    return parser


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        # As a shell tells of a program that Ctrl-C ended.
        sys.exit(130)
