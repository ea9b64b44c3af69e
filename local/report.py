"""`python -m local report`: the report of a little world on a local AWS of its own."""

from __future__ import annotations

import json
from pathlib import Path

from local import world
from local.aws import ROOT, TEMPLATE, LocalAws
from local.serve import forget_host_settings

FOLDER = ROOT / "build"
FILES = ("report.html", "report.json")


def run(template: Path | None = None, folder: Path = FOLDER) -> int:
    """Write `report.html` and `report.json` into the folder and say where; 1 when the function
    failed."""
    forget_host_settings()
    print("report: starting an AWS on this machine, with a few APIs and customers …", flush=True)
    with LocalAws.start(template or TEMPLATE, policy=world.policy()) as aws:
        world.create(aws)
        return write(aws, folder)


def write(aws: LocalAws, folder: Path) -> int:
    """Have the report written, and bring it out of the bucket."""
    name = aws.outputs["WriteReportFunctionName"]
    response = aws.client("lambda").invoke(FunctionName=name, Payload=b"{}")
    answer = json.loads(response["Payload"].read())
    if "errorMessage" in answer:
        print(f"report: FAILED: {answer['errorMessage']}")
        return 1
    folder.mkdir(parents=True, exist_ok=True)
    for file in FILES:
        body = aws.client("s3").get_object(Bucket=answer["bucket"], Key=file)["Body"].read()
        (folder / file).write_bytes(body)
        print(f"report: {folder / file} ({len(body) // 1000} KB)")
    print(f"report: {answer['waiting']} things wait for a person")
    return 0
