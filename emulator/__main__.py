"""`python -m emulator`: the emulator alone. Prints one line of JSON with its two URLs."""

from __future__ import annotations

import argparse
import json

from emulator.emulator import Emulator
from emulator.ending import Ending
from emulator.server import start


def main() -> None:
    """Serve until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m emulator", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="control plane; 0: a free one")
    parser.add_argument("--invoke-port", type=int, default=0, help="data plane; 0: a free one")
    parser.add_argument("--region", default="us-east-1")
    parser.add_argument("--account-id", default="123456789012")
    options = parser.parse_args()
    ending = Ending()
    emulator = Emulator(region=options.region, account_id=options.account_id)
    running = start(emulator, port=options.port, invoke_port=options.invoke_port)
    print(json.dumps({"apigateway": running.url, "invoke": running.invoke_url}), flush=True)
    ending.wait()
    running.stop()


if __name__ == "__main__":
    main()
