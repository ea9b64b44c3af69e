"""What holds for every test: fake credentials, no network but loopback, one hypothesis profile;
tests that read the real documents and records leave when those are not beside the tree.

`KEYWARD_LIVE=1` (set by `make live-check` only) lifts the first two for a run on a real account.
"""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

LIVE = os.environ.get("KEYWARD_LIVE") == "1"

FAKE_ACCOUNT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_SESSION_TOKEN": "testing",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_REGION": "us-east-1",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}

if not LIVE:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(FAKE_ACCOUNT)

# No deadline: two cores are shared by everything that runs at the same time.
settings.register_profile(
    "keyward", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("keyward")


class NetworkRefusedError(RuntimeError):
    """A test tried to leave this machine."""


@pytest.fixture(autouse=True, scope="session")
def loopback_only() -> Iterator[None]:
    """Refuses every connection that would leave the machine, whoever asks for it."""
    if LIVE:
        yield
        return
    connect = socket.socket.connect

    def guarded(sock: socket.socket, address: Any) -> None:
        if sock.family in (socket.AF_INET, socket.AF_INET6) and not _is_loopback(address[0]):
            raise NetworkRefusedError(f"tests stay on loopback, not {address}")
        connect(sock, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded)
        yield


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


REAL_DATA = "real_data"


def real_data() -> Path:
    """Where the real documents and records are, or would be."""
    from tests.emulator.openapi_lab import SHARED

    return SHARED / "data"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", f"{REAL_DATA}: reads ../shared/data (or KEYWARD_SHARED)")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if real_data().is_dir():
        return
    left_out = [item for item in items if item.get_closest_marker(REAL_DATA)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def pytest_report_header() -> str | None:
    if real_data().is_dir():
        return None
    return f"{real_data()} is not there: tests on real documents are left out"
