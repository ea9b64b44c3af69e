"""Questions to API Gateway alone."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from local.world import document
from tools.live_check.checks import Answer, check
from tools.live_check.run import KEYED, STAGE, Run

PLANS = "emulator/operations/plans.py"
# CreateApiKey: five a second (API Gateway quotas).
BURST = 60

# Asks API Gateway alone: it needs no stack, and its calls are recorded.
alone = partial(check, alone=True)


def code(error: ClientError) -> str:
    """A refusal as `429 TooManyRequestsException`."""
    status = error.response["ResponseMetadata"]["HTTPStatusCode"]
    return f"{status} {error.response['Error']['Code']}"


def refusal(call: Any, *args: Any, **params: Any) -> str:
    """The code of a refusal, `accepted` where there is none."""
    try:
        call(*args, **params)
    except ClientError as error:
        return code(error)
    return "accepted"


@alone("attach-twice", "accepted", engine="emulator/operations (plan keys)")
def attaching_a_key_twice(run: Run) -> str:
    """To a plan without stages."""
    plan = run.plan("twice")
    key = run.key("twice", plan)
    return refusal(run.attach, key["id"], plan)


@alone("attach-unknown", "404 NotFoundException", engine="emulator/operations (plan keys)")
def attaching_to_an_unknown_plan(run: Run) -> str:
    """A plan that was never made."""
    key = run.key("unknown")
    return refusal(run.attach, key["id"], "abc123")


@alone("stage-twice", "accepted", engine=PLANS)
def adding_a_stage_that_is_there(run: Run) -> str:
    """UpdateUsagePlan with the stage once more."""
    api = run.api("again", KEYED)
    plan = run.plan("again", api)
    patch = {"op": "add", "path": "/apiStages", "value": f"{api}:{STAGE}"}
    return refusal(run.gateway.update_usage_plan, usagePlanId=plan, patchOperations=[patch])


@alone("tag-plan", "the tag is there", engine="emulator/operations (tags)")
def tagging_a_plan(run: Run) -> str:
    """By its ARN."""
    plan = run.plan("tagged")
    run.tag(f"usageplans/{plan}", {"a": "b"})
    tags = run.gateway.get_usage_plan(usagePlanId=plan).get("tags", {})
    return "the tag is there" if tags == {"a": "b"} else f"tags: {tags}"


@alone("merge-key-source", "HEADER after the merge", engine="emulator/openapi")
def a_merge_keeps_the_key_source(run: Run) -> str:
    """PutRestApi in mode merge, of a document that says nothing of it."""
    api = run.api("merged", KEYED)
    patch = {"op": "replace", "path": "/apiKeySource", "value": "AUTHORIZER"}
    run.gateway.update_rest_api(restApiId=api, patchOperations=[patch])
    body = json.dumps(document(run.name("merged"), {"/toys": {"get": True}})).encode()
    run.gateway.put_rest_api(restApiId=api, mode="merge", body=body)
    found = run.gateway.get_rest_api(restApiId=api)["apiKeySource"]
    return f"{found} after the merge"


@alone("update-usage", "[0, 93] of 100", engine="emulator/operations (usage)")
def granting_calls(run: Run) -> str:
    """UpdateUsage sets what remains."""
    plan = run.plan("granted", quota={"limit": 100, "period": "DAY"})
    key = run.key("granted", plan)
    patch = {"op": "replace", "path": "/remaining", "value": "93"}
    run.gateway.update_usage(usagePlanId=plan, keyId=key["id"], patchOperations=[patch])
    return f"{run.usage(plan, key['id']) or 'nothing'} of 100"


@alone("csv-cells", "'a, b' and 'say \"hi\"'", engine="emulator/operations (import of keys)")
def cells_with_commas_and_quotes(run: Run) -> str:
    """Descriptions as RFC 4180 writes them."""
    names = [run.name("comma"), run.name("quote")]
    cells = ['"a, b"', '"say ""hi"""']
    ids = imported(run, [f"{name},{cell}" for name, cell in zip(names, cells, strict=True)])
    found = [run.gateway.get_api_key(apiKey=one).get("description") for one in ids]
    return " and ".join(f"'{text}'" for text in found)


def imported(run: Run, rows: list[str]) -> list[str]:
    """ImportApiKeys of rows of name and description: the ids."""
    text = "name,description,key,enabled\n"
    text += "".join(f"{row},{run.value()},true\n" for row in rows)
    made = run.gateway.import_api_keys(body=text.encode(), format="csv", failOnWarnings=False)
    return [run.state.keep("key", one) for one in made["ids"]]


@check(
    "import-rows",
    "all sizes taken",
    engine="emulator/operations (import of keys) and customers/imports",
)
def rows_that_an_import_takes(run: Run) -> Answer:
    """Larger and larger files, until one is refused."""
    for size in run.world.rows:
        rows = [f"{run.name(f'row-{size}-{number}')},row" for number in range(size)]
        try:
            ids = imported(run, rows)
        except ClientError as error:
            return Answer(f"{size} rows refused: {code(error)}", False)
        if len(ids) != size:
            return Answer(f"{len(ids)} keys of {size} rows", False)
    return Answer(f"all sizes taken, up to {size} rows", True)


@check(
    "throttle-codes",
    "429 TooManyRequestsException",
    source="api-gateway.md 1: CreateApiKey, five a second",
    engine="emulator/quotas.py",
)
def codes_of_a_throttle(run: Run) -> Answer:
    """More CreateApiKey at once than an account may."""
    client = run.world.hasty("apigateway")

    def one(number: int) -> tuple[str, str]:
        try:
            made = client.create_api_key(name=run.name(f"burst-{number}"))
        except ClientError as error:
            headers = error.response["ResponseMetadata"].get("HTTPHeaders", {})
            return code(error), headers.get("retry-after", "none")
        run.state.made.append(["key", made["id"]])
        return "201", ""

    run.world.quotas(True)
    try:
        with ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(one, range(BURST)))
    finally:
        run.world.quotas(False)
        run.state.save()
    made = [answer for answer in answers if answer[0] == "201"]
    others = sorted({f"{told}, Retry-After {after}" for told, after in answers if told != "201"})
    seen = f"{len(made)} of {BURST} made; {'; '.join(others) or 'no refusal'}"
    return Answer(seen, {told for told, _ in answers} == {"201", "429 TooManyRequestsException"})
