"""The documents say what is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from keyward.events.incoming import EVENTS_IN
from keyward.events.outgoing import EVENTS_OUT
from tests import tree

README_LINES = 150

FOLDERS = (
    "benchmarks|docs|emulator|events|functions|layers|local|requirements|statemachines|tests|tools"
)

DOCUMENTS = [path for path in tree.files("*.md") if "fixtures" not in path.parts]


def text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def readme() -> str:
    return text(tree.ROOT / "README.md")


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z][a-z-]*):", text(tree.ROOT / "Makefile"), re.MULTILINE))


def code(markdown: str) -> list[str]:
    """What stands between backticks and in indented or fenced blocks."""
    fenced = re.findall(r"```\w*\n(.*?)```", markdown, re.DOTALL)
    rest = re.sub(r"```\w*\n.*?```", "", markdown, flags=re.DOTALL)
    indented = re.findall(r"^ {4}(\S.*)$", rest, re.MULTILINE)
    return [*re.findall(r"`([^`\n]+)`", rest), *indented, *"\n".join(fenced).splitlines()]


def test_the_readme_fits_on_a_few_screens() -> None:
    assert len(readme().splitlines()) < README_LINES


def test_the_documents_that_people_look_for_are_there() -> None:
    wanted = {"README.md", "DECISIONS.md", "CONTRIBUTING.md", "CHANGELOG.md"}
    assert wanted <= {tree.name(path) for path in DOCUMENTS}
    assert "Apache License" in text(tree.ROOT / "LICENSE")


@pytest.mark.parametrize("path", DOCUMENTS, ids=tree.name)
def test_every_make_target_that_a_document_names_exists(path: Path) -> None:
    named = re.findall(r"(?<![\w/])make ([a-z][a-z-]+)", "\n".join(code(text(path))))
    assert set(named) <= make_targets()


@pytest.mark.parametrize("script", [".ci/run", ".github/workflows/ci.yml"])
def test_ci_calls_make_targets_that_exist(script: str) -> None:
    called = re.findall(r"(?:part .*|run: )make ([a-z-]+)", text(tree.ROOT / script))
    assert {"check", "test", "demo", "sam-local"} <= set(called) <= make_targets()


def test_the_readme_names_the_targets_that_a_stranger_needs() -> None:
    named = set(re.findall(r"\bmake ([a-z-]+)", readme()))
    assert {"demo", "test", "check", "local", "deploy", "destroy", "sam-local"} <= named


def test_every_make_target_but_the_inner_ones_is_explained_in_its_help() -> None:
    explained = set(re.findall(r"^([a-z-]+):.*##", text(tree.ROOT / "Makefile"), re.MULTILINE))
    assert make_targets() - explained == {"setup-demo", "setup-local"}


@pytest.mark.parametrize("path", DOCUMENTS, ids=tree.name)
def test_every_path_that_a_document_names_exists(path: Path) -> None:
    pattern = rf"(?<![\w./])(?:{FOLDERS})/[\w./-]*\w"
    named = set(re.findall(pattern, text(path)))
    assert {item for item in named if not (tree.ROOT / item).exists()} == set()


@pytest.mark.parametrize("path", DOCUMENTS, ids=tree.name)
def test_every_link_within_the_tree_leads_somewhere(path: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", text(path))
    assert [link for link in links if not (path.parent / link).exists()] == []


def test_every_function_that_the_readme_invokes_is_in_the_template() -> None:
    invoked = set(re.findall(r"sam local invoke (\w+)", readme()))
    assert invoked, "the README shows sam local invoke"
    assert invoked <= set(tree.resources("AWS::Serverless::Function"))


def test_every_event_file_that_the_readme_names_exists() -> None:
    named = set(re.findall(r"events/\w+/([\w-]+)\.json", readme()))
    assert named, "the README shows an event"
    assert named <= {path.stem for path in (tree.ROOT / "events").glob("*/*.json")}


def test_every_state_and_setting_that_the_readme_tables_name_exists() -> None:
    rows = [line for line in readme().splitlines() if line.startswith("| `")]
    named = {re.match(r"\| `([^`]+)`", row)[1] for row in rows}  # type: ignore[index]
    known = set(tree.template()["Parameters"]) | set(tree.template()["Outputs"])
    known |= {state for machine in tree.machines().values() for state in tree.states(machine)}
    known |= {path.stem for path in tree.function_files().values()}
    words = {name for name in named if re.fullmatch(r"[A-Z]\w+( [a-z]\w*)*", name)}
    assert words - known - set(EVENTS_IN) - set(EVENTS_OUT) == set()


def test_the_changelog_begins_with_what_is_not_released() -> None:
    headings = re.findall(r"^## (.+)$", text(tree.ROOT / "CHANGELOG.md"), re.MULTILINE)
    assert headings[0] == "[Unreleased]"
    kinds = set(re.findall(r"^### (.+)$", text(tree.ROOT / "CHANGELOG.md"), re.MULTILINE))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_every_kind_of_test_has_its_row_in_contributing() -> None:
    rows = text(tree.ROOT / "CONTRIBUTING.md")
    folders = [p for p in (tree.ROOT / "tests").iterdir() if p.is_dir() and any(p.glob("*.py"))]
    assert [folder.name for folder in folders if f"tests/{folder.name}" not in rows] == []
