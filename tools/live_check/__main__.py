"""Ask an AWS account what only it can settle: `make live-check`.

Exit codes: 0 all as expected, 1 something differs or stays, 2 a wrong call or a no."""

from __future__ import annotations

import argparse
import sys

from botocore.exceptions import BotoCoreError, ClientError

from tools.account import sentence
from tools.live_check import play
from tools.live_check.run import Run
from tools.live_check.state import opened
from tools.live_check.world import ROOT, Aws

FOLDER = ROOT / "build" / "live-check"


def main(arguments: list[str] | None = None) -> int:
    """Run, go on, or remove; the exit code."""
    parser = argparse.ArgumentParser(prog="make live-check", description=__doc__)
    parser.add_argument("--yes", action="store_true", help="do not ask before anything is made")
    parser.add_argument("--rehearse", action="store_true", help="on a local AWS of its own")
    parser.add_argument("--remove", action="store_true", help="only remove what a run made")
    parser.add_argument("--only", nargs="+", metavar="ID", help="these checks alone")
    chosen = parser.parse_args(arguments)
    if unknown := play.unknown(chosen.only or []):
        parser.error(f"--only: must be of {', '.join(play.ids())}; got {', '.join(unknown)}")
    if chosen.rehearse:
        return play.rehearse(FOLDER / "rehearsal", chosen.only)
    try:
        world = Aws()
        run = Run(world, opened(FOLDER / "state.json", world.account, world.region))
        if chosen.remove:
            return play.remove_all(run)
        if refusal := play.refusal(run):
            print(f"live-check: {refusal}")
            return 2
        if not chosen.yes and not agreed(run):
            return 2
        return play.run_all(run, FOLDER, chosen.only)
    except (BotoCoreError, ClientError, ValueError) as error:
        print(f"live-check: {sentence(error)}")
        return 2


def agreed(run: Run) -> bool:
    """Say what will be made and what it costs, and ask."""
    print(play.announcement(run))
    try:
        return input("Go on? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        print("\nlive-check: nobody answered, so nothing was made. Say --yes where nobody can.")
        return False


if __name__ == "__main__":
    sys.exit(main())
