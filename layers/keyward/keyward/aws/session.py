"""The one botocore session of a function, with as little behind it as Keyward's calls need.

boto3 is not used here: beside its resources it adds nothing to botocore but 20 ms of CPU to each
cold start.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.loaders import JSONFileLoader, Loader

from keyward.aws.client import LazyClient
from keyward.aws.dynamodb import DynamoTable

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
DEFAULTS = Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 3})


class Session:
    """Makes clients and tables. Endpoint data is loaded once; all tables share one client, which is
    made when a table is first used."""

    def __init__(self) -> None:
        self._session = botocore.session.Session()
        self._session.register_component("data_loader", NamedServices(file_loader=PlainFiles()))
        self._session.set_default_client_config(DEFAULTS)
        self._dynamodb = LazyClient(lambda: self.client("dynamodb"))

    def client(self, service: str, config: Config | None = None) -> Any:
        """A client of botocore. Raises UnknownServiceError for a service that is not in
        `SERVICES`."""
        return self._session.create_client(service, config=config)

    def table(self, name: str) -> DynamoTable:
        """A table of DynamoDB."""
        return DynamoTable(self._dynamodb, name)


class NamedServices(Loader):
    """Takes the name of a service as given. Botocore would look through the folders of all its 400
    services, three times, for nothing but to refuse a name that does not exist."""

    def list_available_services(self, type_name: str) -> list[str]:
        """Those that Keyward calls."""
        return list(SERVICES)


class PlainFiles(JSONFileLoader):
    """Reads models into plain dicts, which keep their order as well. Botocore's OrderedDicts double
    the time, and 1.3 MB of endpoints are read at each cold start."""

    def load_file(self, file_path: str) -> Any:
        """The model at this path without its suffix, None when there is none."""
        plain, packed = Path(f"{file_path}.json"), Path(f"{file_path}.json.gz")
        if plain.is_file():
            return json.loads(plain.read_bytes())
        return json.loads(gzip.decompress(packed.read_bytes())) if packed.is_file() else None
