"""What an audit has read and found, in the bucket of reports under `audits/<audit>/`.

Step Functions' state is small (256 KB), an account may be large: the machine's state holds numbers
of parts only. No object ever holds a key value or a page position."""

from __future__ import annotations

import json
from typing import Any

from keyward.aws.client import Client
from keyward.errors import ResourceMissingError

# What the last audit found, under the same name each night: the bucket keeps earlier versions.
LATEST = "audit.json"


class Audits:
    """Reads and writes the documents of audits, all of them JSON."""

    def __init__(self, s3: Any, bucket: str) -> None:
        self._s3 = Client(s3)
        self._bucket = bucket

    def save(self, audit: str, name: str, document: Any) -> None:
        """Write a document of an audit, over an earlier one of this name."""
        self._put(f"audits/{audit}/{name}.json", document)

    def load(self, audit: str, name: str) -> Any:
        """Read a document of an audit; None when there is none."""
        try:
            answer = self._s3.get_object(Bucket=self._bucket, Key=f"audits/{audit}/{name}.json")
        except ResourceMissingError:
            return None
        return json.loads(self._s3.read("GetObject", answer["Body"]))

    def csv(self, name: str) -> str | None:
        """An object that somebody put into the bucket under `adopt/`; None when there is none."""
        try:
            answer = self._s3.get_object(Bucket=self._bucket, Key=name)
        except ResourceMissingError:
            return None
        return self._s3.read("GetObject", answer["Body"]).decode("utf-8-sig")

    def publish(self, document: Any) -> None:
        """Write what the last audit found, for people and their tools."""
        self._put(LATEST, document)

    def _put(self, key: str, document: Any) -> None:
        self._s3.put_object(
            Bucket=self._bucket,
            Key=key,
            Body=json.dumps(document).encode(),
            ContentType="application/json",
        )


PAGE, DATA = "report.html", "report.json"
TYPES = {PAGE: "text/html; charset=utf-8", DATA: "application/json"}


class Reports:
    """Writes the bucket; its encryption is the bucket's own."""

    def __init__(self, s3: Any, bucket: str) -> None:
        self._s3 = Client(s3)
        self.bucket = bucket

    def save(self, name: str, text: str) -> None:
        """Write PAGE or DATA."""
        self._s3.put_object(
            Bucket=self.bucket,
            Key=name,
            Body=text.encode(),
            ContentType=TYPES[name],
            CacheControl="no-store",
        )
