"""Sum up an event out for the ledger, by named members only. Pure."""

from __future__ import annotations

from typing import Any

from keyward.values import JSON

NAMED = ("customer_id", "rest_api_id", "stage", "plan", "key_id")
TEXTS = (*NAMED, "error", "reason")
# A stage may have hundreds of methods, and an item of DynamoDB holds 400 KB.
MAX_ACTIONS, MAX_CHARACTERS = 20, 500
WORDS_OF = ("method", "path", "key", "plan", "stage", "difference")


def summary_of(announced: JSON) -> JSON:
    """Name the event, what it is about and its trouble; `did` lists at most 20 actions and
    differences in words. Only named members are taken, so that no key value can get in."""
    detail = announced["detail"]
    summary: JSON = {"event": announced["detail_type"]}
    summary |= {name: str(detail[name])[:MAX_CHARACTERS] for name in TEXTS if detail.get(name)}
    # A truncated command would do something else, so the summary leaves a long one out.
    if 0 < len(str(detail.get("remedy") or "")) <= MAX_CHARACTERS:
        summary["remedy"] = str(detail["remedy"])
    items = [*(detail.get("actions") or []), *(detail.get("differences") or [])]
    did = [_words(item) for item in items[:MAX_ACTIONS]]
    if len(items) > MAX_ACTIONS:
        did.append(f"and {len(items) - MAX_ACTIONS} more")
    return summary | {"did": did}


def _words(item: Any) -> str:
    """Put an action or a difference in words: `require key GET /pets prod`."""
    if not isinstance(item, dict):
        return str(item)[:MAX_CHARACTERS]
    action = str(item.get("action", "")).replace("_", " ")
    # A difference of the whole stage, or of a whole path, has a star for the rest.
    rest = [str(item[name]) for name in WORDS_OF if item.get(name) not in (None, "", "*")]
    return " ".join([action, *rest]).strip()[:MAX_CHARACTERS]
