"""`python -m local demo-protection`: how Keyward protects an API in production, step by step."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from local import ministack
from local.demo import quiet_days, troubles
from local.demo.production import Production
from local.demo.story import Story, account
from local.serve import forget_host_settings

# A proof waits four times for 15 s before it rolls back.
PART_OF_WAITS = 0.1

SCENES: tuple[Callable[[Production], None], ...] = (
    quiet_days.observed,
    quiet_days.warned,
    quiet_days.enforced,
    troubles.storm,
    troubles.unfinished_work,
    troubles.approved,
    quiet_days.exemption_ends,
    quiet_days.taken_back,
    troubles.reverted,
    troubles.prevented,
    troubles.not_probed,
    quiet_days.counted,
)


def run(template: Path | None = None) -> int:
    """Tell the story on a local AWS of its own; 0 when every check passed, else 1."""
    forget_host_settings()
    story = Story()
    story.headline("Keyward: an API in production is protected, and nobody is hurt")
    story.say("starting an AWS on this machine and deploying template.yaml on it …")
    policy = quiet_days.policy()
    with account(story, template, policy) as aws:
        ministack.shorten_waits(PART_OF_WAITS)
        story.say("ready. Pauses of Step Functions take a tenth of their time here")
        stage = Production(aws, story)
        stage.policy = policy
        try:
            for scene in SCENES:
                scene(stage)
        except TimeoutError as error:
            story.fail(str(error))
            story.say(f"announced so far: {[event['DetailType'] for event in stage.outcomes()]}")
        finally:
            ministack.shorten_waits(1)
            if stage.customer:
                stage.customer.stop()
        return story.end()
