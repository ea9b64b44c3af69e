"""The documents and the code say the same, in both directions."""

from __future__ import annotations

import ast
import json
import re
import runpy
import subprocess
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import boto3
import pytest

from keyward.cli.requests import checked
from keyward.values import JSON
from tests import tree

README_LINES = 95
COLUMNS = 100
FOLDERS = [
    *("benchmarks", "docs", "emulator", "events", "functions", "layers", "local"),
    *("requirements", "statemachines", "tests", "tools"),
]
DOCUMENTS = [path for path in tree.files("*.md") if "fixtures" not in path.parts]
PAGES = [path for path in DOCUMENTS if path.parent == tree.ROOT / "docs"]
INNER_TARGETS = {"setup-demo", "setup-local"}


@cache
def text(name: str | Path) -> str:
    return (tree.ROOT / name).read_text(encoding="utf-8")


def rows(document: str, heading: str) -> list[list[str]]:
    """The cells of the table in a document whose header begins with `heading`."""
    lines = text(document).splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith(f"| {heading} |"))
    found: list[list[str]] = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        found.append([cell.strip() for cell in line.strip("|").split("|")])
    return found


def first_cells(document: str, heading: str) -> list[str]:
    """The words in backticks in the first column of a table."""
    return [word for row in rows(document, heading) for word in re.findall(r"`([^`]+)`", row[0])]


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z][a-z-]*):", text("Makefile"), re.MULTILINE))


def blocks(markdown: str) -> list[str]:
    """Fenced and indented blocks of code."""
    fenced = re.findall(r"```\w*\n(.*?)```", markdown, re.DOTALL)
    rest = re.sub(r"```\w*\n.*?```", "", markdown, flags=re.DOTALL)
    indented = re.findall(r"(?:^ {4}.*\n)+", rest, re.MULTILINE)
    return [*fenced, *(re.sub(r"^ {4}", "", block, flags=re.MULTILINE) for block in indented)]


def code(markdown: str) -> list[str]:
    """What stands between backticks and in blocks, line by line."""
    inline = re.findall(r"`([^`\n]+)`", re.sub(r"```\w*\n.*?```", "", markdown, flags=re.DOTALL))
    return [*inline, *(line for block in blocks(markdown) for line in block.splitlines())]


def test_the_readme_fits_on_one_screen() -> None:
    assert len(text("README.md").splitlines()) <= README_LINES


@pytest.mark.parametrize("path", DOCUMENTS, ids=tree.name)
def test_a_line_of_a_document_fits(path: Path) -> None:
    lines = text(path).splitlines()
    if path.name in (
        "performance.md",
        "costs.md",
        "permissions.md",
    ):  # a program writes their tables
        lines = [line for line in lines if not line.startswith("|")]
    assert [line for line in lines if len(line) > COLUMNS] == []


def test_the_documents_that_people_look_for_are_there() -> None:
    wanted = {"README.md", "DECISIONS.md", "CONTRIBUTING.md", "CHANGELOG.md"}
    assert wanted <= {tree.name(path) for path in DOCUMENTS}
    assert "Apache License" in text("LICENSE")


@pytest.mark.parametrize("path", PAGES, ids=tree.name)
def test_a_page_says_first_who_should_read_it(path: Path) -> None:
    title, first = text(path).split("\n\n")[:2]
    assert title.startswith("# ")
    assert first.startswith("Read this page ")


def test_the_index_lists_every_page() -> None:
    listed = re.findall(r"^\| \[[\w-]+\]\(([\w-]+\.md)\) \|", text("docs/index.md"), re.MULTILINE)
    assert sorted(listed) == sorted({path.name for path in PAGES} - {"index.md"})


@pytest.mark.parametrize("path", DOCUMENTS, ids=tree.name)
def test_every_make_target_that_a_document_names_exists(path: Path) -> None:
    named = re.findall(r"(?<![\w/])make ([a-z][a-z-]+)", "\n".join(code(text(path))))
    assert set(named) <= make_targets()


