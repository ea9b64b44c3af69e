"""How sure a case is of what it asserts, and who says so: one decorator a tag.

On a function it holds for all its cases; among the `marks` of a parameter, for that one.

recorded    seen on a real account, with exact codes and texts (aws-recorded.md, by section)
documented  a page or botocore's service model says so
observed    quoted from real accounts in public issues
believed    memory or inference: a question to a live account, not a verdict
"""

from __future__ import annotations

from collections.abc import Callable

import pytest


def _tag(tag: str) -> Callable[[str], pytest.MarkDecorator]:
    def with_source(source: str) -> pytest.MarkDecorator:
        return pytest.mark.conformance(tag=tag, source=source)

    return with_source


recorded = _tag("recorded")
documented = _tag("documented")
observed = _tag("observed")
believed = _tag("believed")

# Needs what only the emulator has: its test doors, or throttles and quotas that are exact.
emulator_only = pytest.mark.emulator_only
# Makes an Emulator of its own inside the test; says nothing about another endpoint.
own_emulator = pytest.mark.own_emulator
