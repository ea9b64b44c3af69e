"""API keys on the gateway. Answers hold key values; nothing but `reveal` lets one out of this
module."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import field, replace

from keyward.aws.gateway.calls import Calls
from keyward.errors import GatewayRefusedError, KeywardError
from keyward.events.key_value import BLOT, without_values
from keyward.values import JSON, frozen

# A key that is older than a try by more than clocks differ was made by somebody else.
CLOCKS_DIFFER_SECONDS = 60


@frozen
class GatewayKey:
    """A key as the gateway has it, without its value. `created_at` and `updated_at` are epoch
    seconds. Lists leave out `description`, which may be long."""

    key_id: str
    name: str
    enabled: bool
    customer_id: str | None
    created_at: float
    updated_at: float = 0.0
    tags: Mapping[str, str] = field(default_factory=dict)
    description: str | None = None


@frozen
class NewKey:
    """A row of a file for ImportApiKeys. Its text never shows the value."""

    name: str
    value: str = field(repr=False)
    plan_id: str
    description: str = ""


class KeyCalls(Calls):
    """Create, import, find, read, enable, disable and delete keys."""

    def create_key(
        self,
        name: str,
        value: str,
        tags: Mapping[str, str],
        description: str | None = None,
    ) -> GatewayKey:
        """CreateApiKey, enabled (its default is false, aws-recorded.md 1). The answer is compared
        with what was asked for. Raises KeyConflictError when a key with this value exists."""
        more: JSON = {"tags": dict(tags)} if tags else {}
        more |= {"description": description} if description else {}
        try:
            answer = self._call("CreateApiKey", name=name, value=value, enabled=True, **more)
        except KeywardError as error:
            # What AWS says of a value that it refuses was not recorded: it may quote it.
            raise type(error)(str(error).replace(value, BLOT)) from None
        key = _gateway_key(answer)
        if not key.enabled or key.name != name:
            raise GatewayRefusedError(f"CreateApiKey: key {key.key_id} is not as it was asked for")
        return key

    def import_keys(self, keys: Iterable[NewKey]) -> int:
        """ImportApiKeys: make the keys, enabled and in their plans, with one call; how many it
        made. The answer does not say which (aws-recorded.md 2).

        A plan that does not exist is passed over in silence, and a refused row stops no other. So
        the caller looks for the keys in their plans. A value that exists already has its key
        overwritten.
        """
        file = io.StringIO()
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("Name", "Key", "Description", "Enabled", "UsagePlanIds"))
        writer.writerows(
            (key.name, key.value, key.description, "true", key.plan_id) for key in keys
        )
        body = file.getvalue().encode()
        # With failOnWarnings the good rows are made all the same, and their ids are not told.
        answer = self._call("ImportApiKeys", body=body, format="csv", failOnWarnings=False)
        return len(answer.get("ids", []))

    def keys_named(self, customer_id: str, name: str, since: float) -> list[GatewayKey]:
        """The customer's keys of exactly this name, oldest first: those that were made after
        `since` (epoch seconds), and older ones with the customer's customerId, which keys of the
        last edition have. The gateway's own filter is only a prefix match: `acme/1` finds `acme/10`
        (aws-recorded.md 1)."""
        items = self._pages("GetApiKeys", nameQuery=name, includeValues=False)
        mine = [
            key
            for key in (_gateway_key(item) for item in items if item.get("name") == name)
            if key.customer_id == customer_id
            or (key.customer_id is None and key.created_at >= since - CLOCKS_DIFFER_SECONDS)
        ]
        return sorted(mine, key=lambda key: (key.created_at, key.key_id))

    def keys_of(self, customer_id: str) -> list[GatewayKey]:
        """All keys whose name begins with the customer's id, oldest first: one call for 500 of
        them. Without any, those whose customerId it is: an adopted key kept its name."""
        start = f"{customer_id}/"
        items = self._pages("GetApiKeys", nameQuery=start, includeValues=False)
        keys = [_gateway_key(item) for item in items]
        mine = [key for key in keys if key.name.startswith(start)]
        if not mine:
            items = self._pages("GetApiKeys", customerId=customer_id, includeValues=False)
            mine = [_gateway_key(item) for item in items if item.get("customerId") == customer_id]
        return sorted(mine, key=lambda key: (key.created_at, key.key_id))

    def all_keys(self) -> list[GatewayKey]:
        """All keys of the account, Keyward's or not: one call for 500 of them."""
        return [_gateway_key(item) for item in self._pages("GetApiKeys", includeValues=False)]

    def key(self, key_id: str) -> GatewayKey:
        """GetApiKey, without the value, and with the description. Raises NotFoundError."""
        answer = self._call("GetApiKey", apiKey=key_id, includeValue=False)
        description = without_values(answer.get("description"))
        return replace(_gateway_key(answer), description=description)

    def describe_key(self, key_id: str, description: str) -> None:
        """UpdateApiKey; an empty description takes it away (aws-recorded.md 1). Raises
        NotFoundError."""
        patch = {"op": "replace", "path": "/description", "value": description}
        self._call("UpdateApiKey", apiKey=key_id, patchOperations=[patch])

    def tag_key(self, key_id: str, tags: Mapping[str, str]) -> None:
        """TagResource: the key's other tags stay. Raises NotFoundError."""
        self._call("TagResource", resourceArn=self._arn(f"/apikeys/{key_id}"), tags={**tags})

    def untag_key(self, key_id: str, names: Iterable[str]) -> None:
        """UntagResource; a tag that is not there is fine. Raises NotFoundError."""
        self._call("UntagResource", resourceArn=self._arn(f"/apikeys/{key_id}"), tagKeys=[*names])

    def set_enabled(self, key_id: str, enabled: bool) -> None:
        """UpdateApiKey, and the answer compared: anything but exactly "true" disables
        (aws-recorded.md 1). Raises NotFoundError when the key is gone."""
        patch = {"op": "replace", "path": "/enabled", "value": "true" if enabled else "false"}
        key = _gateway_key(self._call("UpdateApiKey", apiKey=key_id, patchOperations=[patch]))
        if key.enabled != enabled:
            raise GatewayRefusedError(f"UpdateApiKey: key {key_id} is not as it was asked for")

    def delete_key(self, key_id: str) -> None:
        """DeleteApiKey; the key leaves its plans with it. Raises NotFoundError when it is gone."""
        self._call("DeleteApiKey", apiKey=key_id)

    def reveal(self, key_id: str) -> str:
        """The value. For `reveal_key` only, whose use is recorded. Raises NotFoundError."""
        return str(self._call("GetApiKey", apiKey=key_id, includeValue=True)["value"])

    def reveal_enabled(self, key_id: str) -> str | None:
        """The value of an enabled key; None for a disabled one. 1 call. Raises NotFoundError."""
        answer = self._call("GetApiKey", apiKey=key_id, includeValue=True)
        return str(answer["value"]) if answer.get("enabled") else None


def _gateway_key(item: JSON) -> GatewayKey:
    """The key; a value that somebody wrote into its words is blotted out."""
    words = without_values({name: item.get(name) for name in ("name", "customerId", "tags")})
    created, updated = item.get("createdDate"), item.get("lastUpdatedDate")
    return GatewayKey(
        key_id=str(item["id"]),
        name=str(words["name"] or ""),
        enabled=bool(item.get("enabled")),
        customer_id=words["customerId"],
        created_at=created.timestamp() if created else 0.0,
        updated_at=updated.timestamp() if updated else 0.0,
        tags=words["tags"] or {},
    )