@pytest.mark.parametrize("script", [".ci/run", ".github/workflows/ci.yml"])
def test_ci_calls_make_targets_that_exist(script: str) -> None:
    called = re.findall(r"(?:part .*|run: )make ([a-z-]+)", text(script))
    assert {"check", "test", "demo", "bench", "conformance", "sam-local"} <= set(called)
    assert set(called) <= make_targets()


def test_the_readme_names_the_targets_that_a_stranger_needs() -> None:
    named = set(re.findall(r"\bmake ([a-z-]+)", text("README.md")))
    assert {"demo", "test", "check", "local", "deploy", "destroy", "sam-local"} <= named


def test_every_make_target_but_the_inner_ones_is_explained_in_its_help() -> None:
    explained = set(re.findall(r"^([a-z-]+):.*##", text("Makefile"), re.MULTILINE))
    assert make_targets() - explained == INNER_TARGETS


@pytest.mark.parametrize("path", DOCUMENTS, ids=tree.name)
def test_every_path_that_a_document_names_exists(path: Path) -> None:
    rooms = [room.name for room in tree.PACKAGE.iterdir() if room.is_dir()]
    folders = "|".join([*FOLDERS, *rooms])
    # "policy/NAME.json" in a policy is an object of the bucket.
    named = set(re.findall(rf"(?<![\w./\"])(?:{folders})/[\w./-]*\w", text(path)))
    # a module of a room is named by its path in the package
    places = (tree.ROOT, tree.PACKAGE)
    assert {name for name in named if not any((place / name).exists() for place in places)} == set()


