"""`python -m local serve`: a local AWS until SIGINT or SIGTERM (DESIGN.md, section 6, "Local")."""

from __future__ import annotations

import json
import os
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from emulator.ending import Ending
from local import sample
from local.aws import SHARE_PARAMETER, TEMPLATE, LocalAws
from local.ministack import StartError
from local.narration import Narrator
from local.waiting import said_while

# The contract says 15 s from the signal to the end of the process.
END_SECONDS = 12.0
# How often `make local` looks for what happened.
TELL_SECONDS = 0.5
HOST_SETTINGS = (
    "AWS_",
    "MINISTACK_",
    "LOCALSTACK_",
    "LAMBDA_",
    "SFN_",
    "S3_",
    "PERSIST",
    "SERVICES",
)


def serve(
    *,
    seed: bool = False,
    template: Path | None = None,
    share: int | None = None,
    port: int = 0,
) -> int:
    """Start, print one line of JSON on standard output, wait for a signal, stop. The exit code.

    With `seed` there is a sample API, and standard error tells how to use it and what happens;
    `template` is the stack to deploy, Keyward's own by default. With a `share` in percent the
    account has its quotas, and Keyward waits for its turn as on AWS. It listens on `port` and the
    two after it; on free ones for 0.
    """
    ending = Ending()
    forget_host_settings()
    ready_line = take_standard_output()
    parameters = {SHARE_PARAMETER: str(share)} if share else {}
    try:
        aws = LocalAws.start(template or TEMPLATE, parameters=parameters, port=port)
    except StartError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    aws.emulator.enforce_quotas(bool(share))
    try:
        rest_api_id = sample.create(aws) if seed else None
        if rest_api_id:
            say(sample.how_to_use(sample.commands(aws, rest_api_id)))
        # The long line comes after what people read.
        os.write(ready_line, (json.dumps(contract(aws)) + "\n").encode())
        if seed:
            narrate(aws, ending)
        ending.wait()
    finally:
        with at_most(END_SECONDS), said_while("stopping", say if seed else lambda words: None):
            end(aws)
    return 0


def narrate(aws: LocalAws, ending: Ending) -> None:
    """Say what happens until the end was asked for."""
    narrator = Narrator(aws)
    while not ending.wait(TELL_SECONDS):
        for line in narrator.lines():
            say(line)
    say("stopping …")


def say(words: str) -> None:
    """For people: on standard error, as programs read standard output."""
    print(words, file=sys.stderr, flush=True)


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """End the process with exit code 0 if the block takes longer: the end was asked for."""

    def cut_off() -> None:
        print(f"serve: not at an end after {seconds:g} s, cut off", file=sys.stderr, flush=True)
        os._exit(0)

    timer = threading.Timer(seconds, cut_off)
    timer.daemon = True
    timer.start()
    yield
    # not cancelled: threads that still run could hold the interpreter as well


def end(aws: LocalAws) -> None:
    """Stop. Work that was under way may break off; it is reported on stderr and is no failure."""
    try:
        aws.stop()
    except Exception:  # noqa: BLE001 - whatever breaks in half-done work: the end was asked for
        print("serve: work that was under way broke off:", file=sys.stderr)
        traceback.print_exc()


def contract(aws: LocalAws) -> dict[str, object]:
    """What the line on standard output says."""
    return {
        "aws": aws.urls.aws,
        "apigateway": aws.urls.apigateway,
        "invoke": aws.urls.invoke,
        "region": aws.region,
        "outputs": aws.outputs,
    }


def take_standard_output() -> int:
    """A descriptor of standard output that only its holder has: whoever else prints, prints to
    standard error."""
    descriptor = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return descriptor


def forget_host_settings() -> None:
    """Keep the host's AWS configuration, proxies and settings of other local AWSs out."""
    for name in [name for name in os.environ if name.startswith(HOST_SETTINGS)]:
        del os.environ[name]
    os.environ.update(
        AWS_CONFIG_FILE=os.devnull,
        AWS_SHARED_CREDENTIALS_FILE=os.devnull,
        AWS_EC2_METADATA_DISABLED="true",
        NO_PROXY="127.0.0.1,localhost",
        no_proxy="127.0.0.1,localhost",
    )
