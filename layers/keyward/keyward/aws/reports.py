"""The bucket of reports. Each is written under the same name: the bucket keeps earlier versions."""

from __future__ import annotations

from typing import Any

PAGE, DATA = "report.html", "report.json"
TYPES = {PAGE: "text/html; charset=utf-8", DATA: "application/json"}


class Reports:
    """Writes the bucket; its encryption is the bucket's own."""

    def __init__(self, s3: Any, bucket: str) -> None:
        self._s3 = s3
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
