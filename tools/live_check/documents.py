"""Questions to imports of OpenAPI documents, and to an API that is being changed."""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import ClientError

from keyward.values import JSON
from local.world import document
from tools.live_check.checks import Answer
from tools.live_check.gateway import alone, code
from tools.live_check.run import KEYED, NotHereError, Run

IMPORTS = "emulator/openapi"
MODELS = ("Pet", "Pet-List", "Pet_2", "Pet.3")
PARTS = ("a-b", "a_b", "a.b", "a:b", "a~b", "a+b", "a b", "a@b")
# A policy of this kind is set by steps, in which the API is UPDATING (developer guide, security
# policies of REST APIs, 2025).
SLOW = {"securityPolicy": "SecurityPolicy_TLS13_1_3_2025_09", "endpointAccessMode": "BASIC"}


def imported(run: Run, body: JSON) -> JSON:
    """Import a document, and keep what was made: the answer."""
    made: JSON = run.gateway.import_rest_api(
        body=json.dumps(body).encode(), parameters={"endpointConfigurationTypes": "REGIONAL"}
    )
    run.state.keep("api", made["id"])
    return made


def resources(run: Run, api: str) -> dict[str, str]:
    """Ids by path."""
    items = run.gateway.get_resources(restApiId=api, limit=500)["items"]
    return {item["path"]: item["id"] for item in items}


@alone(
    "import-names",
    "left out: Pet-List, Pet_2, Pet.3; warned of: Pet-List, Pet_2, Pet.3, /a~b, /a+b, /a b, /a@b",
    engine=f"{IMPORTS} (names of models and path parts)",
)
def names_that_an_import_refuses(run: Run) -> str:
    """Of models and path parts: which are left out, and of which it warns."""
    body = document(run.name("names"), {f"/{part}": {"get": True} for part in PARTS})
    body["components"] = body.get("components", {}) | {
        "schemas": {name: {"type": "object"} for name in MODELS}
    }
    made = imported(run, body)
    models = run.gateway.get_models(restApiId=made["id"], limit=500)["items"]
    there = {model["name"] for model in models} | {*resources(run, made["id"])}
    warnings = "\n".join(made.get("warnings", []))
    names = [*MODELS, *(f"/{part}" for part in PARTS)]
    warned = [name for name in names if f"'{name}'" in warnings]
    return f"left out: {listed(n for n in names if n not in there)}; warned of: {listed(warned)}"


def listed(names: Any) -> str:
    """Names in a row, `none` for none."""
    return ", ".join(names) or "none"


@alone(
    "import-shapes",
    "servers: accepted, paths: 400, path: accepted",
    engine=f"{IMPORTS} (nodes of a wrong shape)",
)
def nodes_of_a_wrong_shape(run: Run) -> str:
    """`servers` as a mapping, `paths` as a list, a path that is a text."""
    good = document(run.name("shapes"), {"/pets": {"get": True}})
    bad: dict[str, JSON] = {
        "servers": {"servers": {"url": "https://example.com"}},
        "paths": {"paths": [{"get": {}}]},
        "path": {"paths": {"/pets": "all"}},
    }
    return ", ".join(f"{word}: {outcome(run, good | body)}" for word, body in bad.items())


def outcome(run: Run, body: JSON) -> str:
    """How an import ended."""
    try:
        warnings = imported(run, body).get("warnings")
    except ClientError as error:
        return code(error).split()[0]
    return "accepted with a warning" if warnings else "accepted"


@alone(
    "resource-ids",
    "kept; what comes back has a new one",
    engine=f"{IMPORTS} (ids), and apis/ where ids are compared",
)
def ids_of_resources_after_an_overwrite(run: Run) -> str:
    """PutRestApi in mode overwrite: with the same paths, and with one that was gone."""
    both = document(run.name("ids"), {"/pets": {"get": True}, "/toys": {"get": True}})
    one = document(run.name("ids"), {"/pets": {"get": True}})
    api = imported(run, both)["id"]
    before = resources(run, api)
    found = []
    for body in (one, both):
        run.gateway.put_rest_api(restApiId=api, mode="overwrite", body=json.dumps(body).encode())
        found.append(resources(run, api))
    if any(ids["/pets"] != before["/pets"] for ids in found):
        return "new ones after each overwrite"
    back = found[-1]["/toys"] == before["/toys"]
    return "kept, also of what comes back" if back else "kept; what comes back has a new one"


@alone(
    "api-updating",
    "told: refused by words that Keyward tries again, or accepted",
    source="API reference, RestApi: apiStatus",
    engine="layers/keyward/keyward/aws/gateway (the table of refusals), and emulator/operations",
)
def writes_while_an_api_is_updating(run: Run) -> Answer:
    """Right after a change that takes a while; best effort, as it may be over at once."""
    api = run.api("updating", KEYED)
    patches = [{"op": "replace", "path": f"/{name}", "value": to} for name, to in SLOW.items()]
    run.gateway.update_rest_api(restApiId=api, patchOperations=patches)
    status = run.gateway.get_rest_api(restApiId=api).get("apiStatus", "without apiStatus")
    if status != "UPDATING":
        raise NotHereError(f"the API was {status} right after the change")
    rename = [{"op": "replace", "path": "/description", "value": "written while UPDATING"}]
    try:
        run.world.hasty("apigateway").update_rest_api(restApiId=api, patchOperations=rename)
    except ClientError as error:
        words = f"{code(error)}: {error.response['Error'].get('Message', '')}"
        passes = words[:3] in ("429", "500", "503") or "concurrent modification" in words.lower()
        return Answer(words[:160], passes)
    return Answer("accepted while UPDATING", True)
