"""The account that a tool asks, and in plain words what keeps it from asking."""

from __future__ import annotations

import os
from typing import Any

import boto3
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
)

WORDS: dict[type[BotoCoreError], str] = {
    NoRegionError: "No Region is set. Set AWS_REGION",
    NoCredentialsError: "There are no AWS credentials. Sign in, or set AWS_PROFILE",
    EndpointConnectionError: "AWS cannot be reached. Check the network, and the Region's name",
}


def session() -> Any:
    """Make a session of boto3. The AWS CLI heeds AWS_REGION, boto3 only AWS_DEFAULT_REGION."""
    return boto3.Session(region_name=os.environ.get("AWS_REGION") or None)


def sentence(error: Exception) -> str:
    """Say in a sentence why AWS was not asked, or what it refused; other errors as they are."""
    if isinstance(error, ClientError):
        about = error.response.get("Error", {})
        return f"AWS refused {error.operation_name}: {about.get('Message') or about.get('Code')}"
    return next((words for kind, words in WORDS.items() if isinstance(error, kind)), str(error))
