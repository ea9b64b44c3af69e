"""`keyward report`: the last report of a stack, as a table or as its page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from keyward.aws.bucket import DATA, PAGE
from keyward.cli.options import FINE, FOUND, Call, of_stack, write_page
from keyward.values import JSON, counted, parse_json

NONE_YET = "no report was written yet: the next night writes one"


@click.command()
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Save its page, too.")
@of_stack
def report(call: Call, /, html: Path | None) -> int:
    """Print what waits for a person, by the last report.

    The exit code is 1 when something waits.
    """
    if html and not html.parent.is_dir():
        raise click.UsageError(f"--html: there is no folder {html.parent}.")
    there = call.stack()
    found = parse_json(there.object(DATA) or "null")
    if not isinstance(found, dict):
        call.show(None, [NONE_YET])
        return FINE
    page = there.object(PAGE) if html else None
    if html and page is not None:
        write_page(html, page)
    call.show(found, _lines(found))
    return FOUND if found["waiting"] else FINE


def _lines(found: JSON) -> Iterator[str]:
    exposed = sum(len(stage["exposed"]) for api in found["apis"] for stage in api["stages"])
    yield (
        f"{found['place']}, written {found['written_at']}: {counted(exposed, 'open method')}, "
        f"{counted(len(found['waiting']), 'thing waits', 'things wait')} for a person"
    )
    for item in found["waiting"]:
        about = " ".join(
            item[name] for name in ("customer_id", "rest_api_id", "stage") if item[name]
        )
        kind = f"{item['kind'].replace('_', ' ')} {about}".strip()
        yield f"{item['severity']:4}  {kind}: {item['says']}"
        yield f"      {item['remedy']}"
