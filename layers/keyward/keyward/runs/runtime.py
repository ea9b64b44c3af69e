"""What a Lambda function runs in: its settings, its logger, its metrics, its adapters. For
functions only.

Everything is made at first use and kept for the life of the environment, from one botocore session:
endpoint data is loaded once, and a function without a client pays for none.
"""

from __future__ import annotations

import logging
import os
import time
import warnings
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics

if TYPE_CHECKING:
    from boto3.session import Session

    from keyward.aws.bucket import Audits, Reports
    from keyward.aws.bus import Bus
    from keyward.aws.gateway import Gateway
    from keyward.aws.logs import AccessLogs
    from keyward.aws.tables import Registry
    from keyward.runs.context import Context

SERVICES = (
    "apigateway",
    "dynamodb",
    "events",
    "logs",
    "s3",
    "secretsmanager",
    "sqs",
    "ssm",
    "stepfunctions",
)

logger = Logger(service="keyward")
metrics = Metrics(namespace="Keyward", service="keyward")
# Most batches have nothing to count; a warning in the log each time would hide the others.
warnings.filterwarnings("ignore", message="No application metrics to publish")
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


def now() -> float:
    """Epoch seconds."""
    return time.time()


def context() -> Context:
    """What the function's run works with; API Gateway's client is made when it is first used."""
    from keyward.runs.context import Context

    share = float(os.environ.get("CONTROL_PLANE_SHARE") or 50)
    return Context(_gateway(), _registry(), _bus(), now, os.environ.get("EVENT_BUS", ""), share)


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

    return Reports(_Lazy("s3"), setting("REPORT_BUCKET"))


def audits() -> Audits:
    """What audits have read and found."""
    from keyward.aws.bucket import Audits

    return Audits(_Lazy("s3"), setting("REPORT_BUCKET"))


def access_logs() -> AccessLogs:
    """CloudWatch Logs."""
    from keyward.aws.logs import AccessLogs

    return AccessLogs(_Lazy("logs"))


def secret(secret_id: str) -> str:
    """The text of a Secrets Manager secret: a customer's own key value. Never log it. Raises
    InvalidRecordError when there is no such secret, or none that Keyward may read."""
    from keyward.aws.client import Client
    from keyward.errors import InvalidRecordError, ServiceRefusedError

    try:
        answer = Client(_Lazy("secretsmanager")).get_secret_value(SecretId=secret_id)
    except ServiceRefusedError:
        raise InvalidRecordError(
            "key_value_secret",
            f"there is no readable secret {secret_id}",
            "Name a Secrets Manager secret whose name begins with keyward/",
        ) from None
    return str(answer.get("SecretString", ""))


@lru_cache(maxsize=1)
def _session() -> Session:
    import botocore.session
    from boto3.session import Session
    from botocore.config import Config
    from botocore.loaders import Loader

    class Named(Loader):
        """Takes the service's name as given. Botocore would look through the folders of all its 400
        services, three times, for nothing but to refuse a name that does not exist."""

        def list_available_services(self, type_name: str) -> list[str]:
            """Those that Keyward calls."""
            return list(SERVICES)

    session = botocore.session.Session()
    session.register_component("data_loader", Named())
    session.set_default_client_config(
        Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 3})
    )
    return Session(botocore_session=session)


@lru_cache(maxsize=1)
def _registry() -> Registry:
    from keyward.aws.parameter import Policies
    from keyward.aws.tables import (
        Apis,
        CallSchedule,
        Customers,
        Edits,
        Leases,
        Ledger,
        Marks,
        Notices,
        PlanQueue,
        Plans,
        Registry,
        Storms,
        Turns,
        UsageRecords,
    )

    tables = _session().resource("dynamodb")

    def table(variable: str) -> Any:
        # A function without access to a table is not told its name: a use of it fails loudly.
        return tables.Table(os.environ.get(variable) or f"{variable}-is-not-set")

    days = int(os.environ.get("LEDGER_RETENTION_DAYS") or 0)
    ledger = Ledger(table("LEDGER_TABLE"), days)
    return Registry(
        customers=Customers(table("CUSTOMERS_TABLE"), table("KEYS_TABLE"), ledger),
        leases=Leases(table("LEASES_TABLE")),
        turns=Turns(table("LEASES_TABLE")),
        schedule=CallSchedule(table("LEASES_TABLE")),
        marks=Marks(table("LEASES_TABLE")),
        plans=Plans(table("PLANS_TABLE")),
        apis=Apis(table("APIS_TABLE")),
        policies=Policies(_Lazy("ssm"), os.environ.get("POLICY_PARAMETER", "")),
        storms=Storms(table("APIS_TABLE")),
        edits=Edits(table("APIS_TABLE")),
        pending=PlanQueue(table("PLANS_TABLE")),
        ledger=ledger,
        usage=UsageRecords(table("KEYS_TABLE"), ledger),
        notices=Notices(table("KEYS_TABLE"), ledger),
    )


@lru_cache(maxsize=1)
def _gateway() -> Gateway:
    from keyward.aws.gateway import Gateway
    from keyward.aws.gateway.calls import client_config
    from keyward.values import DEPLOY_READ_SECONDS

    return Gateway(
        _Lazy("apigateway", client_config()),
        _Lazy("apigateway", client_config(DEPLOY_READ_SECONDS)),
    )


@lru_cache(maxsize=1)
def _bus() -> Bus:
    from keyward.aws.bus import Bus

    return Bus(_Lazy("events"), _Lazy("stepfunctions"), _Lazy("sqs"))


class _Lazy:
    """A client that is made when it is first used."""

    def __init__(self, service: str, config: Any = None) -> None:
        self._service = service
        self._config = config
        self._made: Any = None

    def __getattr__(self, name: str) -> Any:
        if self._made is None:
            self._made = _session().client(self._service, config=self._config)  # type: ignore[call-overload]
        return getattr(self._made, name)
