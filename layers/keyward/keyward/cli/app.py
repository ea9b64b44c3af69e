"""The command `keyward`: what people ask Keyward from their own machine.

What it asks for goes over the event bus, the policy parameter or a run. Itself it only writes a
stop of writes (stop.py) and lines of the ledger (notes.py). It needs click, which the layer does
not have: no function imports this room.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence

import click
from botocore.exceptions import BotoCoreError
from botocore.parsers import ResponseParserError
from click.shell_completion import BashComplete, FishComplete, ZshComplete

import keyward
from keyward.aws.tables.ledger import OF_STACK
from keyward.cli.answers import approve, holds, reject
from keyward.cli.dlq import dlq
from keyward.cli.history import history_lines
from keyward.cli.key_values import key
from keyward.cli.lint import lint
from keyward.cli.look import look
from keyward.cli.options import (
    FINE,
    FOUND,
    WRONG,
    Call,
    anywhere,
    of_nobody,
    of_stack,
    say,
    with_colour,
)
from keyward.cli.outcomes import outcomes
from keyward.cli.policy import policy
from keyward.cli.report import report
from keyward.cli.requests import send
from keyward.cli.stack import DEFAULT_MODE, NoStackError
from keyward.cli.status import status
from keyward.cli.stop import start, stop
from keyward.cli.undo import undo
from keyward.errors import GatewayRefusedError, KeywardError, PassingError, ServiceRefusedError
from keyward.events.key_value import blotted
from keyward.explain.model import parse_question
from keyward.explain.read import Explainer, Records
from keyward.explain.render import as_json, as_lines
from keyward.policy.model import Policy
from keyward.values import visible

SHELLS = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}


def main(arguments: Sequence[str] | None = None, now: Callable[[], float] = time.time) -> int:
    """Run a command; the exit code. `now` tells epoch seconds."""
    words = None if arguments is None else list(arguments)
    call = Call(now, tuple(commands.commands))
    try:
        code = commands.main(
            words, prog_name="keyward", standalone_mode=False, obj=call, color=with_colour()
        )
    except click.ClickException as error:
        # A value in the wrong place is not told to the log as well; click writes lines of its own.
        error.message = "\n".join(map(visible, blotted(error.message).split("\n")))
        error.show()
        return WRONG
    except (KeywardError, BotoCoreError, ResponseParserError) as error:
        call.say(f"error: {_sentence(error)}", err=True)
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
    if isinstance(error, ResponseParserError):
        return "What answered is not AWS. Check AWS_ENDPOINT_URL, PORT and the proxy"
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
@anywhere
def commands() -> None:
    """Automate the API keys of Amazon API Gateway: look, explain, check.

    Region and credentials are those of the AWS CLI. Completion in a shell: keyward completion. The
    options below may stand before a command's name or behind it.
    """


@commands.command()
@click.argument("customer", required=False)
@click.option("--api", is_flag=True, help="CUSTOMER is the id of a REST API.")
@click.option("--last", type=click.IntRange(min=1), metavar="N", help="Only the newest N lines.")
@of_stack
def history(call: Call, /, customer: str | None, api: bool, last: int | None) -> int:
    """Print who asked for what, what was done, and when.

    Without a CUSTOMER it tells who stopped and started the stack's writes, and who dropped or sent
    dead letters of no customer. The exit code is 1 when the ledger has no line.
    """
    if api and customer is None:
        raise click.UsageError("Give the id of a REST API with --api.")
    subject = f"{'api' if api else 'customer'}#{customer}" if customer else OF_STACK
    lines = call.stack().ledger().of(subject, last)
    call.show(lines, history_lines(lines))
    if not lines:
        hint = "" if api else ". For a REST API give its id and --api"
        hint = hint if customer else " itself. For a customer give its id"
        say(f"the ledger has no line of {subject if customer else 'the stack'}{hint}", err=True)
    return FINE if lines else FOUND


@commands.command()
@click.option("--customer", "customer_id", metavar="ID", help="The customer whose key is refused.")
@click.option("--key-id", metavar="ID", help="The key's id instead; never its value.")
@click.option("--api", "rest_api_id", metavar="ID", required=True, help="The REST API.")
@click.option("--stage", metavar="NAME", required=True)
@of_stack
@click.argument("method")
@click.argument("path")
def why(call: Call, /, **asked: str | None) -> int:
    """Explain why a call is answered by 403 or 429, and what helps.

    METHOD is GET, POST …; PATH is the path behind the stage, like /pets/7. Without a stack only API
    Gateway is read. The exit code is 1 when the call would be denied.
    """
    if (asked["customer_id"] is None) == (asked["key_id"] is None):
        raise click.UsageError("Give either --customer or --key-id.")
    question = parse_question(asked)
    explainer = _explainer(call)
    found = explainer.explain(question.request, question.customer_id, question.key_id)
    explained = as_json(found, call.stack_name)
    call.show(explained, as_lines(explained))
    return FINE if explained["allowed"] else FOUND


def _explainer(call: Call) -> Explainer:
    client, now = call.client(), call.now
    try:
        stack = client.stack(call.stack_name)
    except NoStackError as error:
        say(f"note: {error}. Only API Gateway is read", err=True)
        return Explainer(client.gateway(), None, Policy({}), DEFAULT_MODE, now)
    records = Records(stack.customers(), stack.apis())
    about = (stack.policy(now()), stack.default_mode(), now, stack.registry.schedule.stop())
    return Explainer(client.gateway(), records, *about)


@commands.command()
@click.argument("shell", type=click.Choice([*SHELLS]))
@of_nobody
def completion(call: Call, /, shell: str) -> int:
    """Print the script that completes commands in a SHELL.

    It completes options, too. For bash: eval "$(keyward completion bash)", in ~/.bashrc.
    """
    script = SHELLS[shell](commands, {}, "keyward", "_KEYWARD_COMPLETE").source()
    call.show({"shell": shell, "script": script}, script.splitlines())
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
