"""Check what a run of protect-api was asked for."""

from __future__ import annotations

from keyward.errors import InvalidInputError, WrongAnswerError
from keyward.events import contracts
from keyward.events.fields import FINGERPRINT, STAGE
from keyward.events.requester import requester_of
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
            requester_of(task) if task.get("asked") else None,
            *_begun(task),
        )


def _begun(task: JSON) -> tuple[int, tuple[JSON, ...]]:
    """Read what only the machine states of a run. Raises InvalidInputError."""
    tries, stages = task.get("tries") or 0, task.get("stages") or []
    are_stages = isinstance(stages, list) and all(isinstance(one, dict) for one in stages)
    if isinstance(tries, int) and are_stages:
        return tries, tuple(stages)
    wrong = "tries" if are_stages else "stages"
    raise InvalidInputError(wrong, "must be as the machine writes it", "Leave it out")


def not_held(word: str, fingerprint: str) -> WrongAnswerError:
    """Refuse an answer, `approve` or `reject`, to what is not held."""
    problem = f"must be the fingerprint of a stage that is held, got {fingerprint}"
    return WrongAnswerError(word, problem, "Take it from `keyward holds`")
