"""The report: plain data (`model`), how it is made of what was read, and the page of it.

`page(report)` is one self-contained HTML document; `data(report)` is the same as JSON.
"""

from __future__ import annotations

import json

from keyward.report.html.page import page
from keyward.report.model import Report

__all__ = ["Report", "data", "page"]


def data(report: Report) -> str:
    """The report as JSON."""
    return json.dumps(report.as_json(), ensure_ascii=False, separators=(",", ":"))
