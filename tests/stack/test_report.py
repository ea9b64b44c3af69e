"""The report on the running stack: after an audit, and as `make report` brings it out."""

from __future__ import annotations

import json
from pathlib import Path

from keyward.policy.parse import parse
from keyward.values import JSON
from local import report, world
from tests.stack.api_lab import Api
from tests.stack.stack_lab import Stack, eventually


def written(stack: Stack) -> JSON | None:
    """The report in the bucket, None before the first one."""
    s3, bucket = stack.aws.client("s3"), stack.aws.outputs["ReportBucketName"]
    if "Contents" not in s3.list_objects_v2(Bucket=bucket, Prefix="report.html"):
        return None
    return dict(json.load(s3.get_object(Bucket=bucket, Key="report.json")["Body"]))


def test_an_audit_that_repairs_is_followed_by_a_report(stack: Stack, shop: Api) -> None:
    value = stack.issued("reported", plan="free")
    stack.settle()
    stack.invoke("AuditFunctionName", {"repair": True})

    def told() -> JSON | None:
        found = written(stack)
        known = found and any(done["customer_id"] == "reported" for done in found["done"])
        return found if known else None

    found = eventually(told, what="the report")
    (api,) = (api for api in found["apis"] if api["rest_api_id"] == shop.id)
    assert api["mode"] == "enforce"
    assert [stage["exposed"] for stage in api["stages"]] == [[]]
    assert value not in json.dumps(found)


def test_an_audit_that_only_looks_writes_none(stack: Stack) -> None:
    stack.settle()
    before = written(stack)
    told = stack.invoke("AuditFunctionName", {})
    run = stack.run("AuditAccountArn", {})
    stack.settle()
    assert written(stack) == before
    assert run["status"] == "SUCCEEDED", run["cause"]
    assert sum(run["output"]["findings"].values()) == len(told["findings"])
    assert run["output"]["keys"] == told["keys"]


def test_a_report_can_be_had_at_once(stack: Stack, tmp_path: Path) -> None:
    assert report.write(stack.aws, tmp_path) == 0
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert html.startswith("<!doctype html>")
    assert json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["schema"] == 1


def test_the_little_world_has_a_good_policy() -> None:
    assert set(parse(json.dumps(world.policy())).usage_plans) == set(world.CUSTOMERS)
