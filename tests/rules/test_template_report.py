"""The bucket of reports: private, encrypted, kept; and each function writes its own part of it."""

from __future__ import annotations

import json

from keyward.values import JSON
from tests import tree
from tests.rules.test_template_rights import statements


def buckets() -> dict[str, JSON]:
    return tree.deployed_resources("AWS::S3::Bucket")


def test_every_bucket_is_private_encrypted_and_outlives_the_stack() -> None:
    assert "ReportBucket" in buckets()
    for name, bucket in buckets().items():
        properties = bucket["Properties"]
        assert all(properties["PublicAccessBlockConfiguration"].values()), name
        assert len(properties["PublicAccessBlockConfiguration"]) == 4, name
        (rule,) = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"], name
        tree.assert_outlives_the_stack(name, bucket)
        assert properties["LifecycleConfiguration"]["Rules"], name


def test_earlier_reports_are_kept_for_a_year_and_then_go() -> None:
    properties = buckets()["ReportBucket"]["Properties"]
    assert properties["VersioningConfiguration"]["Status"] == "Enabled"
    reports, files, audits = properties["LifecycleConfiguration"]["Rules"]
    assert 365 <= reports["NoncurrentVersionExpiration"]["NoncurrentDays"] <= 400
    assert (audits["Prefix"], audits["ExpirationInDays"]) == ("audits/", 30)
    assert (files["Prefix"], "ExpirationInDays" in files) == ("onboarding/", False)


def test_the_report_travels_over_tls_only() -> None:
    policy = tree.deployed_resources("AWS::S3::BucketPolicy")["ReportBucketPolicy"]
    (statement,) = policy["Properties"]["PolicyDocument"]["Statement"]
    assert statement["Effect"] == "Deny"
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_each_writer_of_the_bucket_has_its_own_place() -> None:
    writers: dict[str, str] = {}
    for name, role in tree.deployed_resources("AWS::IAM::Role").items():
        for statement in statements(role):
            if "s3:PutObject" in json.dumps(statement["Action"]):
                writers[name] = writers.get(name, "") + json.dumps(statement["Resource"])
    auditors = {f"{name}Role" for name in ("Audit", "AuditPart", "Repair", "WriteReport")}
    assert set(writers) == {"ReadUsageRole", "ReadOnboardingRole"} | auditors
    assert {name for name, where in writers.items() if "/report.html" in where} == {
        "WriteReportRole"
    }
    assert writers["ReadUsageRole"].count("${ReportBucket.Arn}/") == 1
    assert "}/usage.json" in writers["ReadUsageRole"]
    assert "}/onboarding/*.result.json" in writers["ReadOnboardingRole"]
    assert all("}/audits/*" in writers[name] for name in auditors)


def test_the_report_reads_the_ledger_by_day_and_nothing_else_of_it() -> None:
    role = tree.deployed_resources("AWS::IAM::Role")["WriteReportRole"]
    about = [
        (statement["Action"], json.dumps(statement["Resource"]))
        for statement in statements(role)
        if "LedgerTable" in json.dumps(statement["Resource"])
    ]
    ((action, resource),) = about
    assert action == "dynamodb:Query"
    assert "/index/day-index" in resource


def test_the_report_lists_every_dead_letter_queue() -> None:
    last = {name for name in tree.deployed_resources("AWS::SQS::Queue") if name.endswith("Dlq")}
    function = tree.deployed_resources("AWS::Lambda::Function")["WriteReport"]
    settings = function["Properties"]["Environment"]["Variables"]
    told = {value["Ref"] for name, value in settings.items() if name.endswith("_DLQ_URL")}
    assert told == last
