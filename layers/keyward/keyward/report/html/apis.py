"""Write the sections on coverage, exposed methods and exempt methods."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from keyward.report.html.markup import Markup, Node, join, tag
from keyward.report.html.parts import (
    anchor,
    code,
    empty,
    find,
    fold,
    label,
    left_out,
    number,
    row,
    table,
)
from keyward.report.model import ApiRow, ExemptionRow, OpenMethod, Report, StageRow
from keyward.values import counted

COVERAGE = ("API and stage", "Coverage", "#Ask for a key", "#Exempt", "#Exposed", "Usage plans")
EXPOSED = ("Method", "API", "Stages", "Authorization", "Mode")
EXEMPT = ("API", "Stages", "Methods")
MAX_EXPOSED = 2000
MAX_EXEMPT = 1000
# So many APIs in order are shown at once.
MAX_UNFOLDED = 8
MODES = {"enforce": "good", "warn": "wait", "observe": "wait"}
LEGEND = (
    ("bar-key", "asks for a key, or has an authorizer where the policy wants no more"),
    ("bar-exempt", "exempt"),
    ("bar-exposed", "exposed (hatched)"),
)


def coverage(report: Report) -> Node:
    """Each API and stage with a bar; stages that serve the same are one line."""
    if not report.apis:
        return empty("The account has no REST API in this Region.")
    apis = sorted(report.apis, key=_urgency)
    unread = None
    if report.unread:
        unread = tag(
            "p",
            f"{counted(report.unread, 'API')} could not be read in time and ",
            "are not told here.",
            class_="bad",
        )
    return [
        tag(
            "p",
            "By what each stage serves, whatever is edited. Stages of an API that serve the "
            "same stand on one line.",
            class_="lead",
        ),
        unread,
        _patterns(),
        tag("ul", [_legend(*item) for item in LEGEND], class_="legend"),
        find("Find an API or a stage", "coverage"),
        [_apis(words, group) for words, group in _groups(apis)],
    ]


def _groups(apis: list[ApiRow]) -> Iterator[tuple[str, list[ApiRow]]]:
    """APIs in the order of their urgency, by what has to be done about them."""
    for order, words in enumerate(("to be looked at", "in order", "left alone")):
        group = [api for api in apis if _urgency(api)[0] == order]
        if group:
            yield f"{counted(len(group), 'API')} {words}", group


def _apis(words: str, apis: list[ApiRow]) -> Markup:
    shown = table(words, COVERAGE, [_api(api) for api in apis], each=True)
    is_short = len(apis) <= MAX_UNFOLDED
    return fold(words, shown, is_open=is_short or words.endswith("looked at"))


def _urgency(api: ApiRow) -> tuple[int, int, str]:
    exposed = sum(len(stage.exposed) for stage in api.stages)
    order = 0 if exposed or api.problem else 2 if api.mode == "off" else 1
    return order, -exposed, api.name


def _patterns() -> Markup:
    """Hatching, defined once: what is exposed shows without colour too."""
    pattern = tag(
        "pattern",
        tag("path", d="M0 6L6 0", class_="hatch"),
        id="hatch",
        width="6",
        height="6",
        patternUnits="userSpaceOnUse",
    )
    return tag(
        "svg", tag("defs", pattern), class_="defs", width="0", height="0", aria_hidden="true"
    )


def _legend(kind: str, words: str) -> Markup:
    return tag("li", _svg("", [_rect(kind, 0, 100)]), words)


def _api(api: ApiRow) -> Node:
    name = [
        api.name or "(no name)",
        " ",
        code(api.rest_api_id),
        " ",
        label(api.mode, MODES.get(api.mode, "")),
    ]
    head = tag(
        "tr",
        tag("th", name, colspan="6", scope="rowgroup"),
        class_="head",
        id=anchor("api", api.rest_api_id),
    )
    if api.problem:
        words = tag("span", f"could not be read: {api.problem}", class_="bad words")
        return [head, tag("tr", tag("td", words, colspan="6", class_="stages"))]
    if not api.stages:
        why = "Keyward leaves it alone." if api.mode == "off" else "It has no stage."
        return [head, tag("tr", tag("td", why, colspan="6", class_="stages soft"))]
    return [head, [_stages(names, stage) for names, stage in _alike(api)]]


def _alike(api: ApiRow) -> Iterator[tuple[list[str], StageRow]]:
    """Stages by what they serve, in their order, exposed ones first."""
    found: dict[StageRow, tuple[list[str], StageRow]] = {}
    for stage in sorted(api.stages, key=lambda stage: -len(stage.exposed)):
        serves = replace(stage, stage="")
        found.setdefault(serves, ([], stage))[0].append(stage.stage)
    return iter(found.values())


def _stages(names: list[str], stage: StageRow) -> Markup:
    shown = [[", " if place else None, code(name)] for place, name in enumerate(names)]
    marks: list[Node] = [" ", label("held", "bad")] if stage.held else []
    if stage.canary_percent:
        marks += [" ", label(f"canary {stage.canary_percent:g} %", "wait")]
    exposed: Node = tag("b", number(len(stage.exposed)), class_="bad") if stage.exposed else "0"
    plans = ", ".join(stage.plans) or tag("span", "none", class_="soft")
    asks, exempt = number(stage.key + stage.authorized), number(stage.exempt_count)
    name = tag("span", *shown, *marks, class_="stages")
    return row(COVERAGE, name, _bar(stage), asks, exempt, exposed, plans)


def _bar(stage: StageRow) -> Markup:
    if not stage.total:
        return tag("span", "no methods", class_="soft")
    shares = (
        ("bar-key", stage.key + stage.authorized),
        ("bar-exempt", stage.exempt_count),
        ("bar-exposed", len(stage.exposed)),
    )
    rects: list[Markup] = []
    begun = 0.0
    for kind, count in shares:
        width = 100 * count / stage.total
        if count:
            rects.append(_rect(kind, begun, width))
        begun += width
    return _svg("bar", rects)


def _svg(kind: str, rects: list[Markup]) -> Markup:
    """Its numbers stand beside it, so nobody has to hear them twice."""
    return tag("svg", rects, class_=kind or None, aria_hidden="true")


def _rect(kind: str, begun: float, width: float) -> Markup:
    place = {"x": f"{begun:.3g}%", "width": f"{width:.3g}%", "height": "100%"}
    drawn = tag("rect", class_=kind, **place)
    return join(drawn, tag("rect", fill="url(#hatch)", **place)) if kind == "bar-exposed" else drawn


def exposed(report: Report) -> Node:
    """Every method that is live, asks for no key and has to."""
    found = [(api, method, stages) for api in report.apis for method, stages in _open(api).items()]
    if not found:
        return empty("None: every live method of a managed API asks for a key or is exempt.")
    rows = [_open_row(*item) for item in found[:MAX_EXPOSED]]
    return [
        tag("p", "Anybody can call these without a key.", class_="lead"),
        table(
            f"{counted(len(found), 'method')}, each with all stages that serve it: "
            f"{counted(sum(len(stages) for *_, stages in found), 'live method')} in all",
            EXPOSED,
            [rows],
        ),
        left_out(len(found) - MAX_EXPOSED),
    ]


def _open(api: ApiRow) -> dict[OpenMethod, list[str]]:
    found: dict[OpenMethod, list[str]] = {}
    for stage in api.stages:
        for method in stage.exposed:
            found.setdefault(method, []).append(stage.stage)
    return found


def _open_row(api: ApiRow, method: OpenMethod, stages: list[str]) -> Markup:
    link = tag("a", code(api.rest_api_id), href=f"#{anchor('api', api.rest_api_id)}")
    return row(
        EXPOSED,
        code(f"{method.method} {method.path}"),
        [f"{api.name} ", link],
        code(", ".join(stages)),
        "none" if method.authorization == "NONE" else method.authorization,
        label(api.mode, MODES.get(api.mode, "")),
    )


def exempt(report: Report) -> Node:
    """Every exemption, with the live methods that it leaves open."""
    if not report.exemptions:
        return empty("The policy has no exemption.")
    return [
        tag("p", "Live methods that ask for no key because the policy says so.", class_="lead"),
        [_exemption(place, item, report) for place, item in enumerate(report.exemptions)],
    ]


def _exemption(place: int, item: ExemptionRow, report: Report) -> Node:
    kind = {"ended": "bad", "ends soon": "wait"}.get(item.state, "")
    api = "every API" if item.api == "*" else item.api
    title = tag(
        "h3",
        code(f"{item.method} {item.path}"),
        f" of {api}: {item.reason} ",
        label(item.state, kind) if kind else None,
        id=f"exemption-{place}",
    )
    end = f"until {item.expires}, 00:00 UTC" if item.expires else "without end"
    facts = f"owner {item.owner or 'nobody named'} · {end} · {counted(item.methods, 'live method')}"
    rows = list(_exempt_rows(place, report))
    words = f"{counted(len(rows), 'line')} by API"
    shown = table("by API", EXEMPT, [rows[:MAX_EXEMPT]]) if rows else None
    shown = fold(words, shown) if shown else None
    return [title, tag("p", facts, class_="soft"), shown, left_out(len(rows) - MAX_EXEMPT)]


def _exempt_rows(place: int, report: Report) -> Iterator[Markup]:
    for api in report.apis:
        found: dict[tuple[str, ...], list[str]] = {}
        for stage in api.stages:
            for group in stage.exempt:
                if group.exemption == place:
                    found.setdefault(group.methods, []).append(stage.stage)
        for methods, stages in found.items():
            yield row(
                EXEMPT,
                [f"{api.name} ", code(api.rest_api_id)],
                code(", ".join(stages)),
                tag("div", [join(code(line), " ") for line in methods], class_="methods"),
            )
