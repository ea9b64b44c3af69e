"""A whole HTML page: its head, one style, one script, and nothing from anywhere else."""

from __future__ import annotations

import base64
import hashlib

from keyward.report.html.markup import Markup, Node, join, tag

DOCTYPE = Markup("<!doctype html>\n")


def document(title: str, style: str, script: str, *body: Node, policy: str | None = None) -> Markup:
    """The page, in UTF-8. `policy` is its Content-Security-Policy, where no header has it."""
    guard = None
    if policy:
        guard = tag("meta", http_equiv="Content-Security-Policy", content=policy)
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        guard,
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="robots", content="noindex"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("title", title),
        tag("link", rel="icon", href="data:,") if policy is None else None,
        tag("style", Markup(style)),
    )
    code = tag("script", Markup(script))
    return join(DOCTYPE, tag("html", head, tag("body", *body, code), lang="en"))


def policy_of(style: str, script: str, **more: str) -> str:
    """Nothing is loaded, and nothing runs but this script, whatever is in the page. `more` are
    further directives, `connect_src` for connect-src."""
    allowed = {"default_src": "'none'", "script_src": _hashed(script), "style_src": _hashed(style)}
    allowed |= {"base_uri": "'none'", "form_action": "'none'"} | more
    return "; ".join(f"{name.replace('_', '-')} {value}" for name, value in allowed.items())


def _hashed(text: str) -> str:
    """How a policy names a script or a style that the page holds."""
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"
