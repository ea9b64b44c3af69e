"""The one local AWS that a process can have (local/ministack.py says why).

Fixtures of several folders may outlive their tests in one run of pytest: whoever starts a local AWS
here stops the one before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from local.aws import TEMPLATE, LocalAws

_started: list[LocalAws] = []


def no_local_aws() -> None:
    """Stop what was started here."""
    while _started:
        _started.pop().stop()


def only_local_aws(
    template: Path = TEMPLATE,
    parameters: Mapping[str, str] | None = None,
    policy: dict[str, Any] | None = None,
) -> Iterator[LocalAws]:
    """A local AWS with the template on it, until it is closed or another one is started."""
    no_local_aws()
    with LocalAws.start(template, parameters=parameters, policy=policy) as aws:
        _started.append(aws)
        yield aws
