"""`make live-check` deletes the stack that its run made, and no other of its name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator import server
from emulator.emulator import Emulator
from local import ministack
from tests.one_local_aws import no_local_aws
from tools.live_check.removal import remove
from tools.live_check.run import Run
from tools.live_check.state import TAG, opened
from tools.live_check.world import Aws, Rehearsal

KEPT = {
    "Type": "AWS::DynamoDB::Table",
    "DeletionPolicy": "Retain",
    "Properties": {
        "AttributeDefinitions": [{"AttributeName": "a", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "a", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
    },
}


class Tagged(Rehearsal):
    """A local AWS, whose stacks are told apart as on AWS."""

    owns = Aws.owns  # type: ignore[assignment]


@pytest.fixture(scope="module")
def world() -> Iterator[Tagged]:
    no_local_aws()
    services, gateway = ministack.start("us-east-1"), server.start(Emulator())
    urls = {"aws": services.url, "apigateway": gateway.url, "invoke": gateway.invoke_url}
    yield Tagged(urls | {"region": "us-east-1", "outputs": {}}, look_every=0.01)
    gateway.stop()
    services.stop()


def stack_of(world: Tagged, folder: Path, tag: str | None) -> Run:
    """A run whose file names a stack; the stack has this tag (`own`: the run's)."""
    run = Run(world, opened(folder / "state.json", world.account, world.region))
    value = run.state.run if tag == "own" else tag
    client = world.client("cloudformation")
    client.create_stack(
        StackName=run.state.name,
        TemplateBody=json.dumps({"Resources": {"Kept": KEPT}}),
        Tags=[{"Key": TAG, "Value": value}] if value else [],
    )
    client.get_waiter("stack_create_complete").wait(
        StackName=run.state.name, WaiterConfig={"Delay": 0.05, "MaxAttempts": 6000}
    )
    run.state.keep("stack", run.state.name)
    return run


def tables(world: Tagged) -> list[str]:
    return list(world.client("dynamodb").list_tables()["TableNames"])


@pytest.mark.parametrize("tag", ["another", None])
def test_a_stack_of_the_runs_name_without_its_tag_is_left_alone(
    world: Tagged, tag: str | None, tmp_path: Path
) -> None:
    run = stack_of(world, tmp_path, tag)
    [line] = remove(run)
    assert "left alone" in line
    assert [name for name in tables(world) if run.state.name in name]


def test_the_runs_own_stack_goes_with_the_tables_that_it_keeps(
    world: Tagged, tmp_path: Path
) -> None:
    before = tables(world)
    run = stack_of(world, tmp_path, "own")
    assert tables(world) != before
    assert remove(run) == []
    assert tables(world) == before
    assert run.state.made == []
