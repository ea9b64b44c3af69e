"""What a run has made and seen: a file, written before and after each thing that counts."""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path

from keyward.values import JSON

PREFIX = "keyward-live-check-"
# The tag of the stack; its value is the run.
TAG = "keyward-live-check"


@dataclass
class State:
    """One run. `results` has what each check saw, by its id; `facts` what later checks need, `made`
    the things to remove as [kind, id]. `account` and `region` are where it began."""

    run: str
    account: str
    region: str
    facts: JSON = field(default_factory=dict)
    results: dict[str, JSON] = field(default_factory=dict)
    made: list[list[str]] = field(default_factory=list)
    file: Path | None = None

    @property
    def name(self) -> str:
        """The name of the stack, and the beginning of every other name."""
        return f"{PREFIX}{self.run}"

    def save(self) -> None:
        """Write the file, whole or not at all."""
        assert self.file
        self.file.parent.mkdir(parents=True, exist_ok=True)
        body = {name: value for name, value in asdict(self).items() if name != "file"}
        whole = self.file.with_suffix(".new")
        whole.write_text(json.dumps(body, indent=1) + "\n", encoding="utf-8")
        whole.replace(self.file)

    def keep(self, kind: str, made: str) -> str:
        """Note a thing that this run made: its id."""
        if [kind, made] not in self.made:
            self.made.append([kind, made])
            self.save()
        return made

    def forget(self, kind: str, made: str) -> None:
        """Note that a thing is gone."""
        self.made = [one for one in self.made if one != [kind, made]]
        self.save()


def opened(file: Path, account: str, region: str) -> State:
    """The run that the file tells of, else a new one.

    Raises ValueError for a file of another account or Region: its things are not here."""
    if file.exists():
        found = State(**json.loads(file.read_text(encoding="utf-8")), file=file)
        if (found.account, found.region) != (account, region):
            raise ValueError(
                f"{file}: must be of this account and Region ({account}, {region}), got "
                f"{found.account}, {found.region}. Go on there, or keep the file elsewhere"
            )
        return found
    return State(secrets.token_hex(3), account, region, file=file)
