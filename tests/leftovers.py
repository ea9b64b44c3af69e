"""Holds each file of tests to leaving the process as it found it, so that no order matters."""

from __future__ import annotations

import locale
import logging
import os
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from keyward.runs import runtime
from local import ministack

# pytest tells here which test runs; the local AWS of a process keeps its settings.
KEPT = {"PYTEST_CURRENT_TEST", "GATEWAY_PORT", "MINISTACK_REGION", *ministack.SETTINGS}


@pytest.fixture(scope="module", autouse=True)
def nothing_left() -> Iterator[None]:
    """Compare what all files of tests share before a file and after it."""
    before = shared_state()
    yield
    after = shared_state()
    left = {name: after[name] for name in before if before[name] != after[name]}
    assert list(left) == [], f"changed for all files of tests after this one: {left}"


def shared_state() -> dict[str, Any]:
    """What tests could leave to those after them, by the words for it."""
    variables = {name: value for name, value in os.environ.items() if name not in KEPT}
    return {
        "environment": variables,
        "folder": os.getcwd(),
        "import path": list(sys.path),
        "locale": locale.setlocale(locale.LC_ALL),
        "log level": logging.root.level,
        "log of the product": logging.getLogger("keyward").disabled,
        "constructors of YAML": dict(yaml.SafeLoader.yaml_constructors),
        "runtime": {name: found for name, found in vars(runtime).items() if callable(found)},
        "sleep": time.sleep,
    }
