"""The bucket of reports: what an audit has read and found (`audits/<audit>/`), the last reading of
usage, and the report.

Step Functions' state is small (256 KB) and an account may be large: so the machine's state only
holds numbers of parts. No object ever holds a page position, nor a key value: one that somebody
gave a customer, a key or a plan for a name is blotted out.
"""

from __future__ import annotations

import json
from typing import Any

from keyward.aws.client import Client
from keyward.errors import ResourceMissingError
from keyward.events.key_value import blotted

# What the last audit found, under the same name each night: the bucket keeps earlier versions.
FINDINGS = "audit.json"
# Which audit has read the account last, and the last reading of usage: for the report.
LATEST, USAGE = "audits/latest.json", "usage.json"
JSON_TYPE = "application/json"


class Bucket:
    """Reads and writes objects of the bucket, whose encryption is its own."""

    def __init__(self, s3: Any, name: str) -> None:
        self._s3 = Client(s3)
        self.name = name

    def content(self, key: str) -> bytes | None:
        """The bytes of an object; None when there is none."""
        try:
            answer = self._s3.get_object(Bucket=self.name, Key=key)
        except ResourceMissingError:
            return None
        return bytes(self._s3.read("GetObject", answer["Body"]))

    def put(self, key: str, text: str, kind: str = JSON_TYPE, **more: str) -> None:
        """Write an object, without key values; `more` are members of PutObject."""
        about = {"Bucket": self.name, "Key": key, "ContentType": kind}
        self._s3.put_object(**about, Body=blotted(text).encode(), **more)


class Audits(Bucket):
    """Reads and writes the documents that audit, reading of usage and report exchange: JSON, each
    over an earlier one of its name."""

    def save(self, audit: str, name: str, document: Any) -> None:
        """Write a document of an audit."""
        self._put(f"audits/{audit}/{name}.json", document)

    def load(self, audit: str, name: str) -> Any:
        """Read a document of an audit; None when there is none."""
        return self._load(f"audits/{audit}/{name}.json")

    def save_latest(self, document: Any) -> None:
        """Write which audit has read the whole account last."""
        self._put(LATEST, document)

    def latest(self) -> Any:
        """Which audit has read the whole account last; None when none has."""
        return self._load(LATEST)

    def save_usage(self, document: Any) -> None:
        """Write what the last reading of usage found."""
        self._put(USAGE, document)

    def usage(self) -> Any:
        """What the last reading of usage found; None when there was none."""
        return self._load(USAGE)

    def text(self, name: str) -> str | None:
        """An object that somebody put into the bucket, under `adopt/` or `policy/`; None when there
        is none."""
        body = self.content(name)
        return None if body is None else body.decode("utf-8-sig")

    def publish(self, document: Any) -> None:
        """Write what the last audit found, for people and their tools."""
        self._put(FINDINGS, document)

    def _load(self, key: str) -> Any:
        body = self.content(key)
        return None if body is None else json.loads(body)

    def _put(self, key: str, document: Any) -> None:
        self.put(key, json.dumps(document))


PAGE, DATA = "report.html", "report.json"
TYPES = {PAGE: "text/html; charset=utf-8", DATA: JSON_TYPE}


class Reports(Bucket):
    """Writes the report."""

    def save(self, name: str, text: str) -> None:
        """Write PAGE or DATA."""
        self.put(name, text, TYPES[name], CacheControl="no-store")
