"""`python -m local demo`: the whole manual job, done by events, step by step."""

from __future__ import annotations

from pathlib import Path

from local.demo import scenes
from local.demo.budget import Budgets
from local.demo.stage import Stage
from local.demo.story import Story, account
from local.serve import forget_host_settings


def run(template: Path | None = None) -> int:
    """Tell the story on a local AWS of its own; 0 when every check passed, else 1."""
    forget_host_settings()
    story = Story()
    story.headline("Keyward: API keys for API Gateway, kept in order by events")
    story.say("starting an AWS on this machine and deploying template.yaml on it …")
    with account(story, template, scenes.policy()) as aws:
        story.say(f"ready: API Gateway at {aws.urls.apigateway}, everything else at {aws.urls.aws}")
        stage = Stage(aws, story, Budgets(aws))
        try:
            for scene in scenes.ALL:
                scene(stage)
            stage.budgets.show(story)
        except TimeoutError as error:
            story.fail(str(error))
    return story.end()
