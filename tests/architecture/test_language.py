"""The glossary binds identifiers, docstrings, the OpenAPI document, CLI help and documents."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.architecture.prose import (
    ROOT,
    Name,
    Prose,
    all_docstrings,
    all_names,
    all_prose,
    names_of_source,
    prose_of_openapi,
    prose_of_source,
)

GLOSSARY = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
IN_NAMES, IN_TEXTS = {"names", "both"}, {"texts", "both"}
NOUN_CLAUSE = re.compile(r"(who|whom|whose|what|whether|how|when|where|which|why)\b", re.IGNORECASE)
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")

# (file, term): the reason for which the term is correct in that file.
ALLOWED: dict[tuple[str, str], str] = {}


@dataclass(frozen=True, slots=True)
class Term:
    """A term to avoid; `is_identifier` means one exact name, otherwise words in any case."""

    text: str
    use_instead: str
    checked_in: str
    is_identifier: bool

    def is_in_name(self, name: str) -> bool:
        if self.is_identifier:
            return name == self.text
        words = [word.lower() for word in WORD.findall(name)]
        return f" {self.text.lower().replace('-', ' ')} " in f" {' '.join(words)} "

    def is_in_text(self, text: str) -> bool:
        words = r"\s+".join(map(re.escape, self.text.split()))
        return not self.is_identifier and bool(
            re.search(rf"(?<![\w-]){words}(?![\w-])", text, re.IGNORECASE)
        )


def terms_of(glossary: str) -> list[Term]:
    """Read the table *Terms to avoid*: each first cell has one term or several."""
    section = glossary.partition("\n## Terms to avoid\n")[2]
    rows = re.findall(r"^\| (.+?) \| (.+?) \| (names|texts|both|review) \|$", section, re.MULTILINE)
    return [
        Term(term.strip("`"), use_instead, checked_in, is_identifier=term.startswith("`"))
        for cell, use_instead, checked_in in rows
        if checked_in != "review"
        for term in cell.split(", ")
    ]


TERMS = terms_of(GLOSSARY)


def faults_in_names(names: Iterator[Name], terms: list[Term]) -> Iterator[str]:
    checked = [term for term in terms if term.checked_in in IN_NAMES]
    for name in names:
        for term in checked:
            if term.is_in_name(name.text) and (name.path, term.text) not in ALLOWED:
                yield f"{name.path}:{name.line}: {name.text}: use {term.use_instead}"


def faults_in_texts(texts: Iterator[Prose], terms: list[Term]) -> Iterator[str]:
    checked = [term for term in terms if term.checked_in in IN_TEXTS]
    for prose in texts:
        for term in checked:
            if term.is_in_text(prose.text) and (prose.path, term.text) not in ALLOWED:
                place = f"{prose.path}:{prose.line}: {prose.owner}"
                yield f"{place}: «{term.text}»: use {term.use_instead}"


def noun_clauses(docstrings: Iterator[Prose]) -> Iterator[str]:
    """Yield public docstrings whose first line opens with who, what, whether, how or when."""
    for prose in docstrings:
        is_public = not prose.owner.startswith("_") or prose.owner.startswith("__")
        first_line = prose.text.partition("\n")[0]
        if is_public and prose.owner != "help" and NOUN_CLAUSE.match(first_line):
            yield f"{prose.path}:{prose.line}: {prose.owner or 'module'}: {first_line}"


def test_no_identifier_has_a_term_to_avoid() -> None:
    assert list(faults_in_names(all_names(), TERMS)) == []


def test_no_text_has_a_term_to_avoid() -> None:
    texts = (prose for prose in all_prose() if prose.path != "docs/glossary.md")
    assert list(faults_in_texts(texts, TERMS)) == []


def test_no_docstring_opens_with_a_noun_clause() -> None:
    assert list(noun_clauses(all_docstrings())) == []


def test_every_exception_has_a_reason_and_is_needed() -> None:
    assert all(ALLOWED.values())
    texts = {term.text for term in TERMS}
    for path, term in ALLOWED:
        assert (ROOT / path).exists()
        assert term in texts


def test_the_glossary_has_terms_to_avoid() -> None:
    assert len(TERMS) > 50  # far fewer would mean that the table is not read
    assert {term.checked_in for term in TERMS} == {"names", "texts", "both"}


@pytest.mark.parametrize(
    "source",
    [
        "class BrakeError(Exception): ...",
        "def release_brakes() -> None: ...",
        "def limit(brake: int) -> None: ...",
        "BRAKE_SECONDS = 5",
        "self.brake = 5",
        "import limits as brakes",
        "class Party: ...",
    ],
)
def test_a_planted_identifier_is_found(source: str) -> None:
    assert list(faults_in_names(names_of_source("planted.py", source), TERMS))


def test_a_planted_module_name_is_found() -> None:
    assert list(faults_in_names(names_of_source("shared/access/brakes.py", ""), TERMS))


@pytest.mark.parametrize(
    "source",
    [
        '"""A request of a stranger."""',
        'class Limit:\n    """The brakes of a caller."""',
        'def check():\n    """Count the request, and those beside it."""',
        'def check():\n    """Return it\n\n    once the token is taken\n    back.\n    """',
        'Option(help="Entries of the trail.")',
    ],
)
def test_a_planted_text_is_found(source: str) -> None:
    assert list(faults_in_texts(prose_of_source("planted.py", source), TERMS))


def test_a_planted_openapi_text_is_found() -> None:
    document = {"paths": {"/jobs": {"get": {"description": "Not sooner, please."}}}}
    assert list(faults_in_texts(prose_of_openapi(document), TERMS))


@pytest.mark.parametrize(
    "source",
    [
        "def compress(trailer: bytes) -> bytes: ...",
        "class Partition: ...",
        'def expand():\n    """Return the timestamp of the besieged fencing token."""',
    ],
)
def test_words_that_contain_a_term_are_no_fault(source: str) -> None:
    assert list(faults_in_names(names_of_source("fine.py", source), TERMS)) == []
    assert list(faults_in_texts(prose_of_source("fine.py", source), TERMS)) == []


@pytest.mark.parametrize("opening", ["Whether", "How many", "What", "Who", "When", "Where"])
def test_a_planted_noun_clause_is_found(opening: str) -> None:
    source = f'def check():\n    """{opening} it is."""'
    assert list(noun_clauses(prose_of_source("planted.py", source)))


def test_an_imperative_first_line_is_no_noun_clause() -> None:
    source = 'def check():\n    """Return the time at which it ends."""'
    assert list(noun_clauses(prose_of_source("fine.py", source))) == []
