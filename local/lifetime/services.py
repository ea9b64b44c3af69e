"""The services around Keyward in this process, by the names and answers of boto3's clients: SSM,
EventBridge, Step Functions, SQS, S3, Secrets Manager, Lambda and Logs, with their limits."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from emulator.clock import VirtualClock
from keyward.values import JSON

# EventBridge: entries and bytes of a PutEvents request. SSM: GetParameter, a second and account.
MAX_ENTRIES, MAX_EVENT_BYTES, MAX_PARAMETERS = 10, 262_144, 40


def refusal(operation: str, code: str, message: str = "", status: int = 400) -> ClientError:
    """The error of a service."""
    answer: Any = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(answer, operation)


class Ssm:
    """Parameters with their versions."""

    def __init__(self, clock: VirtualClock, changed: Callable[[str, str], None]) -> None:
        self._clock, self._changed = clock, changed
        self._versions: dict[str, list[str]] = {}
        self._second, self._reads = 0, 0

    def put_parameter(self, Name: str, Value: str, **_: Any) -> JSON:
        """Write a new version."""
        operation = "Update" if Name in self._versions else "Create"
        self._versions.setdefault(Name, []).append(Value)
        self._changed(Name, operation)
        return {"Version": len(self._versions[Name])}

    def first_parameter(self, name: str, value: str) -> None:
        """A parameter that was there before anybody listened."""
        self._versions[name] = [value]

    def get_parameter(self, Name: str) -> JSON:
        """Read the newest version, or that of `name:number`."""
        second = int(self._clock.now())
        self._second, self._reads = second, self._reads + 1 if second == self._second else 1
        if self._reads > MAX_PARAMETERS:
            raise refusal("GetParameter", "ThrottlingException", "Rate exceeded")
        name, number = (*Name.split(":", 1), "")[:2]
        versions = self._versions.get(name, [])
        wanted = int(number or len(versions))
        if not versions or not 1 <= wanted <= len(versions):
            raise refusal("GetParameter", "ParameterNotFound" if not versions else NO_VERSION)
        about: JSON = {"Name": name, "Type": "String", "Version": wanted}
        return {"Parameter": about | {"Value": versions[wanted - 1]}}

    def delete_parameter(self, Name: str) -> JSON:
        """Forget a parameter and its versions."""
        if self._versions.pop(Name, None):
            self._changed(Name, "Delete")
        return {}


NO_VERSION = "ParameterVersionNotFound"


class Events:
    """PutEvents; `put` takes the entries."""

    def __init__(self, put: Callable[[list[JSON]], None]) -> None:
        self._put = put

    def put_events(self, Entries: list[JSON]) -> JSON:
        """Put events on buses."""
        size = sum(len(str(value).encode()) for entry in Entries for value in entry.values())
        if len(Entries) > MAX_ENTRIES or size > MAX_EVENT_BYTES:
            raise refusal("PutEvents", "ValidationException", "too many entries or bytes")
        self._put([entry | {"Detail": json.loads(entry["Detail"])} for entry in Entries])
        return {"FailedEntryCount": 0, "Entries": [{"EventId": "an-id"} for _ in Entries]}


class Sns:
    """What was published to the stack's topic: `(subject, text)`, oldest first."""

    def __init__(self) -> None:
        self.published: list[tuple[str, str]] = []
        self.unconfirmed: list[str] = []

    def publish(self, TopicArn: str, Message: str, Subject: str = "") -> JSON:
        """Publish a message."""
        self.published.append((Subject, Message))
        return {"MessageId": f"notice-{len(self.published)}"}

    def list_subscriptions_by_topic(self, TopicArn: str) -> JSON:
        """The subscriptions, here those that nobody has confirmed."""
        arn = "PendingConfirmation"
        return {
            "Subscriptions": [{"SubscriptionArn": arn, "Endpoint": e} for e in self.unconfirmed]
        }


