"""The whole of an account before and after: what changed, what events said, what the ledger says.

All three are sets of facts such as `("method", api, "GET /pets")`, so that they can be compared. A
change that no rule here knows is a fact of its own, which nobody announces."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from keyward.values import JSON
from local.bench import Bench

Fact = tuple[str, ...]
# Events that say what a mode would do: nothing of it was done.
NOT_DONE = ("ApiExposed", "ApiWarned", "ApiHeld")


@dataclasses.dataclass(frozen=True)
class Step:
    """What Keyward changed in the account meanwhile, by `changed`; what it announced (`events`) and
    wrote down (`lines`) of it."""

    changed: set[Fact]
    events: list[JSON]
    lines: list[JSON]

    @property
    def announced(self) -> set[Fact]:
        """What the events say was done. They tell of the key or the stage for which a plan was
        made, and not of the plan."""
        return {fact for event in self.events for fact in _told(event)}

    @property
    def recorded(self) -> set[Fact]:
        """What the ledger says was done."""
        return {fact for line in self.lines for fact in _facts(line, _api_of(line))}

    @property
    def would(self) -> set[Fact]:
        """What events say that enforcing would do."""
        return {
            fact
            for event in self.events
            for action in event["detail"].get("actions", [])
            for fact in _facts(action, event["detail"].get("rest_api_id", ""))
        }

    def types(self) -> set[str]:
        """The types of the events."""
        return {event["detail-type"] for event in self.events}


def step(bench: Bench, act: Callable[[], object] = lambda: None, seconds: float = 300) -> Step:
    """Somebody acts, and time passes. What they changed themselves does not count."""
    told, written = len(bench.announced), {*_lines(bench)}
    act()
    before = _leaves(bench)
    bench.advance(seconds)
    after = _leaves(bench)
    paths = {path for path in {*before, *after} if before.get(path) != after.get(path)}
    changed = {_fact(bench, path, before) for path in paths} - {()}
    lines = [line for name, line in _lines(bench).items() if name not in written]
    return Step(changed, bench.announced[told:], lines)


def _leaves(bench: Bench) -> dict[Fact, Any]:
    """Everything in the account but values of keys, by the path to it."""
    state, parts = bench.emulator.state, {}
    for api in state.rest_apis.values():
        served = {
            name: api.deployments[stage.settings["deploymentId"]].snapshot
            for name, stage in api.stages.items()
        }
        parts["api", api.id] = dataclasses.asdict(api)
        # The API's tags, which its team sets, are no part of what a stage serves.
        parts["served", api.id] = {
            name: dataclasses.asdict(one) | {"settings": None} for name, one in served.items()
        }
    for key in state.keys.values():
        parts["key", key.settings["name"]] = {"id": key.id} | key.settings
    for plan in state.plans.values():
        inside = {state.keys[key].settings["name"]: True for key in plan.key_ids}
        stages = {f"{s['apiId']}:{s['stage']}": s for s in plan.settings.get("apiStages", [])}
        named = {"id": plan.id, "keys": inside} | plan.settings | {"apiStages": stages}
        parts["plan", plan.settings["name"]] = named
    return {path: leaf for kind, part in parts.items() for path, leaf in _flat(part, kind)}


def _flat(value: Any, path: Fact) -> Iterator[tuple[Fact, Any]]:
    if isinstance(value, dict) and value:
        for name, member in value.items():
            yield from _flat(member, (*path, str(name)))
    else:
        yield path, value


def _fact(bench: Bench, path: Fact, before: dict[Fact, Any]) -> Fact:
    """What a change of this leaf is; the empty fact for a time, and for what follows from another
    fact."""
    kind, name, *rest = path
    if rest and rest[-1] in ("last_updated", "lastUpdatedDate", "updated"):
        return ()
    rule = {"api": _of_api, "served": _of_served, "plan": _of_plan, "key": _of_key}[kind]
    found = rule(bench, name, rest, before)
    return ("unknown", *path) if found is None else found


def _of_api(bench: Bench, api: str, rest: list[str], before: dict[Fact, Any]) -> Fact | None:
    match rest:
        case ["resources", resource, "methods", verb, "apiKeyRequired"]:
            path = bench.emulator.state.rest_apis[api].resources[resource].path
            return ("method", api, f"{verb} {path}")
        case ["stages", stage, "settings", "deploymentId"]:
            return ("deployed", api, stage)
        case ["deployments", new, *_] if ("api", api, "deployments", new, "id") not in before:
            return ()
    return None


def _of_served(bench: Bench, api: str, rest: list[str], before: dict[Fact, Any]) -> Fact | None:
    return ("deployed", api, rest[0]) if rest[-1] == "apiKeyRequired" else None


def _of_plan(bench: Bench, plan: str, rest: list[str], before: dict[Fact, Any]) -> Fact | None:
    is_new = ("plan", plan, "id") not in before
    match rest:
        case ["apiStages", ref, *_] if ("plan", plan, "apiStages", ref, "stage") not in before:
            return ("stage", plan, *ref.split(":"))
        case ["keys", key]:
            return ("in plan", key, plan)
        case ["keys"] | ["apiStages"]:
            return ()
        case _ if is_new:
            return ("made", plan)
        case ["throttle" | "quota" as part, *_]:
            return ("limits", plan, part)
        case ["tags", "keyward"]:
            return ("tag", plan)
        case ["tags"]:
            return ()
    return None


def _of_key(bench: Bench, key: str, rest: list[str], before: dict[Fact, Any]) -> Fact | None:
    return ("key", key) if ("key", key, "id") not in before else None


def _told(event: JSON) -> Iterable[Fact]:
    detail, detail_type = event["detail"], event["detail-type"]
    done = [] if detail_type in NOT_DONE else detail.get("actions", [])
    for action in done:
        yield from _facts(action, detail.get("rest_api_id", ""))
    for change in detail.get("changes", []) if detail_type == "PolicyApplied" else ():
        yield from _facts({"action": "change_policy"} | change, "")


def _facts(action: JSON, api: str) -> Iterator[Fact]:
    """What an action of an event, or a line of the ledger, says was done."""
    plan, after = action.get("plan"), action.get("after")
    match action["action"]:
        case "require_key":
            yield ("method", api, f"{action['method']} {action['path']}")
        case "deploy_api":
            yield ("deployed", api, action["stage"])
        case "attach_stage":
            yield ("stage", plan, api, action["stage"])
        case "create_key":
            yield ("key", action["key"])
        case "attach_key":
            yield ("in plan", action["key"], plan or after["plan"])
        case "create_plan":
            yield ("made", plan)
        case "tag_plan":
            yield ("tag", plan)
        case "change_policy":
            yield from _of_policy(action)


def _of_policy(change: JSON) -> Iterator[Fact]:
    """A change of the policy that says what becomes of a usage plan. The ledger has the tag as a
    line of its own; of what a line says of a plan which nobody has yet, nothing is done."""
    plan, part = change.get("plan"), change["field"].rpartition(".")[2]
    if change.get("stays"):
        return
    if part in ("throttle", "quota"):
        yield ("limits", plan, part)
    if part == "adopt" and change.get("after"):
        yield ("tag", plan)


def _lines(bench: Bench) -> dict[tuple[str, str], JSON]:
    found = bench.tables["LedgerTable"].scan()["Items"]
    return {(line["subject"], line["line"]): line for line in found if "line" in line}


def _api_of(line: JSON) -> str:
    return str(line["subject"]).partition("#")[2]
