"""What a Lambda function runs in: its settings, its logger, its metrics, its adapters. For
functions only.

Everything is made at first use and kept for the life of the environment, from one botocore session:
endpoint data is loaded once, and a function without a client pays for none.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from keyward.aws.client import LazyClient

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger
    from botocore.config import Config

    from keyward.aws.bucket import Audits, Reports
    from keyward.aws.bus import Bus
    from keyward.aws.functions import Functions
    from keyward.aws.gateway import Gateway
    from keyward.aws.logs import AccessLogs
    from keyward.aws.onboarding_files import OnboardingFiles
    from keyward.aws.parameter import PolicyParameter
    from keyward.aws.session import Session
    from keyward.aws.tables import Registry
    from keyward.aws.topic import Topic
    from keyward.runs.context import Context

# At DEBUG botocore logs bodies, and urllib3 the query, whose `position` is a token of API Gateway:
# both hold key values.
for _name in ("botocore", "urllib3"):
    logging.getLogger(_name).setLevel(logging.INFO)


def setting(name: str) -> str:
    """A setting of the function. Raises RuntimeError, which names it, when the template lacks
    it."""
    try:
        return os.environ[name]
    except KeyError:
        raise RuntimeError(f"the environment variable {name} is not set on this function") from None


@lru_cache(maxsize=1)
def logger() -> Logger:
    """The logger of the functions: JSON, a line an entry. Most invocations log nothing."""
    from aws_lambda_powertools import Logger

    return Logger(service="keyward")


def count(counts: Mapping[str, float], **dimensions: str) -> None:
    """Publish counts as metrics of the namespace Keyward, a line of the log in CloudWatch's
    embedded metric format. Without `dimensions` they are those of the service."""
    from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

    metrics = EphemeralMetrics(namespace="Keyward")
    for name, value in (dimensions or {"service": "keyward"}).items():
        metrics.add_dimension(name=name, value=value)
    for name, number in counts.items():
        metrics.add_metric(name=name, unit=MetricUnit.Count, value=number)
    metrics.flush_metrics()


def now() -> float:
    """Epoch seconds."""
    return time.time()


def context() -> Context:
    """What the function's run works with; API Gateway's client is made when it is first used."""
    from keyward.runs.context import Context

    share = float(os.environ.get("CONTROL_PLANE_SHARE") or 50)
    bus, stack = os.environ.get("EVENT_BUS", ""), setting("STACK_NAME")
    return Context(_gateway(), _registry(), _bus(), now, bus, stack, share)


def pause(seconds: float) -> None:
    """Wait, while a task reads and API Gateway throttles it."""
    time.sleep(seconds)


def patient_gateway() -> Gateway:
    """API Gateway for a function that only reads and has no state machine to retry it."""
    from keyward.aws.gateway import Gateway
    from keyward.aws.gateway.calls import client_config

    return Gateway(_session().client("apigateway", config=client_config(attempts=8)))


def reports() -> Reports:
    """The bucket of reports."""
    from keyward.aws.bucket import Reports

    return Reports(_lazy("s3"), setting("REPORT_BUCKET"))


def topic() -> Topic:
    """The topic of whom Keyward tells."""
    from keyward.aws.topic import Topic

    return Topic(_lazy("sns"), setting("NOTIFICATIONS_TOPIC_ARN"))


def audits() -> Audits:
    """What audits have read and found."""
    from keyward.aws.bucket import Audits

    return Audits(_lazy("s3"), setting("REPORT_BUCKET"))


def onboarding_files() -> OnboardingFiles:
    """Files of new customers that somebody put into the bucket."""
    from keyward.aws.onboarding_files import OnboardingFiles

    return OnboardingFiles(_lazy("s3"), setting("REPORT_BUCKET"))


def access_logs() -> AccessLogs:
    """CloudWatch Logs."""
    from keyward.aws.logs import AccessLogs

    return AccessLogs(_lazy("logs"))


def functions() -> Functions:
    """Other functions of the stack."""
    from keyward.aws.functions import PATIENT, Functions

    return Functions(_lazy("lambda", PATIENT))


def secret(secret_id: str) -> str:
    """The text of a Secrets Manager secret: a customer's own key value. Never log it. Raises
    InvalidRecordError when there is no such secret, or none that Keyward may read."""
    from keyward.aws.client import Client
    from keyward.errors import InvalidRecordError, ServiceRefusedError

    try:
        answer = Client(_lazy("secretsmanager")).get_secret_value(SecretId=secret_id)
    except ServiceRefusedError as error:
        # "Access to KMS is not allowed" (AWS re:Post, secrets-manager-cross-account-key).
        if "KMS" in str(error):
            wrong = f"the KMS key of secret {secret_id} may not be used"
            help = "Grant kms:Decrypt on it to CreateKey's role (docs/permissions.md)"
        else:
            wrong = f"there is no readable secret {secret_id}"
            help = "Name a Secrets Manager secret whose name begins with keyward/"
        raise InvalidRecordError("key_value_secret", wrong, help) from None
    return str(answer.get("SecretString", ""))


@lru_cache(maxsize=1)
def _session() -> Session:
    from keyward.aws.session import Session

    return Session()


@lru_cache(maxsize=1)
def _registry() -> Registry:
    from keyward.aws.tables import Registry

    def table(name: str) -> Any:
        # A function without access to a table is not told its name: a use of it fails loudly.
        variable = f"{name.removesuffix('Table').upper()}_TABLE"
        return _session().table(os.environ.get(variable) or f"{variable}-is-not-set")

    def parameter() -> PolicyParameter:
        from keyward.aws.parameter import PolicyParameter

        name = os.environ.get("POLICY_PARAMETER", "")
        return PolicyParameter(_lazy("ssm"), name, lambda key: audits().text(key))

    days = int(os.environ.get("LEDGER_RETENTION_DAYS") or 0)
    return Registry(table, parameter, days)


@lru_cache(maxsize=1)
def _gateway() -> Gateway:
    from keyward.aws.gateway import Gateway
    from keyward.aws.gateway.calls import client_config
    from keyward.values import DEPLOY_READ_SECONDS, IMPORT_READ_SECONDS

    slow = {"CreateDeployment": DEPLOY_READ_SECONDS, "ImportApiKeys": IMPORT_READ_SECONDS}
    patient = {name: _lazy("apigateway", client_config(slow[name])) for name in slow}
    return Gateway(_lazy("apigateway", client_config()), patient)


@lru_cache(maxsize=1)
def _bus() -> Bus:
    from keyward.aws.bus import Bus

    return Bus(_lazy("events"), _lazy("stepfunctions"), _lazy("sqs"))


def _lazy(service: str, config: Config | None = None) -> LazyClient:
    return LazyClient(lambda: _session().client(service, config=config))