class Lambda:
    """Functions that invoke others: `answer_of` waits for the answer, `start` does not. Both take a
    function's id and its input."""

    def __init__(
        self, answer_of: Callable[[str, JSON], Any], start: Callable[[str, JSON], None]
    ) -> None:
        self._answer_of, self._start = answer_of, start

    def invoke(
        self, FunctionName: str, Payload: bytes, InvocationType: str = "RequestResponse"
    ) -> JSON:
        """Invoke a function and wait for its answer, unless the type is Event."""
        if InvocationType == "Event":
            self._start(FunctionName, json.loads(Payload))
            return {"StatusCode": 202}
        answer: JSON = {"StatusCode": 200}
        try:
            body = self._answer_of(FunctionName, json.loads(Payload))
        except Exception as error:  # noqa: BLE001 - Lambda answers with whatever it was
            answer |= {"FunctionError": "Unhandled"}
            body = {"errorType": type(error).__name__, "errorMessage": str(error)}
        return answer | {"Payload": io.BytesIO(json.dumps(body).encode())}


class Logs:
    """Logs Insights without any log group."""

    def start_query(self, **_: Any) -> JSON:
        """Refuse, as there is no log group."""
        raise refusal("StartQuery", "ResourceNotFoundException", "The log group does not exist.")

    def get_query_results(self, **_: Any) -> JSON:
        """Refuse, as there is no query."""
        raise refusal("GetQueryResults", "ResourceNotFoundException", "The query does not exist.")


class S3:
    """Buckets, whichever is named; `stored` hears of each object."""

    def __init__(self, clock: VirtualClock, stored: Callable[[str, str], None]) -> None:
        self.objects: dict[tuple[str, str], bytes] = {}
        self._clock, self._stored = clock, stored
        self._put: dict[tuple[str, str], JSON] = {}
        self._versions = 0

    def put_object(self, Bucket: str, Key: str, Body: bytes | str, **_: Any) -> JSON:
        """Write an object."""
        self.objects[Bucket, Key] = Body.encode() if isinstance(Body, str) else Body
        self._versions += 1
        modified = datetime.fromtimestamp(int(self._clock.now()), UTC)
        about = {"VersionId": f"version-{self._versions}", "LastModified": modified}
        self._put[Bucket, Key] = about
        self._stored(Bucket, Key)
        return {}

    def get_object(self, Bucket: str, Key: str, **_: Any) -> JSON:
        """Read an object."""
        if (Bucket, Key) not in self.objects:
            raise refusal("GetObject", "NoSuchKey", status=404)
        content = self.objects[Bucket, Key]
        about = self._put[Bucket, Key] | {"ContentLength": len(content)}
        return about | {"Body": io.BytesIO(content)}

    def delete_object(self, Bucket: str, Key: str, **_: Any) -> JSON:
        """Forget an object."""
        self.objects.pop((Bucket, Key), None)
        return {}

    def list_objects_v2(self, Bucket: str, Prefix: str = "", **_: Any) -> JSON:
        """The objects of a bucket."""
        keys = sorted(key for bucket, key in self.objects if bucket == Bucket)
        found = [{"Key": key} for key in keys if key.startswith(Prefix)]
        return {"Contents": found, "IsTruncated": False} if found else {"IsTruncated": False}


class SecretsManager:
    """Secrets by name or ARN."""

    def __init__(self) -> None:
        self._secrets: dict[str, str] = {}

    def create_secret(self, Name: str, SecretString: str, **_: Any) -> JSON:
        """Keep a new secret."""
        if Name in self._secrets:
            raise refusal("CreateSecret", "ResourceExistsException")
        self._secrets[Name] = SecretString
        return {"Name": Name, "ARN": f"arn:aws:secretsmanager:us-east-1:123456789012:secret:{Name}"}

    def put_secret_value(self, SecretId: str, SecretString: str, **_: Any) -> JSON:
        """Change a secret."""
        self._secrets[self._name(SecretId, "PutSecretValue")] = SecretString
        return {}

    def get_secret_value(self, SecretId: str, **_: Any) -> JSON:
        """Read a secret."""
        name = self._name(SecretId, "GetSecretValue")
        return {"Name": name, "SecretString": self._secrets[name]}

    def delete_secret(self, SecretId: str, **_: Any) -> JSON:
        """Forget a secret."""
        self._secrets.pop(self._name(SecretId, "DeleteSecret"))
        return {}

    def _name(self, secret_id: str, operation: str) -> str:
        name = secret_id.partition(":secret:")[2] or secret_id
        if name not in self._secrets:
            raise refusal(operation, "ResourceNotFoundException")
        return name
