"""ImportApiKeys (aws-recorded.md 2; developer guide, API key file format)."""

from __future__ import annotations

import csv
import io

from emulator.context import Context, Handler
from emulator.errors import ApiGatewayError, bad_request
from emulator.ids import LONG
from emulator.model import JSON, ApiKey
from emulator.operations import common
from emulator.operations.keys import check_texts, check_value, drop_empty
from emulator.operations.plan_keys import attach

REQUIRED = ("Name", "Key")


def import_api_keys(context: Context, params: JSON) -> JSON:
    """ImportApiKeys. With failOnWarnings the good rows are created all the same, as recorded."""
    ids: list[str] = []
    warnings: list[str] = []
    for number, row in enumerate(_rows(params.get("body") or b""), 1):
        try:
            ids.append(_import_row(context, row))
        except ApiGatewayError as problem:
            warnings.append(f"Skipped invalid record: {number}. {problem.message}")
    if warnings and params.get("failOnWarnings"):
        raise bad_request("Warnings found during import:" + "".join(f"\n\t{w}" for w in warnings))
    return {"ids": ids, "warnings": warnings}


def _rows(body: bytes) -> list[dict[str, str]]:
    """The rows by lower-case column name."""
    try:
        lines = list(csv.reader(io.StringIO(body.decode("utf-8-sig")), skipinitialspace=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise bad_request("Invalid CSV input.") from error
    lines = [line for line in lines if line]
    header = [name.strip().lower() for name in lines[0]] if lines else []
    for name in REQUIRED:
        if name.lower() not in header:
            raise bad_request(f"Missing required column '{name}' ")  # the space is AWS's own
    return [dict(zip(header, _rejoined(line), strict=False)) for line in lines[1:]]


def _rejoined(line: list[str]) -> list[str]:
    """The cells, those in single quotes whole and bare: several plans stand in double or in single
    quotes (developer guide, API key file format); the csv module knows one kind at a time."""
    cells: list[str] = []
    rest = list(line)
    while rest:
        count = _in_single_quotes(rest)
        cell = ",".join(rest[: count or 1])
        cells.append(cell.strip()[1:-1] if count else cell)
        del rest[: count or 1]
    return cells


def _in_single_quotes(cells: list[str]) -> int:
    """How many cells a value in single quotes takes; 0 when the first cell begins none."""
    if not cells[0].startswith("'"):
        return 0
    closed = (number for number, cell in enumerate(cells, 1) if cell.rstrip().endswith("'"))
    return next((number for number in closed if number > 1 or len(cells[0].strip()) > 1), 0)


def _import_row(context: Context, row: dict[str, str]) -> str:
    """Create the key, or overwrite the one of the same value; then attach it."""
    value = row.get("key", "").strip()
    check_value(value)
    settings: JSON = {
        "name": row.get("name", "").strip(),
        "description": row.get("description", "").strip(),
    }
    check_texts(settings)
    now = context.now()
    enabled = row.get("enabled", "").strip()
    settings = drop_empty(settings) | {
        "enabled": common.parse_boolean(enabled or "true"),
        "createdDate": now,
        "lastUpdatedDate": now,
    }
    key = _store(context, value, settings)
    for plan_id in row.get("usageplanids", "").split(","):
        _attach(context, plan_id.strip(), key)
    return key.id


def _store(context: Context, value: str, settings: JSON) -> ApiKey:
    existing = context.state.key_with(value)
    if existing:
        unchanged = {
            name: item
            for name, item in existing.settings.items()
            if name in ("id", "customerId", "stageKeys", "tags")
        }
        existing.settings = unchanged | settings
        context.state.add_key(existing)
        return existing
    common.check_limit(len(context.state.keys), common.MAX_KEYS, "API Keys")
    made = ApiKey(context.ids.new(LONG, context.state.keys), value, settings)
    settings |= {"id": made.id, "stageKeys": []}
    context.state.add_key(made)
    return made


def _attach(context: Context, plan_id: str, key: ApiKey) -> None:
    """An unknown plan is passed over in silence (recorded), and one that has the key already."""
    plan = context.state.plans.get(plan_id)
    if plan and key.id not in plan.key_ids:
        attach(context, plan, key)


HANDLERS: dict[str, Handler] = {"ImportApiKeys": import_api_keys}
