"""The Apis table: what is remembered of an API.

By API: `attachment#<stage>#<plan>`, `deployment#<id>` (ours), `deployment#<id>#served` (served.py),
`deploying#<stage>` (a CreateDeployment that may be under way), `hold#<stage>`, `answer#<stage>`
(what a person answered last), `exposure#<stage>`, `planned#<stage>` (actions whose outcome is not
announced), the outbox (outbox.py), `editor` (who edited the working copy last), `rollback#<stage>`
(somebody wants the former deployment back) and `warning` (the day of mode warn). Times are epoch
seconds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, replace
from typing import Any

from keyward.apis.model import ApiRecords, Attachment, Deploying, Deployment, Hold, Move
from keyward.aws.client import Table
from keyward.aws.tables.conditions import in_range, not_later
from keyward.aws.tables.outbox import Outbox, record_name, saved_at, waiting
from keyward.aws.tables.served import Served
from keyward.events.caller import Editor
from keyward.values import JSON, stated


class Apis:
    """What is remembered of APIs; reads are consistent. Who writes holds the API's lease, except
    for decisions, which are a person's, and attachments, which another run may make for one that
    waits."""

    def __init__(self, table: Any) -> None:
        self._table = Table(table)
        self.outbox = Outbox(self._table, "rest_api_id")
        self.served = Served(self._table)

    def load_records(self, rest_api_id: str) -> ApiRecords:
        """Everything that is remembered and matters to a plan, in one query."""
        items = self._query(rest_api_id)
        of = _sorted_by_kind(items)
        return ApiRecords(
            attachments=tuple(_attachment(item) for item in of("attachment")),
            holds=tuple(_hold(item) for item in of("hold")),
            answers={item["stage"]: item["fingerprint"] for item in of("answer")},
            exposures={item["stage"]: item["fingerprint"] for item in of("exposure")},
            planned={item["stage"]: tuple(item["actions"]) for item in of("planned")},
            outbox=waiting(items),
            saved=saved_at(items),
            editor=next((_editor(item) for item in of("editor")), None),
            rollbacks={item["stage"]: item.get("deployment_id") for item in of("rollback")},
            enforce_on=next((item["enforce_on"] for item in of("warning")), None),
            moves={
                item["caller"]["stage"]: Move(item["deployment_id"], item["caller"].get("at", ""))
                for item in of("mover")
                if item.get("deployment_id")
            },
        )

    def all_holds(self) -> list[JSON]:
        """All holds of all APIs, as they are recorded: one scan, for the report."""
        return self._table.pages(
            "scan",
            FilterExpression="begins_with(#record, :hold)",
            ExpressionAttributeNames={"#record": "record"},
            ExpressionAttributeValues={":hold": "hold#"},
        )

    def warn(self, rest_api_id: str, enforce_on: str) -> None:
        """Note the day on which mode warn becomes enforce."""
        self._put(rest_api_id, "warning", enforce_on=enforce_on)

    def request_rollback(self, rest_api_id: str, stage: str, now: float) -> None:
        """Note that a person wants the former deployment back; whichever run comes next does it. A
        rollback that was begun stays so."""
        self._table.update_item(
            Key={"rest_api_id": rest_api_id, "record": f"rollback#{stage}"},
            UpdateExpression="SET stage = :stage, asked_at = :now",
            ExpressionAttributeValues={":stage": stage, ":now": int(now)},
        )

    def begin_rollback(self, rest_api_id: str, stage: str, deployment_id: str) -> None:
        """Write down, before a rollback, which deployment the stage leaves."""
        self._put(rest_api_id, f"rollback#{stage}", stage=stage, deployment_id=deployment_id)

    def note_editor(self, rest_api_id: str, editor: Editor) -> None:
        """Note who edited the working copy; events come in any order, the latest edit counts."""
        self._table.try_write(
            "put_item",
            Item={"rest_api_id": rest_api_id, "record": "editor"} | editor.as_json(),
            **not_later(editor.when),
        )

    def attached(self, rest_api_id: str, attachment: Attachment) -> None:
        """Note an attachment; before the call with `confirmed` false, after it with true."""
        self._put(
            rest_api_id,
            f"attachment#{attachment.stage}#{attachment.plan}",
            **asdict(attachment),
        )

    def detached(self, rest_api_id: str, stage: str, plan: str) -> None:
        """Forget an attachment that was taken back. Idempotent."""
        self.forget(rest_api_id, [f"attachment#{stage}#{plan}"])

    def plan_actions(self, rest_api_id: str, stage: str, actions: Sequence[JSON]) -> None:
        """Note what is going to be done for a stage, so that it is announced whatever happens."""
        self._put(rest_api_id, f"planned#{stage}", stage=stage, actions=list(actions))

    def hold(self, rest_api_id: str, hold: Hold, announced: JSON, now: float) -> None:
        """Hold a stage and have it announced. The announcement is kept with the hold, for those who
        list holds. It is stored first: a crash between the two announces twice rather than
        never."""
        self.announce(rest_api_id, hold.stage, announced, now)
        self._put(
            rest_api_id,
            f"hold#{hold.stage}",
            **asdict(replace(hold, held_at=hold.held_at or int(now), told_at=int(now))),
            **_for_people(announced),
        )

    def remind(self, rest_api_id: str, hold: Hold, announced: JSON, now: float) -> None:
        """Announce a hold once more. What a person decided meanwhile stays decided."""
        self.announce(rest_api_id, hold.stage, announced, now)
        fields = {"told_at": int(now)} | _for_people(announced)
        self._change_hold(rest_api_id, hold.stage, hold.fingerprint, **fields)

    def decide(self, rest_api_id: str, stage: str, fingerprint: str, decision: str) -> bool:
        """Write down a person's decision on a hold; False when it is not held (any more). The
        decision outlives the hold, so that the same answer is known when it comes again."""
        decided = self._change_hold(rest_api_id, stage, fingerprint, decision=decision)
        if decided:
            self.note_answer(rest_api_id, stage, fingerprint)
        return decided

    def note_answer(self, rest_api_id: str, stage: str, fingerprint: str) -> None:
        """Remember what a person answered."""
        self._put(rest_api_id, f"answer#{stage}", stage=stage, fingerprint=fingerprint)

    def _change_hold(self, rest_api_id: str, stage: str, fingerprint: str, **fields: Any) -> bool:
        """Set fields of a hold; False when the stage is not held for this fingerprint."""
        return self._table.try_write(
            "update_item",
            Key={"rest_api_id": rest_api_id, "record": f"hold#{stage}"},
            UpdateExpression="SET " + ", ".join(f"{name} = :{name}" for name in fields),
            ConditionExpression="fingerprint = :held",
            ExpressionAttributeValues={":held": fingerprint}
            | {f":{name}": value for name, value in fields.items()},
        )

    def expose(
        self, rest_api_id: str, stage: str, fingerprint: str, announced: JSON, now: float
    ) -> None:
        """Note what mode observe found, and have it announced."""
        self.announce(rest_api_id, stage, announced, now)
        self._put(rest_api_id, f"exposure#{stage}", stage=stage, fingerprint=fingerprint)

    def deploying(self, rest_api_id: str, stage: str) -> Deploying | None:
        """The CreateDeployment of a stage that is under way, or was when a run ended."""
        item = self._get(rest_api_id, f"deploying#{stage}")
        if item is None:
            return None
        return Deploying(
            stage,
            item["nonce"],
            item["fingerprint"],
            int(item["at"]),
            item.get("execution_arn", ""),
            item.get("deployment_id"),
        )

    def save_deploying(self, rest_api_id: str, deploying: Deploying) -> None:
        """Write ahead of CreateDeployment, and again when its id is known."""
        self._put(
            rest_api_id,
            f"deploying#{deploying.stage}",
            nonce=deploying.nonce,
            fingerprint=deploying.fingerprint,
            at=deploying.at,
            execution_arn=deploying.execution_arn,
            deployment_id=deploying.deployment_id,
        )

    def deployment(self, rest_api_id: str, deployment_id: str) -> Deployment | None:
        """A deployment of Keyward's; None for any other."""
        item = self._get(rest_api_id, f"deployment#{deployment_id}")
        if item is None:
            return None
        return Deployment(
            deployment_id,
            item["stage"],
            item["former_deployment_id"],
            tuple(item["methods"]),
            item.get("fingerprint", ""),
            int(item.get("created_at", 0)),
        )

    def save_deployment(self, rest_api_id: str, deployment: Deployment, now: float) -> None:
        """Note that a deployment is ours, what it replaces and what it has to serve."""
        self._put(
            rest_api_id,
            f"deployment#{deployment.deployment_id}",
            stage=deployment.stage,
            former_deployment_id=deployment.former_deployment_id,
            methods=list(deployment.methods),
            fingerprint=deployment.fingerprint,
            created_at=int(now),
        )

    def announce(self, rest_api_id: str, stage: str, announced: JSON, now: float) -> None:
        """Put an event into the outbox; a newer one of the type and stage takes its place."""
        name = record_name(announced["detail_type"], stage)
        self.outbox.put(rest_api_id, name, announced, now)

    def forget(self, rest_api_id: str, records: Iterable[str]) -> None:
        """Delete records by name. Idempotent."""
        for record in records:
            self._table.delete_item(Key={"rest_api_id": rest_api_id, "record": record})

    def forget_api(self, rest_api_id: str) -> None:
        """Delete what is remembered of an API that is gone, but for what is still to be announced.
        Idempotent."""
        mine = in_range("rest_api_id", rest_api_id, "record", "#range > :operand", " ")
        items = self._table.pages("query", **mine, ConsistentRead=True)
        kept = {*waiting(items)}
        self.forget(rest_api_id, [i["record"] for i in items if i["record"] not in kept])

    def _put(self, rest_api_id: str, record: str, **fields: Any) -> None:
        where = {"rest_api_id": rest_api_id, "record": record}
        self._table.put_item(Item=where | stated(fields))

    def _get(self, rest_api_id: str, record: str) -> JSON | None:
        where = {"rest_api_id": rest_api_id, "record": record}
        item: JSON | None = self._table.get_item(Key=where, ConsistentRead=True).get("Item")
        return item

    def _query(self, rest_api_id: str) -> list[JSON]:
        """Query all records except closings and deployments, which grow in number: `closing#…` to
        `deployment#…`. `deploying#…` lies between them, and is read one at a time."""
        items: list[JSON] = []
        for beside in (("#range < :operand", "closing#"), ("#range > :operand", "deployment$")):
            mine = in_range("rest_api_id", rest_api_id, "record", *beside)
            items += self._table.pages("query", **mine, ConsistentRead=True)
        return items


def _sorted_by_kind(items: list[JSON]) -> Callable[[str], list[JSON]]:
    return lambda kind: [item for item in items if item["record"].partition("#")[0] == kind]


def _attachment(item: JSON) -> Attachment:
    return Attachment(
        stage=item["stage"],
        plan=item["plan"],
        plan_id=item.get("plan_id"),
        attached_at=int(item["attached_at"]),
        confirmed=bool(item["confirmed"]),
        by_hand=bool(item.get("by_hand", False)),
    )


def _hold(item: JSON) -> Hold:
    held_at = int(item["held_at"])
    return Hold(
        stage=item["stage"],
        fingerprint=item["fingerprint"],
        decision=item["decision"],
        kind=item["kind"],
        held_at=held_at,
        told_at=int(item.get("told_at", held_at)),
        deployment_id=item.get("deployment_id"),
    )


def _for_people(announced: JSON) -> JSON:
    """The parts of ApiHeld that a person reads and copies."""
    detail = announced["detail"]
    return {name: detail[name] for name in ("message", "answers") if name in detail}


def _editor(item: JSON) -> Editor:
    return Editor(who=item["who"], what=item["what"], when=item["when"])
