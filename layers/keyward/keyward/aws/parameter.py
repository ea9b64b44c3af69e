"""The policy parameter in SSM: what the owner wants. Its newest good version counts.

It holds the policy, or `{"object": "policy/NAME.json"}` in the stack's bucket where the policy is
larger than a parameter (8 KB, Systems Manager quotas).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import field
from typing import Any

from keyward.aws.client import Client
from keyward.errors import PolicyRefusedError, ResourceMissingError
from keyward.events.key_value import holds_value
from keyward.policy.parse import parse, read_json
from keyward.values import JSON, frozen

# SSM keeps the last 100 versions (Parameter Store, "Working with parameter versions").
MAX_VERSIONS = 100
OBJECT = re.compile(r"policy/[A-Za-z0-9_.-]{1,100}\.json")


def read_policy(text: str) -> JSON:
    """The policy in a text, as JSON. Raises PolicyRefusedError, also for one that holds a key
    value, as its names and reasons are announced."""
    body: JSON = _without_value(text)
    parse(text)
    return body


def _without_value(text: str) -> Any:
    """The JSON of the text. Raises PolicyRefusedError, before any other check could quote a part of
    a text that holds a key value."""
    body = read_json(text)
    if holds_value(json.dumps(body, ensure_ascii=False)):
        raise PolicyRefusedError(
            "policy: must hold no value of an API key. Remove it, and rotate the key: a value that "
            "was written down is known to others"
        )
    return body


@frozen
class Wanted:
    """The newest good version; `body` is None where none is good, or the parameter is gone.
    `version` is the newest one, 0 without a parameter, and `refused` says why that is not good."""

    body: JSON | None
    version: int = 0
    refused: str | None = None


@frozen
class PolicyParameter:
    """Reads the parameter `name`; `load` reads the text of an object in the stack's bucket, and
    returns None when the bucket has no such object."""

    ssm: Any
    name: str
    load: Callable[[str], str | None] = field(default=lambda key: None)

    def read(self, known: int = 0) -> Wanted:
        """What the owner wants now. Versions before `known`, by which the policy in force was
        settled, are not looked at. Raises ServiceUnavailableError when SSM does not answer."""
        try:
            newest = self._version(self.name)
        except ResourceMissingError:
            return Wanted(None)
        version = int(newest["Version"])
        try:
            return Wanted(self._body(newest["Value"]), version)
        except PolicyRefusedError as error:
            return Wanted(self._last_good(version, known), version, str(error))

    def _last_good(self, newest: int, known: int) -> JSON | None:
        for version in range(newest - 1, max(0, newest - MAX_VERSIONS, known - 1), -1):
            try:
                return self._body(self._version(f"{self.name}:{version}")["Value"])
            except (PolicyRefusedError, ResourceMissingError):
                continue
        return None

    def _body(self, text: str) -> JSON:
        given = _without_value(text)
        if isinstance(given, dict) and "object" in given:
            text = self._object(given)
        return read_policy(text)

    def _object(self, given: JSON) -> str:
        key = given["object"]
        if len(given) > 1 or not isinstance(key, str) or not OBJECT.fullmatch(key):
            raise PolicyRefusedError(
                "object: must be policy/NAME.json, and the only member. "
                'Write {"object": "policy/NAME.json"}'
            )
        try:
            text = self.load(key)
        except UnicodeDecodeError:
            raise PolicyRefusedError("object: must be UTF-8 text. Save it so, and put it") from None
        if text is None:
            raise PolicyRefusedError(
                f"object: must be in the stack's bucket, and {key} is not. Put it there first"
            )
        return text

    def _version(self, name: str) -> JSON:
        found: JSON = Client(self.ssm).get_parameter(Name=name)["Parameter"]
        return found
