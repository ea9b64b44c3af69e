"""Plan protection: take the lease, read what the API's stages serve, plan what protects them."""

from __future__ import annotations

from typing import Any

from keyward import contracts, runs, runtime
from keyward.api import APPROVED
from keyward.api_reading import ApiReader
from keyward.bus import Bus
from keyward.errors import InvalidInputError
from keyward.policy import Policy
from keyward.protection import Protection, read_only
from keyward.registry import Registry

FIELDS = ("rest_api_id", "stage", "dry_run", "approve", "execution_arn")
