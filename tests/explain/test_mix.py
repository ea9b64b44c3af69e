"""Denials of any mixture: the verdict agrees with what the data plane answers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import boto3
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.clock import VirtualClock
from emulator.emulator import Emulator
from emulator.inprocess import attach
from keyward.aws.gateway import Gateway
from keyward.aws.gateway.calls import client_config
from keyward.policy.parse import parse
from tests.explain.denial_lab import World

POLICY = parse('{"usage_plans": {"free": {}}, "propagation_seconds": 0}')
LINES = ("GET /pets", "GET /pets/7", "PUT /pets", "GET /cats", "GET /open", "DELETE /files/a/b")


@dataclass(frozen=True)
class Mix:
    """What is wrong, all at once."""

    line: str
    stage: str
    key: str
    plan: str
    left: int
    burst: int
    closed_working_copy: bool


MIXES = st.builds(
    Mix,
    line=st.sampled_from(LINES),
    stage=st.sampled_from(("prod", "prod", "prod", "test")),
    key=st.sampled_from(("good", "good", "disabled", "deleted")),
    plan=st.sampled_from(("good", "good", "left", "without stage", "without quota")),
    left=st.sampled_from((0, 1, 9)),
    burst=st.sampled_from((0, 5, 5)),
    closed_working_copy=st.booleans(),
)


@lru_cache(maxsize=1)
def client() -> tuple[Emulator, object]:
    """One client; the emulator behind it is emptied for each mix."""
    emulator = Emulator(clock=VirtualClock())
    made = boto3.client("apigateway", config=client_config())
    attach(emulator, made)
    return emulator, made


def world_of(mix: Mix) -> World:
    emulator, made = client()
    emulator.reset()
    world = World(emulator, made, Gateway(made), emulator.clock.now, POLICY).build()
    if mix.closed_working_copy:
        world.patch_api("/apiKeySource", "AUTHORIZER")
    world.patch_plan("/throttle/burstLimit", str(mix.burst or 1))
    if not mix.burst:
        world.patch_plan(
            f"/apiStages/{world.api}:prod/throttle",
            '{"/pets/GET":{"rateLimit":1.0,"burstLimit":0}}',
        )
    world.spend(mix.left)
    spoil_plan(world, mix.plan)
    if mix.key == "disabled":
        world.enable(False)
    if mix.key == "deleted":
        world.client.delete_api_key(apiKey=world.key)
    return world


def spoil_plan(world: World, how: str) -> None:
    if how == "left":
        world.client.delete_usage_plan_key(usagePlanId=world.plan, keyId=world.key)
    if how == "without stage":
        world.patch_plan("/apiStages", f"{world.api}:prod", "remove")
    if how == "without quota":
        world.patch_plan("/quota", op="remove")


@settings(max_examples=80)
@given(MIXES)
def test_the_verdict_is_what_the_data_plane_answers(mix: Mix) -> None:
    world = world_of(mix)
    asked = world.request(mix.line, mix.stage)
    verdict = world.verdict(asked)
    status, error_type, message = world.call(asked)
    assert (status == 200) == (not verdict.causes)
    if verdict.causes:
        answer = verdict.causes[0].answer
        assert (answer.status, answer.error_type, answer.message) == (status, error_type, message)
