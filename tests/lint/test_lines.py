"""Files as they come: lines in YAML and JSON, tabs, doubles, and what is no file to check."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from keyward.lint.positions import JsonReader, Map, SourceError, YamlReader
from keyward.lint.source import is_candidate
from tests.lint.lint_lab import Bench, bench

__all__ = ["bench"]

values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8"), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text('ab"\\é', max_size=4), inner)
    ),
    max_leaves=20,
)


@given(values, st.sampled_from([None, 0, 2, "\t"]))
def test_the_json_reader_reads_what_pythons_reads(value: Any, indent: int | str | None) -> None:
    assert JsonReader(json.dumps(value, indent=indent)).read() == value


@given(values)
def test_the_yaml_reader_reads_what_pyyaml_reads(value: Any) -> None:
    text = yaml.safe_dump(value, allow_unicode=True)
    assert YamlReader(text).read() == yaml.safe_load(text)


@given(st.text('{}[],:"ab1 \n\\', max_size=12))
def test_the_json_reader_refuses_what_pythons_refuses(text: str) -> None:
    try:
        expected = json.loads(text)
    except ValueError:
        with pytest.raises(SourceError, match="must be JSON"):
            JsonReader(text).read()
    else:
        assert JsonReader(text).read() == expected


def lines(value: Any) -> dict[str, int]:
    """The line of each key, however deep; keys here are unique."""
    found = dict(value.lines) if isinstance(value, Map) else {}
    inner = value.values() if isinstance(value, Map) else value if isinstance(value, list) else []
    for one in inner:
        found |= lines(one)
    return found


def test_each_key_of_json_knows_its_line() -> None:
    text = '{\r\n\t"a": [{"b": 1,\n\n"c"\n:{"d": "\\n"}}], "e": {\n}\n}'
    assert lines(JsonReader(text).read()) == {"a": 2, "b": 2, "c": 4, "d": 5, "e": 5}


def test_each_key_of_yaml_knows_its_line() -> None:
    text = '# a\n---\na:\n  - b: |\n      x\n      y\n    c: !Sub "z"\n\n? d\n: {e: 1,\n f: 2}\n'
    found = lines(YamlReader(text).read())
    assert found == {"a": 3, "b": 4, "c": 7, "Fn::Sub": 7, "d": 9, "e": 10, "f": 11}


def test_short_tags_equal_their_long_forms() -> None:
    text = "a: !Ref X\nb: !GetAtt Y.Z.W\nc: !Sub ['${a}', {a: !Ref B}]\n"
    text += "d: !Condition E\ne: !If [F, 1, g]"
    assert YamlReader(text).read() == {
        "a": {"Ref": "X"},
        "b": {"Fn::GetAtt": ["Y", "Z.W"]},
        "c": {"Fn::Sub": ["${a}", {"a": {"Ref": "B"}}]},
        "d": {"Condition": "E"},
        "e": {"Fn::If": ["F", 1, "g"]},
    }


def test_merged_keys_keep_their_lines() -> None:
    text = "base: &base\n  x: 1\n  y: 2\nother: &other {x: 3, y: 4, z: 5}\n"
    text += "own:\n  y: 3\n  <<: [*base, *other]\n"
    own = YamlReader(text).read()["own"]
    assert own == {"x": 1, "y": 3, "z": 5}
    assert own.lines == {"x": 2, "y": 6, "z": 4}


@pytest.mark.parametrize("name", ["file.json", "file.yaml", "file"])
def test_json_may_have_tabs_and_a_byte_order_mark(bench: Bench, name: str) -> None:
    text = b'{\n\t"openapi":\t"3.0.1",\n\t"info": {},\n\t"paths": {"/a": {\n\t\t"get": {}}}\n}'
    assert bench.open(b"\xef\xbb\xbf" + text, name) == ["5 GET /a"]


def test_yaml_in_flow_style_is_not_mistaken_for_json(bench: Bench) -> None:
    assert bench.open("{openapi: 3.0.1, info: {},\n paths: {/a: {get: {}}}}") == ["2 GET /a"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("openapi: 3.0.1\npaths:\n  /a:\n    get: {security: []}\n    get: {}\n", 5),
        ('{"openapi": "3.0.1", "paths": {"/a": {\n"get": {"security": []},\n"get": {}}}}', 3),
    ],
)
def test_the_last_of_two_equal_keys_counts_and_is_noted(bench: Bench, text: str, line: int) -> None:
    assert bench.open(text) == [f"{line} GET /a"]
    told = f"file.yaml:{line}: 'get' stands twice; the last one counts"
    assert [str(note) for note in bench.findings(text).notes] == [told]


@pytest.mark.parametrize(
    ("text", "name", "told"),
    [
        ("a: ]", "f.yaml", "f.yaml:1: must be YAML: "),
        ("a: b\nc: d: e\n", "f.yaml", "f.yaml:2: must be YAML: "),
        ("a: 1\n---\nb: 2\n", "f.yaml", "f.yaml:2: must be YAML: "),
        ("a: \x01", "f.yaml", "f.yaml: must be YAML: "),
        ('{"a": 1,}', "f.json", "f.json:1: must be JSON: "),
        ('{"a": 1\n"b": 2}', "f.json", "f.json:2: must be JSON: "),
        ('{"a": 1} x', "f.json", "f.json:1: must be JSON: "),
        ('{"a": ' + "1" * 5000 + "}", "f.json", "f.json: must be JSON: "),
        ('{"a": 1} x', "f.yaml", "f.yaml:1: must be YAML: "),
        ("", "f.yaml", "f.yaml: must be a template or an OpenAPI document: a mapping at the top"),
        ("[]", "f.json", "f.json: must be a template or an OpenAPI document: a mapping at the top"),
        (b"\xff\xfe", "f.yaml", "f.yaml: must be UTF-8 text"),
        ("? [a]\n: b\n", "f.yaml", "f.yaml:1: must have texts as keys"),
        ("a: &a\n  b: *a\n", "f.yaml", "f.yaml:1: has an alias within what it names"),
        ("a: !!int b\n", "f.yaml", "f.yaml:1: must have a tag:yaml.org,2002:int, got 'b'"),
        ("a:\n  <<: 1\n", "f.yaml", "f.yaml:2: must merge mappings only"),
        ("[" * 100_000, "f.json", "f.json: is nested too deeply"),
        ("name: ci\non: push\n", "f.yaml", "f.yaml: must be a template with Resources "),
        ("openapi: 3.0.1\n", "f.yaml", "f.yaml: must be a template with Resources "),
        ('swagger: "1.2"\npaths: {}\n', "f.yaml", "f.yaml: must be a template with Resources "),
    ],
)
def test_a_file_that_cannot_be_checked_is_an_error(
    bench: Bench, text: str | bytes, name: str, told: str
) -> None:
    findings = bench.findings(text, name)
    assert len(findings.errors) == 1
    assert str(findings.errors[0]).startswith(told)


@pytest.mark.parametrize("inner", ["[{0}]", "{{{0}}}"], ids=["lists", "mappings"])
@pytest.mark.parametrize(
    "whole",
    [
        "Resources: {}",
        "Resources: *l29",
        "openapi: 3.0.0\npaths: *l29",
        "openapi: 3.0.0\nsecurity: *l29\npaths: {/a: {get: {responses: {}}}}",
    ],
    ids=["beside", "resources", "paths", "security"],
)
def test_a_billion_laughs_document_is_refused_at_once(bench: Bench, whole: str, inner: str) -> None:
    def nine(one: str) -> str:
        keys = [f"k{n}: " if inner[0] == "{" else "" for n in range(9)]
        return inner.format(", ".join(f"{key}{one}" for key in keys))

    levels = [f"l{n}: &l{n} {nine(f'*l{n - 1}')}" for n in range(1, 30)]
    findings = bench.findings("\n".join(["l0: &l0 lol", *levels, whole]))
    told = "file.yaml: must have at most 500,000 values, aliases written out"
    assert [str(error) for error in findings.errors] == [told]


def test_a_file_of_empty_lines_is_passed_over_at_once(tmp_path: Path) -> None:
    file = tmp_path / "empty.yaml"
    file.write_text("\n" * 300_000)
    assert is_candidate(file) is False
    file.write_text("\n" * 300_000 + " Resources :")
    assert is_candidate(file) is True
    file.write_text("{" + "\n" * 300_000 + '"openapi": "3.0.0"}')
    assert is_candidate(file) is True


@pytest.mark.parametrize("written", ["Resources: []", "Resources: {A: 1, B: {Type: [x]}, C: null}"])
def test_resources_of_any_shape_are_read(bench: Bench, written: str) -> None:
    assert bench.open(written) == []
