"""A release has one version, and the packaged template is one that others can deploy."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from keyward import __version__
from local.template import load
from tests import tree
from tools import release
from tools.release import ReleaseError

# AWS Serverless Application Repository, "AWS SAM template Metadata section properties".
LIMITS = {
    "Name": r"[A-Za-z0-9-]{1,140}",
    "Description": r".{1,256}",
    "Author": r"(?=.{1,127}$)[a-z0-9](?:[a-z0-9]|-(?!-))*(?<!-)",
    "SpdxLicenseId": r"Apache-2\.0",
    "SemanticVersion": release.VERSION.pattern,
}
LABEL, MOST_LABELS = r"[A-Za-z0-9+\-_:/@]{1,127}", 10
# CloudFormation's bound of a template in S3, which is the repository's too.
MOST_BYTES, MOST_PARAMETERS, MOST_RESOURCES = 460_800, 200, 500
# Types of ours that are in no list of the repository's that we have ("List of Supported AWS
# Resources" of 2020). A private `sam publish` settles them (docs/live-checks.md).
UNSETTLED = {
    "AWS::CloudTrail::Trail",
    "AWS::Events::EventBus",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::Lambda::Url",
    "AWS::Scheduler::Schedule",
}
LISTED = {
    *("AWS::CloudWatch::Alarm", "AWS::CloudWatch::Dashboard", "AWS::DynamoDB::Table"),
    *("AWS::Events::Rule", "AWS::IAM::ManagedPolicy", "AWS::IAM::Role", "AWS::Logs::LogGroup"),
    *("AWS::Lambda::EventSourceMapping", "AWS::Lambda::Function", "AWS::Lambda::LayerVersion"),
    *("AWS::Lambda::Permission", "AWS::S3::Bucket", "AWS::S3::BucketPolicy", "AWS::SNS::Topic"),
    *("AWS::SNS::Subscription", "AWS::SNS::TopicPolicy", "AWS::SQS::Queue"),
    *("AWS::SQS::QueuePolicy", "AWS::StepFunctions::StateMachine"),
}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The files of a release, as they are now."""
    for name in (*release.STATED, "CHANGELOG.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(tree.ROOT / name, tmp_path / name)
    return tmp_path


def test_all_files_state_one_version() -> None:
    assert {*release.stated().values()} == {__version__}


def test_the_last_release_of_the_changelog_is_this_version_or_none() -> None:
    text = (tree.ROOT / "CHANGELOG.md").read_text("utf-8")
    released = re.findall(r"^## \[(\d[^\]]*)\]", text, re.MULTILINE)
    assert released[:1] in ([], [__version__])


def test_a_release_moves_what_was_unreleased_under_its_version(copy: Path) -> None:
    release.release("99.0.0", "2030-01-02", copy)
    assert {*release.stated(copy).values()} == {"99.0.0"}
    text = (copy / "CHANGELOG.md").read_text("utf-8")
    assert f"{release.UNRELEASED}\n\n## [99.0.0] - 2030-01-02\n\n###" in text
    with pytest.raises(ReleaseError, match="nothing is under Unreleased"):
        release.release("99.0.1", "2030-01-03", copy)


@pytest.mark.parametrize("version", [__version__, "0.0.1", "v9.0.0", "9.0", "9.0.0-rc1", ""])
def test_a_version_that_is_none_or_no_later_one_changes_nothing(copy: Path, version: str) -> None:
    before = (copy / "CHANGELOG.md").read_text("utf-8")
    with pytest.raises(ReleaseError, match="must be later than"):
        release.release(version, "2030-01-02", copy)
    assert (copy / "CHANGELOG.md").read_text("utf-8") == before
    assert {*release.stated(copy).values()} == {__version__}


def test_the_metadata_is_what_the_repository_takes() -> None:
    about = load(tree.ROOT / "template.yaml")["Metadata"]["AWS::ServerlessRepo::Application"]
    assert {name for name, form in LIMITS.items() if not re.fullmatch(form, about[name])} == set()
    assert len(about["Labels"]) <= MOST_LABELS
    assert [label for label in about["Labels"] if not re.fullmatch(LABEL, label)] == []
    for name in ("LicenseUrl", "ReadmeUrl"):
        assert (tree.ROOT / about[name]).is_file()


def test_the_template_is_within_the_bounds_of_the_repository() -> None:
    resources = tree.deployed()["Resources"]
    assert len((tree.ROOT / "template.yaml").read_bytes()) < MOST_BYTES
    assert len(tree.deployed()["Parameters"]) <= MOST_PARAMETERS
    assert len(resources) <= MOST_RESOURCES
    assert {item["Type"] for item in resources.values()} - LISTED == UNSETTLED
