"""The one botocore session of a function, with no more behind it than Keyward's calls need.

boto3 is not used: beside its resources it adds nothing to botocore but 20 ms of CPU to each cold
start.
"""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.loaders import JSONFileLoader, Loader

from keyward.aws.client import LazyClient
from keyward.aws.dynamodb import DynamoTable
from keyward.values import JSON

SERVICES = (
    "apigateway",
    "dynamodb",
    "events",
    "lambda",
    "logs",
    "s3",
    "secretsmanager",
    "sns",
    "sqs",
    "ssm",
    "stepfunctions",
)
DEFAULTS = Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 3})

# Of SSM's 146 operations Keyward calls one: the rest of the model costs 15 ms of CPU to read. So it
# does with Lambda.
MODELS = Path(__file__).with_name("models")
# Who asks for addresses of another kind gets all of botocore's data.
VARIANTS = {"AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"}
# S3 signs in a way of its own, and botocore takes us-east-1 for the one address of the partition.
S3: JSON = {"endpoints": {}, "defaults": {"signatureVersions": ["s3v4"]}}
GLOBAL_S3 = S3 | {
    "partitionEndpoint": "aws-global",
    "endpoints": {
        "aws-global": {"hostname": "s3.amazonaws.com", "credentialScope": {"region": "us-east-1"}}
    },
}


class Session:
    """Makes clients and tables. Endpoint data is loaded once; all tables share one client, which is
    made when a table is first used."""

    def __init__(self) -> None:
        self._session = botocore.session.Session()
        self._session.register_component("data_loader", loader())
        self._session.set_default_client_config(DEFAULTS)
        self._dynamodb = LazyClient(lambda: self.client("dynamodb"))

    def client(self, service: str, config: Config | None = None) -> Any:
        """A client of botocore. Raises UnknownServiceError for a service that is not in
        `SERVICES`."""
        return self._session.create_client(service, config=config)

    def table(self, name: str) -> DynamoTable:
        """A table of DynamoDB."""
        return DynamoTable(self._dynamodb, name)


def loader() -> Loader:
    """Finds Keyward's own models before botocore's."""
    return LeanLoader(file_loader=PlainFiles(), extra_search_paths=[str(MODELS)])


class LeanLoader(Loader):
    """Loads the models of services, and as little beside them as can be."""

    def list_available_services(self, type_name: str) -> list[str]:
        """Those that Keyward calls. Botocore would look through the folders of all its 400
        services, three times, for nothing but to refuse a name that does not exist."""
        return list(SERVICES)

    def load_data_with_path(self, name: str) -> tuple[Any, str]:
        """Load data and say where it lies. Endpoints are made from `partitions`, which botocore
        reads as well: it takes a client's address from the rules of its service, and reads 1.3 MB
        of endpoints for what is the same for all services of Keyward."""
        if name != "endpoints" or not VARIANTS.isdisjoint(os.environ):
            found: tuple[Any, str] = super().load_data_with_path(name)
            return found
        partitions, path = super().load_data_with_path("partitions")
        return endpoints(partitions), path


def endpoints(partitions: JSON) -> JSON:
    """What endpoints.json says of the services of Keyward, by partition."""
    return {"version": 3, "partitions": [_endpoints_of(part) for part in partitions["partitions"]]}


def _endpoints_of(partition: JSON) -> JSON:
    return {
        "partition": partition["id"],
        "dnsSuffix": partition["outputs"]["dnsSuffix"],
        "regionRegex": partition["regionRegex"],
        "regions": partition["regions"],
        "defaults": {
            "hostname": "{service}.{region}.{dnsSuffix}",
            "protocols": ["https"],
            "signatureVersions": ["v4"],
        },
        "services": {"s3": GLOBAL_S3 if partition["id"] == "aws" else S3},
    }


class PlainFiles(JSONFileLoader):
    """Reads models into plain dicts, which keep their order as well. Botocore's OrderedDicts double
    the time."""

    def load_file(self, file_path: str) -> Any:
        """The model at this path without its suffix, None when there is none."""
        plain, packed = Path(f"{file_path}.json"), Path(f"{file_path}.json.gz")
        if plain.is_file():
            return json.loads(plain.read_bytes())
        return json.loads(gzip.decompress(packed.read_bytes())) if packed.is_file() else None
