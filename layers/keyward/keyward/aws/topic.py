"""The adapter to SNS: plain text for people. No message ever holds a key value."""

from __future__ import annotations

from typing import Any

from keyward.aws.client import Client

# Publish takes a subject of 100 characters and a message of 256 KB (API reference).
MAX_SUBJECT, MAX_MESSAGE = 100, 250_000


class Topic:
    """One topic."""

    def __init__(self, sns: Any, arn: str) -> None:
        self._sns, self._arn = Client(sns), arn

    def publish(self, subject: str, text: str) -> None:
        """Publish a text. Raises ServiceUnavailableError."""
        subject = subject[:MAX_SUBJECT]
        self._sns.publish(TopicArn=self._arn, Subject=subject, Message=text[:MAX_MESSAGE])
