"""What a school reads of its pupils: lists, results, and the text of every document."""

import re
import zipfile
from collections.abc import Iterator
from functools import lru_cache
from io import BytesIO

from openpyxl import load_workbook
from sqlalchemy.orm import Session

from shared.core.paging import PageSelection
from shared.documents.hand_out_lists.repository import page_of_entries
from shared.documents.models import Document
from shared.documents.repository import DocumentFilter, page_of_documents
from shared.documents.texts import DUTCH
from shared.results.repository import page_of_results
from shared.storage.store import Storage
from shared.students.repository import Cohort, page_of_students
from tests.worker.contents import page_texts
from tests.worker.jobs.building import content_of, is_guide
from tests.worker.jobs.pupils import COMPONENTS, LEVELS, Enrolment, Person, Pupils, description

ADMINISTRATION = "2024"
Facts = set[tuple[str, ...]]
MANY = 100
LISTED = "is on the hand-out list, with a fiche:"
FIXED_HEADERS = {"Klas", "Familienaam", "Voornaam", "Stamnummer", "Nummer fiche", "Vestiging"}


def students_read(session: Session, school: str) -> Facts:
    """Return code, class group and names of each pupil in the list of the school."""
    rows = page_of_students(session, Cohort(school, ADMINISTRATION), PageSelection(MANY)).rows
    assert {row.student.school_id for row in rows} <= {school}
    return {
        (s.delivered_as, group.name, s.family_name, s.given_name)
        for s, group in ((row.student, row.class_group) for row in rows)
    }


def students_of(pupils: Pupils, school: str) -> Facts:
    return {
        (code, class_group, person.family_name, person.given_name)
        for code, class_group, person in _enrolled(pupils, school)
    }


def results_read(session: Session, school: str) -> Facts:
    """Return code, component and level of each result of the school."""
    cohort = Cohort(school, ADMINISTRATION)
    codes = {
        row.student.id: row.student.delivered_as
        for row in page_of_students(session, cohort, PageSelection(MANY)).rows
    }
    rows = page_of_results(session, cohort, PageSelection(MANY)).rows
    return {(codes[row.student_id], row.component, row.level.code) for row in rows if row.level}


def results_of(pupils: Pupils, school: str) -> Facts:
    return {
        (code, component, level)
        for (code, component), level in pupils.levels.items()
        if (code, school) in pupils.enrolments
    }


def documents_read(session: Session, storage: Storage, school: str) -> Facts:
    """Return kind, class group and content of each current document of the school.

    The content is names and levels, from the text of the document.
    """
    rows = page_of_documents(
        session, DocumentFilter(school, ADMINISTRATION), PageSelection(MANY)
    ).rows
    found: Facts = set()
    for row in rows:
        content = content_of(storage, row.document)
        found |= {
            (str(row.document.kind), row.class_group or "", *facts)
            for facts in _facts_of(row.document, content)
        }
    return found


def documents_of(pupils: Pupils, school: str) -> Facts:
    """Return what the documents of the school have to contain, as `documents_read` does."""
    facts: Facts = set()
    for_all: Facts = set()
    for code, class_group, person in _enrolled(pupils, school):
        levels = {one: pupils.levels.get((code, one), "") for one in COMPONENTS}
        has_fiche, groups = any(levels.values()), (class_group, "")
        for_all.add(("overview", "", class_group, person.family_name, *levels.values()))
        listed = person.family_name, f"{LISTED} {has_fiche}"
        for_all |= {("fichePrint", group, *listed) for group in groups}
        for_all |= {("ficheBundle", group, f"{class_group}.pdf") for group in groups}
        if not has_fiche:
            continue
        shown = [description(one, level) for one, level in levels.items() if level]
        facts.add(("fiche", class_group, person.family_name, *shown))
        facts |= {("fichePrint", group, person.family_name, *shown) for group in groups}
        facts |= {("ficheBundle", group, person.family_name) for group in groups}
    return facts | (for_all if facts else set())


def entries_read(session: Session, school: str) -> Facts:
    """Return code, class group and whether there is a fiche, of each entry of the school."""
    cohort = Cohort(school, ADMINISTRATION)
    return {
        (row.student.delivered_as, row.class_group, str(row.fiche_id is not None))
        for row in page_of_entries(session, cohort, PageSelection(MANY)).rows
    }


def entries_of(pupils: Pupils, school: str) -> Facts:
    """Return what the hand-out lists of the school have to contain, as `entries_read` does."""
    with_fiche = {code for code, _ in pupils.levels}
    entries: Facts = {
        (code, class_group, str(code in with_fiche))
        for code, class_group, _ in _enrolled(pupils, school)
    }
    return entries if any(code in with_fiche for code, *_ in entries) else set()


def _enrolled(pupils: Pupils, school: str) -> Iterator[tuple[str, str, Person]]:
    for (code, own), class_group in pupils.enrolments.items():
        enrolment: Enrolment = code, own
        if own == school:
            yield code, class_group, pupils.people[enrolment]


def _facts_of(document: Document, content: bytes) -> Facts:
    match document.kind:
        case "fiche" | "fichePrint":
            return set(_facts_of_pdf(content))
        case "ficheBundle":
            with zipfile.ZipFile(BytesIO(content)) as bundle:
                fiches = [name for name in bundle.namelist() if not is_guide(name)]
                return {(name.rpartition("\N{EN DASH} ")[2].split()[0],) for name in fiches}
        case _:
            return set(_facts_of_workbook(content))


@lru_cache(maxsize=4096)
def _facts_of_pdf(content: bytes) -> frozenset[tuple[str, ...]]:
    """Return the family name and the descriptions on the front of each fiche, and who is listed.

    The back has the descriptions of all levels.
    """
    possible = [description(one, level) for one in COMPONENTS for level in LEVELS]
    pages = page_texts(content)
    fronts = {
        (_only_name(page), *(text for text in possible if text in page))
        for page in pages
        if page.startswith(DUTCH.fiche.title) and DUTCH.fiche.levels.title not in page
    }
    lists = " ".join(page for page in pages if page.startswith(DUTCH.hand_out.title))
    listed = re.findall(r"(Familie\w+), \S+ \S+ (Geen fiche: geen resultaat|[A-Z2-7]{10})", lists)
    return frozenset(fronts | {(name, f"{LISTED} {number.isupper()}") for name, number in listed})


def _only_name(page: str) -> str:
    names = {word.strip(".,") for word in page.split() if word.startswith("Familie")}
    assert len(names) == 1, names
    return names.pop()


@lru_cache(maxsize=4096)
def _facts_of_workbook(content: bytes) -> frozenset[tuple[str, ...]]:
    students = load_workbook(BytesIO(content)).worksheets[0]
    facts = set()
    header, *rows = students.iter_rows(values_only=True)
    first = len(FIXED_HEADERS.intersection(header))
    for class_group, family_name, *cells in rows:
        labels = [str(cell) for cell in cells[first - 2 :]]
        levels = [label[-1] if label.startswith("Niveau ") else "" for label in labels]
        facts.add((str(class_group), str(family_name), *levels))
    return frozenset(facts)
