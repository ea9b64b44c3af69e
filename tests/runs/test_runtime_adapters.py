"""What the runtime makes of a function's settings, and what it says where one is missing."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from emulator.clock import VirtualClock
from keyward.aws.functions import PATIENT
from keyward.errors import InvalidRecordError, LogsUnreadableError
from keyward.runs import runtime
from local.lifetime.sdk import Session
from local.lifetime.services import S3, Lambda, Logs, SecretsManager, Sns, refusal
from local.lifetime.tables import Tables

CACHED = (runtime._registry, runtime._gateway, runtime._bus)
BUCKET, TOPIC = "the-bucket", "arn:aws:sns:eu-west-1:123456789012:the-topic"


class Services(Session):
    """Services in this process; `configs` says how each client was made last."""

    def __init__(self) -> None:
        self.s3 = S3(VirtualClock(), lambda bucket, key: None)
        self.sns, self.secrets = Sns(), SecretsManager()
        self.configs: dict[str, Any] = {}
        services = {"s3": self.s3, "sns": self.sns, "secretsmanager": self.secrets, "logs": Logs()}
        services["lambda"] = Lambda(lambda name, task: {"called": name}, lambda name, task: None)
        super().__init__(services, Tables(), lambda attempts: f"{attempts} attempts")

    def client(self, service_name: str, config: Any = None, **more: Any) -> Any:
        self.configs[service_name] = config
        return super().client(service_name, config, **more)


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    made = Services()
    monkeypatch.setattr(runtime, "_session", lambda: made)
    settings = {"REPORT_BUCKET": BUCKET, "NOTIFICATIONS_TOPIC_ARN": TOPIC, "STACK_NAME": "shop"}
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    for name in ("CONTROL_PLANE_SHARE", "EVENT_BUS"):
        monkeypatch.delenv(name, raising=False)
    for cached in CACHED:
        cached.cache_clear()
    yield made
    for cached in CACHED:
        cached.cache_clear()


def test_a_setting_that_the_template_lacks_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STACK_NAME", "shop")
    assert runtime.setting("STACK_NAME") == "shop"
    monkeypatch.delenv("STACK_NAME")
    with pytest.raises(RuntimeError) as refused:
        runtime.setting("STACK_NAME")
    wrong = "the environment variable STACK_NAME is not set on this function"
    assert (str(refused.value), refused.value.__suppress_context__) == (wrong, True)


@pytest.mark.parametrize("name", ["REPORT_BUCKET", "NOTIFICATIONS_TOPIC_ARN", "STACK_NAME"])
def test_a_function_without_a_setting_has_no_adapter(
    services: Services, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.delenv(name)
    needs = {
        "REPORT_BUCKET": (runtime.reports, runtime.audits, runtime.onboarding_files),
        "NOTIFICATIONS_TOPIC_ARN": (runtime.topic,),
        "STACK_NAME": (runtime.context,),
    }
    for make in needs[name]:
        with pytest.raises(RuntimeError, match=name):
            make()


def test_reports_audits_and_files_are_in_the_bucket(services: Services) -> None:
    runtime.reports().put("report.html", "a report")
    runtime.audits().put("audits/1.json", "{}")
    runtime.onboarding_files().put("onboarding/a", "a file")
    assert services.s3.objects == {
        (BUCKET, "report.html"): b"a report",
        (BUCKET, "audits/1.json"): b"{}",
        (BUCKET, "onboarding/a"): b"a file",
    }
    loaded = runtime.onboarding_files().load("onboarding/a")
    assert loaded is not None
    assert loaded.content == b"a file"
    runtime.audits().save("nightly", "part", {"n": 1})
    assert runtime.audits().load("nightly", "part") == {"n": 1}


def test_people_are_told_by_the_topic(services: Services) -> None:
    runtime.topic().publish("a subject", "a text")
    assert services.sns.published == [("a subject", "a text")]
    assert runtime.topic()._arn == TOPIC


def test_other_functions_are_waited_for_and_called_once(services: Services) -> None:
    assert runtime.functions().call("reveal", {}) == {"called": "reveal"}
    assert services.configs["lambda"] is PATIENT


def test_access_logs_are_those_of_cloudwatch(services: Services) -> None:
    assert services.configs == {}
    with pytest.raises(LogsUnreadableError, match="log group a is not to be read"):
        runtime.access_logs().start("a", "fields @message", 0, 1)
    assert services.configs == {"logs": None}


def test_a_client_is_made_when_it_is_first_used(services: Services) -> None:
    lazy = runtime._lazy("s3")
    assert services.configs == {}
    lazy.list_objects_v2(Bucket=BUCKET)
    assert services.configs == {"s3": None}


def test_only_who_has_nobody_to_try_again_tries_eight_times(services: Services) -> None:
    gateway: Any = runtime.patient_gateway()
    assert gateway._client._client == "8 attempts"
    config = services.configs["apigateway"]
    assert (config.read_timeout, config.connect_timeout) == (5, 2)


def test_a_context_has_the_adapters_of_the_environment_and_its_settings(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = runtime.context()
    assert (made.event_bus, made.stack, made.share) == ("", "shop", 50)
    cached = (runtime._gateway(), runtime._registry(), runtime._bus())
    assert (made.gateway, made.registry, made.bus) == cached
    before = time.time()
    assert before <= made.now <= time.time()
    monkeypatch.setenv("EVENT_BUS", "the-bus")
    for given, share in (("", 50), ("12.5", 12.5)):
        monkeypatch.setenv("CONTROL_PLANE_SHARE", given)
        assert (runtime.context().event_bus, runtime.context().share) == ("the-bus", share)


def test_a_task_that_is_throttled_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    runtime.pause(1.5)
    assert slept == [1.5]


@pytest.mark.parametrize(
    ("dimensions", "expected"), [({}, {"service": "keyward"}), ({"plan": "free"}, {"plan": "free"})]
)
def test_counts_are_a_line_of_the_log_as_cloudwatch_takes_metrics(
    capsys: pytest.CaptureFixture[str], dimensions: dict[str, str], expected: dict[str, str]
) -> None:
    runtime.count({"KeysOnGateway": 3, "ShareInUse": 2.5}, **dimensions)
    line = json.loads(capsys.readouterr().out)
    [about] = line["_aws"]["CloudWatchMetrics"]
    assert about["Namespace"] == "Keyward"
    assert about["Dimensions"] == [[*expected]]
    assert about["Metrics"] == [
        {"Name": name, "Unit": "Count"} for name in ("KeysOnGateway", "ShareInUse")
    ]
    values = {n: v for n, v in line.items() if n != "_aws"}
    assert values == expected | {"KeysOnGateway": [3], "ShareInUse": [2.5]}


def test_a_secret_is_read_as_it_is(services: Services) -> None:
    services.secrets.create_secret(Name="keyward/acme", SecretString="the text")
    assert runtime.secret("keyward/acme") == "the text"


class Answering:
    """Secrets Manager, which gives one answer."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def get_secret_value(self, SecretId: str) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def test_a_secret_without_a_text_is_empty(services: Services) -> None:
    services._services["secretsmanager"] = Answering({"SecretBinary": b"a"})
    assert runtime.secret("keyward/acme") == ""


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (
            "Access to KMS is not allowed",
            "the KMS key of secret keyward/acme may not be used. Grant kms:Decrypt on it to "
            "CreateKey's role (docs/permissions.md)",
        ),
        (
            "not authorized",
            "there is no readable secret keyward/acme. Name a Secrets Manager secret whose name "
            "begins with keyward/",
        ),
    ],
)
def test_a_secret_that_cannot_be_read_says_what_to_do(
    services: Services, words: str, expected: str
) -> None:
    error = refusal("GetSecretValue", "AccessDeniedException", words)
    services._services["secretsmanager"] = Answering(error)
    with pytest.raises(InvalidRecordError) as refused:
        runtime.secret("keyward/acme")
    assert str(refused.value) == f"key_value_secret: {expected}"
    assert refused.value.__suppress_context__


def test_a_function_without_access_to_a_table_is_told_which_setting_lacks(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(services, "table", asked.append, raising=False)
    monkeypatch.setenv("KEYS_TABLE", "the-keys")
    monkeypatch.delenv("LEASES_TABLE", raising=False)
    for name in ("KeysTable", "LeasesTable"):
        runtime._registry()._table(name)
    assert asked == ["the-keys", "LEASES_TABLE-is-not-set"]
