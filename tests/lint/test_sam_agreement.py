"""Our reading of a SAM template and SAM's transform agree; the fixture `bench` of lint_lab holds
each template that a test writes to the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from emulator.tests.openapi_lab import DOCUMENTS, SHARED, real_document
from keyward.values import JSON
from tests import tree
from tests.lint.sam_lab import assert_read_as_sam_does, is_sam

OURS = [path for path in tree.files() if is_sam(path)]
REAL = sorted(path for path in SHARED.rglob("*") if path.is_file() and is_sam(path))
NO_PREFLIGHT = {"AddApiKeyRequiredToCorsPreflight": False}
SETTINGS: dict[str, JSON] = {
    "as it is": {},
    "under Auth": {"Auth": {"ApiKeyRequired": True}},
    "under Auth but for OPTIONS, with Cors": {
        "Auth": {"ApiKeyRequired": True} | NO_PREFLIGHT,
        "Cors": "'*'",
    },
    "under IAM, with Cors": {"Auth": {"DefaultAuthorizer": "AWS_IAM"}, "Cors": "'*'"},
}


@pytest.mark.parametrize("path", OURS, ids=tree.name)
def test_a_template_of_ours_is_read_as_sam_reads_it(path: Path) -> None:
    assert_read_as_sam_does(path)


@pytest.mark.real_data
def test_real_templates_are_read_as_sam_reads_them() -> None:
    assert REAL
    for path in REAL:
        assert_read_as_sam_does(path)


@pytest.mark.real_data
@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(
            path.name, marks=[pytest.mark.sizes] if path.stat().st_size > 1_000_000 else []
        )
        for path in sorted(DOCUMENTS.glob("*.*"))
    ],
)
def test_a_real_document_in_a_template_is_read_as_sam_reads_it(
    tmp_path: Path, name: str, settings: JSON
) -> None:
    properties = {"DefinitionBody": json.loads(real_document(name))} | settings
    api = {"Type": "AWS::Serverless::Api", "Properties": properties}
    path = tmp_path / "template.json"
    path.write_text(json.dumps({"Resources": {"Api": api}}, indent=1), encoding="utf-8")
    assert_read_as_sam_does(path)
