"""Decide whose first key ImportApiKeys can make together with others. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from keyward.customers.key import CREATING, KeyRecord, name_of
from keyward.customers.model import Customer
from keyward.values import JSON

# So many have to wait: for fewer, single calls are as quick.
MIN_WAITING = 20
# What a cell of the CSV holds without quotes. How AWS reads others was never recorded.
CELL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+@|:=-]*")
TEXT = re.compile(r"[^,'\"\r\n]*")


def is_simple(customer: Customer, actions: Sequence[JSON]) -> bool:
    """Whether a plan only makes the customer's first key and attaches it, and a row of
    ImportApiKeys can say all of it.

    A row has no place for tags or an own value. The tag with the customer's name follows
    afterwards. Notices do not count: they take no call, and due work announces them later.
    """
    first = name_of(customer.customer_id, 1)
    created = {"action": "create_key", "key": first, "number": 1}
    attached = created | {"action": "attach_key"}
    planned = [
        {name: v for name, v in action.items() if name != "asked"}
        for action in actions
        if action["action"] != "announce_notice"
    ]
    if len(planned) != 2 or planned[0] != created or not planned[1].pop("plan", None):
        return False
    cells = CELL.fullmatch(customer.customer_id) and TEXT.fullmatch(customer.description or "")
    in_file = not customer.tags and not customer.secrets and cells is not None
    return planned[1] == attached and in_file


def is_being_imported(key: KeyRecord) -> bool:
    """Whether ImportApiKeys makes the key, or made it and nobody has looked yet."""
    return key.state == CREATING and key.journal.batch is not None
