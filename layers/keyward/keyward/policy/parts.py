"""The parts of a policy: throttles, quotas, usage plans, exemptions, probes. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import UTC, datetime

from keyward.values import JSON, frozen


@frozen
class Throttle:
    """A throttle: `rate_limit` in requests a second, `burst_limit` in requests."""

    rate_limit: float
    burst_limit: int

    @classmethod
    def of(cls, body: JSON | None) -> Throttle | None:
        """From `{"rateLimit", "burstLimit"}` of the policy or of API Gateway; None stays None."""
        return cls(float(body["rateLimit"]), int(body["burstLimit"])) if body else None

    def as_json(self) -> JSON:
        """In API Gateway's words. Both fields always: a missing one is stored as 0 (aws-recorded.md
        3)."""
        return {"rateLimit": self.rate_limit, "burstLimit": self.burst_limit}


@frozen
class Quota:
    """A quota: `limit` requests in a `period` (DAY, WEEK, MONTH), which starts `offset` days
    late."""

    limit: int
    period: str
    offset: int = 0

    @classmethod
    def of(cls, body: JSON | None) -> Quota | None:
        """From `{"limit", "period", "offset"?}` of the policy or of API Gateway; None stays
        None."""
        return (
            cls(int(body["limit"]), str(body["period"]), int(body.get("offset", 0)))
            if body
            else None
        )

    def as_json(self) -> JSON:
        """In API Gateway's words."""
        return {"limit": self.limit, "period": self.period, "offset": self.offset}


@frozen
class PlanPolicy:
    """What a usage plan has to be. `methods` maps `GET /reports` to its own throttle; `apis` and
    `stages` are globs on a RestApi's id or name and on a stage's name. `adopt`: a plan of this name
    that people made is to be Keyward's."""

    name: str
    throttle: Throttle | None
    quota: Quota | None
    apis: tuple[str, ...] = ("*",)
    stages: tuple[str, ...] = ("*",)
    methods: Mapping[str, Throttle] = field(default_factory=dict)
    adopt: bool = False

    def covers(self, api_id: str, api_name: str, stage: str) -> bool:
        """Whether the plan covers the stage of the API."""
        return matches(self.apis, api_id, api_name) and matches(self.stages, stage)

    @property
    def literal_apis(self) -> tuple[str, ...]:
        """The APIs that the plan names by id or name, without a `*`."""
        return tuple(api for api in self.apis if "*" not in api)

    def names(self, api_id: str, api_name: str, stage: str) -> bool:
        """Whether the plan covers the stage of an API that it names literally: it holds such a
        stage in every mode but off."""
        return not {api_id, api_name}.isdisjoint(self.literal_apis) and matches(self.stages, stage)


@frozen
class Exemption:
    """A method that may stay open. `expires` is a date `YYYY-MM-DD` and ends at its 00:00 UTC."""

    api: str
    method: str
    path: str
    reason: str
    owner: str | None = None
    expires: str | None = None

    @property
    def ends_at(self) -> float | None:
        """When it ends (epoch seconds), None for never."""
        return midnight(self.expires) if self.expires else None

    def covers_api(self, api_id: str, api_name: str) -> bool:
        """Whether it is about the API."""
        return matches((self.api,), api_id, api_name)

    def covers(self, api_id: str, api_name: str, method: str, path: str, now: float) -> bool:
        """Whether it exempts the method at `now` (epoch seconds)."""
        if self.ends_at is not None and now >= self.ends_at:
            return False
        return (
            self.covers_api(api_id, api_name)
            and self.method in ("*", method)
            and matches((self.path,), path)
        )


@frozen
class Probe:
    """A request that proves a closed stage: GET `path`, without a key and with the key of the
    `customer`. `api` and `stage` are globs; `url` replaces the stage's invoke URL."""

    api: str
    path: str
    customer: str
    stage: str = "*"
    url: str | None = None


def place_of(line: str) -> str:
    """Write `GET /pets` as a throttle map of API Gateway does: `/pets/GET`."""
    verb, _, path = line.partition(" ")
    return f"{path.rstrip('/')}/{verb}"


def midnight(day: str) -> float:
    """00:00 UTC of a day `YYYY-MM-DD`, epoch seconds. Raises ValueError for anything else."""
    return datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC).timestamp()


def matches(globs: tuple[str, ...], *texts: str) -> bool:
    """Whether one of the globs covers one of the texts."""
    return any(_glob_matches(glob, text) for glob in globs for text in texts)


def _glob_matches(glob: str, text: str) -> bool:
    """Whether the glob covers the text. Only `*` is special: `{petId}` and `[` are themselves.

    Each part between two stars is looked for once, from where the part before it ended, so the time
    grows with the length of the text. A regular expression would try every split of it.
    """
    first, *parts = glob.split("*")
    if not parts:
        return glob == text
    last = parts.pop()
    if len(text) < len(first) + len(last) or not text.startswith(first) or not text.endswith(last):
        return False
    place, end = len(first), len(text) - len(last)
    for part in parts:
        place = text.find(part, place, end)
        if place < 0:
            return False
        place += len(part)
    return True


@frozen
class Lifecycle:
    """`rotate_after_days` by plan; `grace_hours` is how long a key that was replaced stays,
    disabled, before it is deleted."""

    rotate_after_days: Mapping[str, int] = field(default_factory=dict)
    grace_hours: float = 72

    @classmethod
    def of(cls, body: JSON) -> Lifecycle:
        """From the policy: `grace_hours`, and each usage plan's `rotate_after_days`."""
        days = {name: plan.get("rotate_after_days") for name, plan in body["usage_plans"].items()}
        rotated = {name: int(number) for name, number in days.items() if number}
        return cls(rotated, body.get("grace_hours", cls.grace_hours))


@frozen
class UsagePolicy:
    """`thresholds` in percent of the quota, ascending; `unused_days` without a call make a key
    unused (GetUsage is asked for 90 days at most, so fewer); `top_customers` are named a plan in
    the log."""

    thresholds: tuple[int, ...] = (50, 80, 100)
    unused_days: int = 30
    top_customers: int = 10

    @classmethod
    def of(cls, body: JSON | None) -> UsagePolicy:
        """From the policy's member `usage`; what it leaves out is as by default."""
        given = dict(body or {})
        if "thresholds" in given:
            given["thresholds"] = tuple(sorted(set(given["thresholds"])))
        return cls(**given)
