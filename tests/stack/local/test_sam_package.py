"""`sam package` makes what the Serverless Application Repository takes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from local.aws import LocalAws
from local.template import load
from tests import tree

BUCKET = "packages"
MOST_BYTES = 460_800


# 40 functions are zipped one by one.
@pytest.mark.sizes
def test_everything_local_is_uploaded_and_named(aws: LocalAws, tmp_path: Path) -> None:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    packaged = tmp_path / "packaged.yaml"
    sam = Path(sys.executable).with_name("sam")
    words = ["package", "--s3-bucket", BUCKET, "--output-template-file", str(packaged)]
    environment = os.environ | {"AWS_ENDPOINT_URL": aws.urls.aws, "SAM_CLI_TELEMETRY": "0"}
    subprocess.run(
        [sam, *words, "--template-file", "template.yaml", "--region", "us-east-1"],
        cwd=tree.ROOT,
        env=environment,
        check=True,
        capture_output=True,
    )
    made = load(packaged)
    about = made["Metadata"]["AWS::ServerlessRepo::Application"]
    code = {
        item["Properties"][name]
        for item in made["Resources"].values()
        for name in ("CodeUri", "ContentUri")
        if isinstance(item.get("Properties", {}).get(name), str)
    }
    urls = {about["LicenseUrl"], about["ReadmeUrl"], *code}
    assert [url for url in urls if not url.startswith(f"s3://{BUCKET}/")] == []
    there = {one["Key"] for one in s3.list_objects_v2(Bucket=BUCKET)["Contents"]}
    assert {url.removeprefix(f"s3://{BUCKET}/") for url in urls} <= there
    assert packaged.stat().st_size < MOST_BYTES
