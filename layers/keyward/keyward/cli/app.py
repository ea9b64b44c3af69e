"""The command `keyward`: what people ask Keyward from their own machine.

It writes nothing itself: what it asks for goes over the event bus, the policy parameter or a run.
It needs click, which the layer does not have: no function imports
this room.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence

import click
from botocore.exceptions import BotoCoreError
from click.shell_completion import BashComplete, FishComplete, ZshComplete

import keyward
from keyward.cli.answers import approve, holds, reject
from keyward.cli.dlq import dlq
from keyward.cli.history import history_lines
from keyward.cli.key_values import key
from keyward.cli.lint import lint
from keyward.cli.look import look
from keyward.cli.options import FINE, FOUND, WRONG, json_option, of_stack, say, show, with_colour
from keyward.cli.outcomes import outcomes
from keyward.cli.policy import policy
from keyward.cli.report import report
from keyward.cli.requests import send
from keyward.cli.stack import (
    DEFAULT_MODE,
    LOCAL_PORT,
    NoStackError,
    StackClient,
    local_endpoints,
)
from keyward.cli.status import status
from keyward.cli.stop import start, stop
from keyward.cli.undo import undo
from keyward.errors import GatewayRefusedError, KeywardError, PassingError, ServiceRefusedError
from keyward.events.key_value import blotted
from keyward.explain.model import parse_question
from keyward.explain.read import Explainer, Records
from keyward.explain.render import as_json, as_lines
from keyward.policy.model import Policy

SHELLS = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}


def main(arguments: Sequence[str] | None = None, now: Callable[[], float] = time.time) -> int:
    """Run a command; the exit code. `now` tells epoch seconds."""
    words = None if arguments is None else list(arguments)
    try:
        code = commands.main(
            words, prog_name="keyward", standalone_mode=False, obj=now, color=with_colour()
        )
    except click.ClickException as error:
        # A value in the wrong place is not told to the log as well.
        error.message = blotted(error.message)
        error.show()
        return WRONG
    except (KeywardError, BotoCoreError) as error:
        say(f"error: {_sentence(error)}", err=True)
        return WRONG
    except (click.Abort, KeyboardInterrupt):
        return WRONG
    return int(code or FINE)


def _sentence(error: Exception) -> str:
    if isinstance(error, (ServiceRefusedError, GatewayRefusedError)):
        return f"AWS refused {error}. Check your credentials and their rights"
    if isinstance(error, PassingError) and "EndpointConnectionError" in str(error):
        if where := os.environ.get("AWS_ENDPOINT_URL"):
            return f"Nothing answers at {where}. Is `make local` running, and on this PORT?"
        return f"AWS cannot be reached ({error}). Check the network, and the name of the Region"
    if isinstance(error, PassingError):
        return f"AWS did not answer {error}. Try again in a minute"
    return str(error)


@click.group(
    "keyward",
    no_args_is_help=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 fine, 1 something was found, 2 a wrong call or nothing could be read.",
)
@click.version_option(keyward.__version__, prog_name="keyward")
@click.option("--local", "is_local", is_flag=True, help="Ask the local AWS of `make local`.")
def commands(is_local: bool) -> None:
    """Automate the API keys of Amazon API Gateway: look, explain, check.

    Region and credentials are those of the AWS CLI. Completion in a shell: keyward completion.
    """
    if is_local:
        port = os.environ.get("PORT") or str(LOCAL_PORT)
        # API Gateway is on the next one.
        if not port.isascii() or not port.isdecimal() or not 0 < int(port) < 65535:
            raise click.UsageError(f"PORT must be a number from 1 to 65534, got {port!r}.")
        os.environ.update(local_endpoints(int(port)))


@commands.command()
@click.argument("customer")
@click.option("--api", is_flag=True, help="CUSTOMER is the id of a REST API.")
@click.option("--last", type=click.IntRange(min=1), metavar="N", help="Only the newest N lines.")
@of_stack
def history(
    customer: str, api: bool, last: int | None, stack: str, region: str | None, as_data: bool
) -> int:
    """Print who asked what for a CUSTOMER, what was done, and when.

    The exit code is 1 when the ledger has no line.
    """
    subject = f"{'api' if api else 'customer'}#{customer}"
    lines = StackClient.here(region).stack(stack).ledger().of(subject, last)
    show(as_data, lines, history_lines(lines))
    if not lines:
        hint = "" if api else ". For a REST API give its id and --api"
        say(f"the ledger has no line of {subject}{hint}", err=True)
    return FINE if lines else FOUND


@commands.command()
@click.option("--customer", "customer_id", metavar="ID", help="The customer whose key is refused.")
@click.option("--key-id", metavar="ID", help="The key's id instead; never its value.")
@click.option("--api", "rest_api_id", metavar="ID", required=True, help="The REST API.")
@click.option("--stage", metavar="NAME", required=True)
@of_stack
@click.argument("method")
@click.argument("path")
@click.pass_obj
def why(
    now: Callable[[], float], /, stack: str, region: str | None, as_data: bool, **call: str | None
) -> int:
    """Explain why a call is answered by 403 or 429, and what helps.

    METHOD is GET, POST …; PATH is the path behind the stage, like /pets/7. Without a stack only API
    Gateway is read. The exit code is 1 when the call would be denied.
    """
    if (call["customer_id"] is None) == (call["key_id"] is None):
        raise click.UsageError("Give either --customer or --key-id.")
    question = parse_question(call)
    explainer = _explainer(StackClient.here(region), stack, now)
    found = explainer.explain(question.request, question.customer_id, question.key_id)
    explained = as_json(found, stack)
    show(as_data, explained, as_lines(explained))
    return FINE if explained["allowed"] else FOUND


def _explainer(client: StackClient, name: str, now: Callable[[], float]) -> Explainer:
    try:
        stack = client.stack(name)
    except NoStackError as error:
        say(f"note: {error}. Only API Gateway is read", err=True)
        return Explainer(client.gateway(), None, Policy({}), DEFAULT_MODE, now)
    records = Records(stack.customers(), stack.apis())
    return Explainer(client.gateway(), records, stack.policy(now()), stack.default_mode(), now)


@commands.command()
@click.argument("shell", type=click.Choice([*SHELLS]))
@json_option
def completion(shell: str, as_data: bool) -> int:
    """Print the script that completes commands and options in a SHELL.

    For bash: eval "$(keyward completion bash)", in ~/.bashrc.
    """
    script = SHELLS[shell](commands, {}, "keyward", "_KEYWARD_COMPLETE").source()
    show(as_data, {"shell": shell, "script": script}, script.splitlines())
    return FINE


COMMANDS = (
    approve,
    dlq,
    holds,
    key,
    lint,
    look,
    outcomes,
    policy,
    reject,
    report,
    send,
    start,
    status,
    stop,
    undo,
)
for command in COMMANDS:
    commands.add_command(command)
