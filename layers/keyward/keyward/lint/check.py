"""Read files, templates and OpenAPI documents alike, and collect their methods."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from keyward.apis.rule import KeyRule
from keyward.lint import sam
from keyward.lint.model import Findings, Method
from keyward.lint.openapi import Document, is_document
from keyward.lint.positions import SourceError
from keyward.lint.source import Source, is_candidate, read, source_of
from keyward.lint.template import Reference, Template
from keyward.values import some_of

MAX_PATHS = 5
PREFLIGHT = (
    "OPTIONS {paths} asks for a key, and browsers send none with a preflight. In SAM "
    "AddApiKeyRequiredToCorsPreflight: false in Auth of the API leaves it open"
)
NEITHER = "must be a template with Resources or an OpenAPI 2.0 or 3 document with paths"
NOT_OPENED = "{file} is not checked: only the template itself came here"


class Checker:
    """Check one file after the other. `api` overrides the names that the files give their APIs.
    `skip_others` passes over files that are neither a template nor a document."""

    def __init__(self, api: str | None = None, skip_others: bool = False) -> None:
        self.findings = Findings()
        self._api = api
        self._skip_others = skip_others
        self._collected: set[tuple[str, int, str, str]] = set()
        self._noted: set[str] = set()
        self._nested: set[str] = set()

    def check(self, files: Iterable[str]) -> Findings:
        """The findings of all files; one that cannot be read is an error among them."""
        for name in files:
            if self._skip_others and not is_candidate(Path(name)):
                continue
            source = self._read(name, name, 0)
            if source is not None:
                self._look(source)
        self._note_preflights()
        return self.findings

    def check_text(self, name: str, text: str) -> Findings:
        """The findings of a template by its text alone. No file that it names is opened, as the
        text may be a stranger's: such a file is noted."""
        try:
            source = source_of(text, name)
        except SourceError as error:
            self.findings.error(name, error.line, error.problem)
        else:
            self._look(source, opens=False)
        self._note_preflights()
        return self.findings

    def _look(self, source: Source, opens: bool = True) -> None:
        if is_document(source.root):
            self._document(source, None)
        elif "Resources" in source.root:
            self._template(source, opens)
        elif not self._skip_others:
            self.findings.error(source.name, 0, NEITHER)

    def _note_preflights(self) -> None:
        """OPTIONS that asks for a key closes an API to browsers: they send none with a preflight
        (Fetch standard, "CORS-preflight request"). One note for each API."""
        asking: dict[tuple[str, str], list[Method]] = {}
        for method in self.findings.methods:
            if method.deployed.verb == "OPTIONS" and method.deployed.key_required:
                asking.setdefault((method.file, method.api), []).append(method)
        for (file, _), methods in asking.items():
            paths = [method.deployed.path for method in methods]
            note = PREFLIGHT.format(paths=some_of(paths, MAX_PATHS))
            self.findings.note(file, methods[0].line, note)

    def _read(self, name: str, blamed: str, line: int) -> Source | None:
        """Read the file called `name`. `blamed` gets its error: the file itself, or the template
        that refers to it."""
        try:
            source = read(Path(name), name)
        except SourceError as error:
            problem = error.problem if name == blamed else f"{name} {error.problem}"
            self.findings.error(blamed, line or error.line, problem)
            return None
        if name not in self._noted:
            self._noted.add(name)
            for where, key in source.repeated:
                self.findings.note(name, where, f"{key!r} stands twice; the last one counts")
        return source

    def _template(self, source: Source, opens: bool = True) -> None:
        template = Template(source, self.findings)
        self._foreach(template)
        self._take(template.methods())
        self._take(sam.methods(template))
        template.refer_to_nested()
        for reference in template.references:
            if not opens:
                template.note(reference.line, NOT_OPENED.format(file=reference.location))
                continue
            path = os.path.normpath(os.path.join(os.path.dirname(source.name), reference.location))
            found = self._read(path, source.name, reference.line)
            if found:
                self._referred(found, reference, source.name)

    def _referred(self, found: Source, reference: Reference, blamed: str) -> None:
        """Check a file that a template takes in. A nested template is checked once only: two may
        name each other."""
        if reference.api is not None and is_document(found.root):
            self._document(found, reference.api)
        elif reference.api is not None:
            says = f"{found.name} must be an OpenAPI 2.0 or 3 document. Correct it"
            self.findings.error(blamed, reference.line, says)
        elif "Resources" not in found.root:
            says = f"{found.name} must be a template with Resources. Correct it"
            self.findings.error(blamed, reference.line, says)
        elif found.name not in self._nested:
            self._nested.add(found.name)
            self._template(found)

    def _foreach(self, template: Template) -> None:
        for name in template.resources:
            if name.startswith("Fn::"):
                template.note(template.resources.line_of(name), f"{name} is not looked into")

    def _document(self, source: Source, api: str | None) -> None:
        title = source.root.map("info").get("title")
        self._take(Document(source, source.root, api or str(title or source.name)).methods())

    def _take(self, methods: Iterable[Method]) -> None:
        for method in methods:
            if method.mark not in self._collected:
                self._collected.add(method.mark)
                self.findings.methods.append(method)

    def open(self, rule_of: Callable[[str], KeyRule]) -> list[Method]:
        """Those methods found that ask for no key and have to, by the rule of their API."""
        return [method for method in self.findings.methods if self._is_open(method, rule_of)]

    def _is_open(self, method: Method, rule_of: Callable[[str], KeyRule]) -> bool:
        return bool(rule_of(self._api or method.api).open([method.deployed]))
