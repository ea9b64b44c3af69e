"""`keyward report`: the last report of a stack, as a table or as its page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from keyward.aws.bucket import DATA, PAGE
from keyward.cli.options import FINE, FOUND, of_stack, show, write_page
from keyward.cli.stack import StackClient
from keyward.values import JSON, parse_json

NONE_YET = "no report was written yet: the next night writes one"


@click.command()
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Save its page, too.")
@of_stack
def report(html: Path | None, stack: str, region: str | None, as_data: bool) -> int:
    """Print what waits for a person, by the last report of the stack.

    The exit code is 1 when something waits.
    """
    if html and not html.parent.is_dir():
        raise click.UsageError(f"--html: there is no folder {html.parent}.")
    there = StackClient.here(region).stack(stack)
    found = parse_json(there.object(DATA) or "null")
    if not isinstance(found, dict):
        show(as_data, None, [NONE_YET])
        return FINE
    page = there.object(PAGE) if html else None
    if html and page is not None:
        write_page(html, page)
    show(as_data, found, _lines(found))
    return FOUND if found["waiting"] else FINE


def _lines(found: JSON) -> Iterator[str]:
    exposed = sum(len(stage["exposed"]) for api in found["apis"] for stage in api["stages"])
    yield (
        f"{found['place']}, written {found['written_at']}: {exposed:,} open methods, "
        f"{len(found['waiting']):,} things wait for a person"
    )
    for item in found["waiting"]:
        about = " ".join(
            item[name] for name in ("customer_id", "rest_api_id", "stage") if item[name]
        )
        yield f"{item['severity']:4}  {item['kind'].replace('_', ' ')} {about}: {item['says']}"
        yield f"      {item['remedy']}"
