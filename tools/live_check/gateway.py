"""Questions to API Gateway alone."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from local.world import document
from tools.live_check.checks import Answer, check
from tools.live_check.run import KEYED, STAGE, NotHereError, Run

PLANS = "emulator/operations/plans.py"
# CreateApiKey: five a second (API Gateway quotas).
BURST = 60
# How many operations of one PATCH are tried.
PATCHES = (20, 60, 180)
# Characters of a long description.
LONGEST = 1000
# Seconds of more calls than an account may, from so many threads, each with a pause.
RUSH, THREADS, PAUSE = 6.0, 4, 0.05
# ASCII signs but letters and digits, as a header may hold them.
SIGNS = "-_.~!#$%&'*+^`|/:;=?@,\"()<>[]{}\\"

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


@alone("csv-line-breaks", "'one\\ntwo'", engine="emulator/operations/csv_import.py")
def cells_with_line_breaks(run: Run) -> str:
    """A description of two lines, in quotes as RFC 4180 has it."""
    [one] = imported(run, [f'{run.name("lines")},"one\ntwo"'])
    return repr(run.gateway.get_api_key(apiKey=one).get("description"))


@alone("value-signs", "all taken", engine="emulator/operations/keys.py and events/key_value.py")
def signs_in_the_value_of_a_key(run: Run) -> str:
    """CreateApiKey with a value for each sign."""
    refused = []
    for place, sign in enumerate(SIGNS):
        value = f"{run.value()}{sign}{place}"
        try:
            made = run.gateway.create_api_key(name=run.name(f"sign-{place}"), value=value)
        except ClientError as error:
            refused.append(f"{sign} ({code(error)})")
            continue
        run.state.keep("key", made["id"])
        if made["value"] != value:
            refused.append(f"{sign} (stored as something else)")
    return f"not taken: {' '.join(refused)}" if refused else "all taken"


def imported(run: Run, rows: list[str]) -> list[str]:
    """ImportApiKeys of rows of name and description: the ids."""
    text = "name,description,key,enabled\n"
    text += "".join(f"{row},{run.value()},true\n" for row in rows)
    made = run.gateway.import_api_keys(body=text.encode(), format="csv", failOnWarnings=False)
    return [run.state.keep("key", one) for one in made["ids"]]


@check("patch-operations", "all sizes taken", engine="emulator/operations/patching.py")
def operations_in_one_patch(run: Run) -> str:
    """Of UpdateRestApi: more and more at once."""
    api = run.api("patched", KEYED)
    for size in PATCHES:
        patches = [{"op": "add", "path": f"/binaryMediaTypes/a~1{n}"} for n in range(size)]
        seen = refusal(run.gateway.update_rest_api, restApiId=api, patchOperations=patches)
        if seen != "accepted":
            return f"{size} operations refused: {seen}"
    return "all sizes taken"


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
    "csv-bytes",
    "taken",
    engine="emulator/operations/csv_import.py and customers/imports",
)
def bytes_that_an_import_takes(run: Run) -> Answer:
    """As many rows as Keyward sends at most, with long descriptions."""
    size = run.world.rows[1]
    rows = [f"{run.name(f'long-{number}')},{'x' * LONGEST}" for number in range(size)]
    try:
        ids = imported(run, rows)
    except ClientError as error:
        return Answer(f"{size} rows of {LONGEST} signs refused: {code(error)}", False)
    return Answer(f"taken: {len(ids)} rows of {LONGEST} signs", len(ids) == size)


@check(
    "import-quota",
    "accepted",
    engine="emulator/quotas.py, and the price of an import in runs/",
)
def an_import_when_no_key_may_be_made(run: Run) -> str:
    """Does ImportApiKeys count for CreateApiKey's five a second?"""
    client = run.world.hasty("apigateway")
    row = f"name,key\n{run.name('beyond')},{run.value()}\n".encode()
    run.world.quotas(True)
    try:
        for number in range(BURST):
            seen = refusal(client.create_api_key, name=run.name(f"before-{number}"))
            if seen != "accepted":
                return refusal(client.import_api_keys, body=row, format="csv")
    finally:
        run.world.quotas(False)
    raise NotHereError(f"CreateApiKey was not refused {BURST} times in a row")


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


@check(
    "refused-tokens",
    "some 10 a second pass",
    source="the emulator: a refused call takes no token of the account's ten a second",
    engine="emulator/quotas.py",
)
def tokens_of_refused_calls(run: Run) -> Answer:
    """Many more calls than the account may: does what is refused take from what passes?"""
    client = run.world.hasty("apigateway")
    end = time.monotonic() + RUSH

    def rush(_: int) -> list[tuple[float, bool]]:
        calls = []
        while (now := time.monotonic()) < end:
            calls.append((now, refusal(client.get_rest_apis, limit=1) == "accepted"))
            time.sleep(PAUSE)
        return calls

    run.world.quotas(True)
    try:
        with ThreadPoolExecutor(THREADS) as pool:
            calls = [call for part in pool.map(rush, range(THREADS)) for call in part]
    finally:
        run.world.quotas(False)
    return passing(calls, end)


def passing(calls: list[tuple[float, bool]], end: float) -> Answer:
    """How many calls a second pass from the first refusal on; a call is its time, and whether it
    passed."""
    refused = [at for at, passed in calls if not passed]
    seconds = end - min(refused, default=end)
    if seconds < RUSH / 3:
        return Answer(f"no refusal among {len(calls)} calls in {RUSH:g} s", None)
    later = [passed for at, passed in calls if at >= end - seconds]
    rate, asked = sum(later) / seconds, len(later) / seconds
    return Answer(f"{rate:.0f} a second pass of {asked:.0f}", 7 <= rate <= 13)
