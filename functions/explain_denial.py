"""Explain denial: why a key is refused on a method, by what is there now. Reads only."""

from __future__ import annotations

from typing import Any

from keyward.explain.model import FIELDS, parse_question
from keyward.explain.read import Explainer, Records
from keyward.explain.render import as_json
from keyward.runs import runtime
from keyward.runs.run import only_fields


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Input `{customer_id | key_id, rest_api_id, stage, method, path}`; output `{allowed, cause,
    status?, message?, says?, evidence?, helps?, remedy?, also, …}` (docs/why.md). By
    IAM only."""
    only_fields(event, FIELDS)
    question = parse_question(event)
    run = runtime.context()
    explainer = Explainer(
        runtime.patient_gateway(),
        Records(run.registry.customers, run.registry.apis),
        run.policy,
        runtime.setting("DEFAULT_MODE"),
        run.clock,
    )
    found = explainer.explain(question.request, question.customer_id, question.key_id)
    return as_json(found, run.stack)
