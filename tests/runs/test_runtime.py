"""The runtime's one botocore session, which looks for no service but those that it names."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pytest
from botocore.exceptions import UnknownServiceError

from emulator.emulator import Emulator
from emulator.server import start
from keyward.aws import session
from keyward.runs import runtime


@pytest.fixture(autouse=True)
def a_session_of_its_own() -> None:
    runtime._session.cache_clear()


def test_every_client_that_the_runtime_makes_is_of_a_service_that_it_names() -> None:
    source = "".join(Path(str(m.__file__)).read_text("utf-8") for m in (runtime, session))
    assert set(re.findall(r"(?:_lazy|client)\(\"(\w+)\"", source)) == set(session.SERVICES)


@pytest.mark.parametrize("service", session.SERVICES)
def test_a_client_is_made_for_each_service(service: str) -> None:
    made = runtime._session().client(service)
    assert made.meta.service_model.service_name == service


def test_another_service_is_refused_aloud() -> None:
    with pytest.raises(UnknownServiceError):
        runtime._session().client("ec2")


def test_at_debug_neither_a_body_nor_the_token_of_a_page_is_logged(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = start(Emulator())
    monkeypatch.setenv("AWS_ENDPOINT_URL", running.url)
    client = runtime._session().client("apigateway")
    with caplog.at_level(logging.DEBUG):
        values = [client.create_api_key(name=name)["value"] for name in "ab"]
        token = client.get_api_keys(limit=1)["position"]
        client.get_api_keys(limit=1, includeValues=True, position=token)
    running.stop()
    assert not [word for word in (*values, "position=") if word in caplog.text]
