"""The findings of the check: methods as they would be deployed, notes and errors."""

from __future__ import annotations

from dataclasses import dataclass, field

from keyward.apis.model import DeployedMethod
from keyward.values import JSON, frozen


@frozen
class Edit:
    """A member that a file lacks: at `path`, whose last parts may be missing too, `key` gets the
    `value`, which is JSON."""

    path: tuple[str | int, ...]
    key: str
    value: str


@frozen
class Remedy:
    """What makes a method ask for a key: where a line goes, the line, and the same as edits, none
    when only a person can tell where they go."""

    place: str
    line: str
    edits: tuple[Edit, ...] = ()


@frozen
class Method:
    """A method as a file declares it for the API called `api`. `remedy` is the line that would
    make it ask for a key, `place` where that line goes, `edits` the same for `fix`."""

    file: str
    line: int
    api: str
    deployed: DeployedMethod
    place: str
    remedy: str
    edits: tuple[Edit, ...] = ()

    @property
    def mark(self) -> tuple[str, int, str, str]:
        """The identity of a method: a document is also reached through its template."""
        return self.file, self.line, self.deployed.verb, self.deployed.path

    def as_json(self) -> JSON:
        """For `--format json`."""
        return {
            "file": self.file,
            "line": self.line,
            "method": self.deployed.verb,
            "path": self.deployed.path,
            "api": self.api,
            "put_into": self.place,
            "remedy": self.remedy,
        }

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}: {self.deployed.verb} {self.deployed.path}"
        return f"{where} asks for no key; put into {self.place}: {self.remedy}"


@frozen
class Remark:
    """A note on a file, or the error that stopped its check. `line` 0 means no line."""

    file: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.text}" if self.line else f"{self.file}: {self.text}"

    def as_json(self) -> JSON:
        """For `--format json`."""
        return {"file": self.file, "line": self.line, "text": self.text}


@dataclass
class Findings:
    """Everything found so far, in the order of the files."""

    methods: list[Method] = field(default_factory=list)
    notes: list[Remark] = field(default_factory=list)
    errors: list[Remark] = field(default_factory=list)

    def note(self, file: str, line: int, text: str) -> None:
        """Remembers what could not be looked into."""
        self.notes.append(Remark(file, line, text))

    def error(self, file: str, line: int, text: str) -> None:
        """Remembers why a file was not checked."""
        self.errors.append(Remark(file, line, text))