@pytest.mark.parametrize("path", DOCUMENTS, ids=tree.name)
def test_every_link_within_the_tree_leads_somewhere(path: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", text(path))
    assert [link for link in links if not (path.parent / link).exists()] == []


def test_the_page_of_the_architecture_has_every_state_with_its_function() -> None:
    told = {
        state: tree.camel(re.sub(r"`", "", cells[1]) or state.lower().replace(" ", "_"))
        for cells in rows("docs/architecture.md", "state")
        for state in re.findall(r"`([^`]+)`", cells[0])
    }
    called = {
        name: re.sub(r"\W|Arn", "", state["Arguments"]["FunctionName"])
        for machine in tree.machines().values()
        for name, state in tree.states(machine).items()
        if "FunctionName" in state.get("Arguments", {})
    }
    assert told == called


def test_the_settings_page_has_every_parameter_with_its_default() -> None:
    parameters = tree.template()["Parameters"]
    assert sorted(first_cells("docs/settings.md", "parameter")) == sorted(parameters)
    told = {
        name: cells[1]
        for cells in rows("docs/settings.md", "parameter")
        for name in re.findall(r"`([^`]+)`", cells[0])
    }
    simple = {
        name: str(value["Default"])
        for name, value in parameters.items()
        if re.fullmatch(r"[\w-]+", str(value["Default"]))
    }
    assert {name: told[name] for name in simple} == simple


def test_the_settings_page_has_every_output() -> None:
    assert sorted(first_cells("docs/settings.md", "output")) == sorted(tree.template()["Outputs"])


def test_the_settings_page_has_every_member_of_the_policy() -> None:
    schema = json.loads((tree.PACKAGE / "policy" / "schema.json").read_text("utf-8"))
    assert sorted(first_cells("docs/settings.md", "member")) == sorted(schema["properties"])


def test_every_function_that_the_readme_invokes_is_in_the_template() -> None:
    invoked = set(re.findall(r"sam local invoke (\w+)", text("README.md")))
    assert invoked, "the README shows sam local invoke"
    assert invoked <= set(tree.resources("AWS::Serverless::Function"))


def test_the_changelog_begins_with_what_is_not_released() -> None:
    headings = re.findall(r"^## (.+)$", text("CHANGELOG.md"), re.MULTILINE)
    assert headings[0] == "[Unreleased]"
    unreleased = text("CHANGELOG.md").split("\n## [")[1]
    kinds = re.findall(r"^### (.+)$", unreleased, re.MULTILINE)
    order = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"]
    assert kinds == [kind for kind in order if kind in kinds]


def test_decisions_are_dated_and_newest_first() -> None:
    headings = re.findall(r"^## (.*)$", text("DECISIONS.md"), re.MULTILINE)
    dates = [heading.partition(" · ")[0] for heading in headings]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d", date) for date in dates)
    assert dates == sorted(dates, reverse=True)


def test_the_index_of_decisions_names_each_by_words_of_its_heading() -> None:
    index = " ".join(text("DECISIONS.md").partition("\n## ")[0].partition("\n- ")[2].split())
    words = [word for part in index.split("- **") for word in part.partition("**: ")[2].split("; ")]
    headings = re.findall(r"^## (.*)$", text("DECISIONS.md"), re.MULTILINE)
    found = {word.strip(): [head for head in headings if word.strip() in head] for word in words}
    assert {word: heads for word, heads in found.items() if len(heads) != 1} == {}
    assert sorted(heads[0] for heads in found.values()) == sorted(headings)


def test_what_a_decision_names_in_a_file_stands_there() -> None:
    places = re.findall(r"`([A-Za-z_.]+)`\s+(?:in|of)\s+`([\w/]+\.[a-z]+)`", text("DECISIONS.md"))
    assert len(places) > 20
    wrong = []
    for name, file in places:
        path = next((p for p in (tree.ROOT / file, tree.PACKAGE / file) if p.is_file()), None)
        if path is None or not re.search(rf"\b{name.split('.')[-1]}\b", text(path)):
            wrong.append(f"{name} in {file}")
    assert wrong == []


def test_every_kind_of_test_has_its_row_in_contributing() -> None:
    folders = [p for p in (tree.ROOT / "tests").iterdir() if p.is_dir() and any(p.glob("*.py"))]
    named = text("CONTRIBUTING.md")
    assert [folder.name for folder in folders if f"tests/{folder.name}" not in named] == []


def test_the_sign_up_from_a_user_pool_sends_an_event_that_is_taken(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (source,) = [block for block in blocks(text("docs/customers.md")) if "def handler" in block]
    sent: list[JSON] = []
    client = SimpleNamespace(put_events=lambda **given: sent.extend(given["Entries"]))
    monkeypatch.setattr(boto3, "client", lambda service: client)
    file = tmp_path / "trigger.py"
    file.write_text(source)
    trigger = runpy.run_path(str(file))
    for kind in ("PostConfirmation_ConfirmSignUp", "PostConfirmation_ConfirmForgotPassword"):
        about = {"triggerSource": kind, "request": {"userAttributes": {"sub": "4f1c-a"}}}
        assert trigger["handler"](about, None) == about
    (entry,) = sent
    checked(entry["DetailType"], json.loads(entry["Detail"]))


def test_a_target_that_is_not_there_points_to_the_help() -> None:
    ended = subprocess.run(
        ["make", "nosuch"], cwd=tree.ROOT, capture_output=True, text=True, check=False
    )
    assert (ended.returncode, "make help lists them" in ended.stderr) == (2, True)


def test_docstrings_name_what_there_is() -> None:
    named, texts = [], [text("template.yaml"), *map(text, tree.files("*.asl.yaml"))]
    for path in [*tree.PACKAGE.rglob("*.py"), *tree.function_files().values()]:
        lines = path.read_text("utf-8").splitlines()
        for node in ast.walk(tree.syntax(path)):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                says = ast.get_docstring(node, clean=False)
                body = node.body[0] if says else None
                if says and body and body.end_lineno:
                    names = re.findall(r"`([a-z]+(?:_[a-z]+)+)`", says)
                    named += [(name, tree.name(path)) for name in names]
                    # What only a docstring names is nowhere.
                    blank = [""] * (body.end_lineno - body.lineno + 1)
                    lines[body.lineno - 1 : body.end_lineno] = blank
        texts.append("\n".join(lines))
    there = {word for one in texts for word in re.findall(r"\w+", one)}
    assert [one for one in named if one[0] not in there] == []
