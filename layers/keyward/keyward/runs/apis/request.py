"""Check what a run of protect-api was asked for."""

from __future__ import annotations

from typing import Any

from keyward.errors import InvalidInputError, WrongAnswerError
from keyward.events import contracts
from keyward.events.fields import FINGERPRINT, STAGE
from keyward.runs import run
from keyward.values import JSON, frozen

# What a console run may state.
FIELDS = ("rest_api_id", "stage", "dry_run", "approve", "reject", "rollback")


@frozen
class ApiRequest:
    """A run's input. `approve` and `reject` are fingerprints of held stages. `tries` counts the
    readings that were broken off. `stages` are the outcomes from before the run planned anew."""

    rest_api_id: str
    stage: str | None
    dry_run: bool
    approve: str | None
    reject: str | None
    rollback: bool
    execution_arn: str
    requester: JSON | None
    tries: int = 0
    stages: tuple[JSON, ...] = ()

    @classmethod
    def of(cls, task: JSON) -> ApiRequest:
        """Read a task's input. Raises InvalidInputError, which names the field."""
        run.only_fields(task, FIELDS)
        rollback = contracts.flag_of(task, "rollback")
        if rollback and task.get("stage") is None:
            raise InvalidInputError("stage", "is missing", "Name the stage to roll back")
        return cls(
            contracts.rest_api_id_of(task),
            contracts.optional_of(task, "stage", STAGE),
            contracts.flag_of(task, "dry_run"),
            contracts.optional_of(task, "approve", FINGERPRINT),
            contracts.optional_of(task, "reject", FINGERPRINT),
            rollback,
            str(task.get("execution_arn", "")),
            run.requester_of(task) if task.get("asked") else None,
            _of_machine(task, "tries", int) or 0,
            tuple(_stages(task)),
        )


def _stages(task: JSON) -> list[JSON]:
    stages: list[Any] = _of_machine(task, "stages", list) or []
    for stage in stages:
        if not isinstance(stage, dict) or not isinstance(stage.get("stage"), str):
            raise _not_stated("stages")
    return stages


def _of_machine(task: JSON, name: str, kind: type) -> Any:
    """What only the machine states of a run. Raises InvalidInputError."""
    value = task.get(name)
    if value is not None and not isinstance(value, kind):
        raise _not_stated(name)
    return value


def _not_stated(name: str) -> InvalidInputError:
    return InvalidInputError(name, "must be as the machine writes it", "Leave it out")


def not_held(word: str, fingerprint: str) -> WrongAnswerError:
    """Refuse an answer, `approve` or `reject`, to what is not held."""
    problem = f"must be the fingerprint of a stage that is held, got {fingerprint}"
    return WrongAnswerError(word, problem, "Take it from `keyward holds`")
