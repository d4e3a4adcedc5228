"""A model of what may be known by which caller: pure Python, without the code of the service.

`Facts` exist, whatever anyone may know; `Knowledge` adds what was released, shared and suspended.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from tests.leaks.release_model import ReleaseModel

SCHOOL, INTEGRATOR, OPERATOR, OFFICER = "school", "integrator", "operator", "officer"
STUDENT_FEEDBACK, SCHOOL_FEEDBACK = "studentFeedback", "schoolFeedback"
TEST_VIEWING = "testViewing"
SCHOOL_KINDS = {"schoolFeedbackReport", "schoolFeedbackWorkbook"}

Keys = frozenset[str]
NOTHING: Keys = frozenset()


@dataclass(frozen=True)
class Requester:
    """A client with a token; `flaw` is what makes the token invalid, if anything does.

    `twin` is the requester for whom nothing exists, and who may see as little of it.
    """

    name: str
    kind: str
    client: str
    scopes: frozenset[str]
    school: str | None = None
    flaw: str | None = None
    twin: "Requester | None" = None


@dataclass(frozen=True)
class StudentFact:
    id: str
    school: str
    family_name: str
    class_group: str


@dataclass(frozen=True)
class DocumentFact:
    """A stored document: the components that it shows, and the hash of its bytes."""

    id: str
    school: str
    kind: str
    student: str | None
    components: frozenset[str]
    sha256: str
    state: str

    @property
    def product(self) -> str:
        return SCHOOL_FEEDBACK if self.kind in SCHOOL_KINDS else STUDENT_FEEDBACK


@dataclass(frozen=True)
class RegistrationFact:
    """A registration for test viewing, with the components of which there are items.

    `is_now` says that its day is today, or its slot with the margin contains this moment.
    """

    id: str
    school: str
    student: str
    location: str
    is_now: bool
    components: frozenset[str]
    code: str


@dataclass(frozen=True)
class Facts:
    """What is stored, by id; `results` are pairs of a student and a component.

    `missing` has the components about which a missing fiche is, by student. `own` has the ids of
    hand-overs, mandates, declarations and links, each with its owner: a school or a client.
    `snapshots` are figures, by school, component and version.
    """

    students: Mapping[str, StudentFact]
    documents: Mapping[str, DocumentFact]
    results: frozenset[tuple[str, str]]
    missing: Mapping[str, frozenset[str]]
    own: Mapping[str, frozenset[str]]
    snapshots: frozenset[tuple[str, str, int]]
    registrations: Mapping[str, RegistrationFact]


@dataclass(frozen=True)
class ModelMandate:
    id: str
    school: str
    client: str
    products: frozenset[str]
    from_on: date
    until_on: date
    is_revoked: bool = False

    def shares(self, product: str | None, today: date) -> bool:
        is_of_product = product is None or product in self.products
        return is_of_product and not self.is_revoked and self.from_on <= today <= self.until_on


@dataclass
class Knowledge:
    """Who may know what at the present moment; days are those of the story in Brussels."""

    facts: Facts
    releases: Mapping[str, ReleaseModel]
    now: datetime
    today: date
    mandates: dict[str, ModelMandate] = field(default_factory=dict)
    suspended: set[str] = field(default_factory=set)
    links: dict[str, tuple[Requester, str]] = field(default_factory=dict)
    duties: set[tuple[str, str, date]] = field(default_factory=set)

    @property
    def release(self) -> ReleaseModel:
        """The release of student feedback."""
        return self.releases[STUDENT_FEEDBACK]

    def is_known(self, requester: Requester) -> bool:
        """Return True for a requester whose token is valid."""
        return requester.flaw is None and requester.client not in self.suspended

    def may_wait(self, requester: Requester) -> bool:
        """Return True for who knows documents: they may be told that these are being rebuilt."""
        return self.documents(requester) != NOTHING

    def reach(self, requester: Requester, product: str | None = STUDENT_FEEDBACK) -> Keys:
        """Return the schools whose students the requester may know."""
        if requester.kind == SCHOOL:
            return frozenset({requester.school or ""})
        return frozenset(
            mandate.school
            for mandate in self.mandates.values()
            if mandate.client == requester.client and mandate.shares(product, self.today)
        )

    def schools(self, requester: Requester) -> Keys | None:
        """Return the schools that the requester may know; None for all of them."""
        return None if requester.kind == OPERATOR else self.reach(requester, None)

    def students(self, requester: Requester, school: str | None = None) -> Keys:
        reached = self._reached(requester, school)
        return frozenset(one.id for one in self.facts.students.values() if one.school in reached)

    def results(self, requester: Requester, school: str | None = None) -> Keys:
        """Return the released results, as student and component."""
        students = self.students(requester, school)
        return frozenset(
            f"{student}/{component}"
            for student, component in self.facts.results
            if student in students and component in self._released_to(student)
        )

    def documents(self, requester: Requester, school: str | None = None) -> Keys:
        reached = {
            product: self._reached(requester, school, product)
            for product in (STUDENT_FEEDBACK, SCHOOL_FEEDBACK)
        }
        return frozenset(
            one.id
            for one in self.facts.documents.values()
            if one.school in reached[one.product]
            and one.components <= self.released(one.school, one.product)
        )

    def figures(self, requester: Requester, school: str) -> Keys:
        """Return the released figures of a school, as school, component and version."""
        if not self._reached(requester, school, SCHOOL_FEEDBACK):
            return NOTHING
        released = self.released(school, SCHOOL_FEEDBACK)
        return frozenset(
            f"{of}/{component}/{version}"
            for of, component, version in self.facts.snapshots
            if of == school and component in released
        )

    def registrations(self, requester: Requester) -> Keys:
        """Return the registrations of the requester's school."""
        registrations = self.facts.registrations.values()
        return frozenset(one.id for one in registrations if one.school == requester.school)

    def visits(self, requester: Requester) -> Keys:
        """Return the registrations at the desk of an officer."""
        return frozenset(
            one.id
            for one in self.facts.registrations.values()
            if one.is_now and (requester.client, one.location, self.today) in self.duties
        )

    def viewed(self, requester: Requester, registration: str) -> Keys:
        """Return the components that an officer may show, as registration and component."""
        if registration not in self.visits(requester):
            return NOTHING
        fact = self.facts.registrations[registration]
        shown = fact.components & self.released(fact.school, TEST_VIEWING)
        return frozenset(f"{registration}/{component}" for component in shown)

    def entries(self, requester: Requester, school: str | None = None) -> Keys:
        """Return the students of whom it may be known that they have a fiche or none."""
        return self.students(requester, school) & frozenset(self._with_feedback())

    def fiches(self, requester: Requester, school: str | None = None) -> Keys:
        """Return the students with a released fiche, to whom their school hands it over."""
        if requester.kind != SCHOOL:
            return NOTHING
        documents = (self.facts.documents[one] for one in self.documents(requester, school))
        return frozenset(one.student for one in documents if one.student is not None)

    def own(self, requester: Requester) -> Keys:
        """Return the ids of what the requester itself has made or was given."""
        return self.facts.own.get(requester.school or requester.client, NOTHING)

    def linked(self, secret: str) -> Keys:
        """Return the document of a link, while the requester that made it may know it."""
        if secret not in self.links:
            return NOTHING
        requester, document = self.links[secret]
        return self.documents(requester) & {document} if self.is_known(requester) else NOTHING

    def released(self, school: str, product: str = STUDENT_FEEDBACK) -> frozenset[str]:
        return self.releases[product].released(school, self.now)

    def _released_to(self, student: str) -> frozenset[str]:
        return self.released(self.facts.students[student].school)

    def _reached(
        self, requester: Requester, school: str | None, product: str = STUDENT_FEEDBACK
    ) -> Keys:
        reached = self.reach(requester, product)
        return reached if school is None else reached & {school}

    def _with_feedback(self) -> Iterator[str]:
        for document in self.facts.documents.values():
            if document.student and document.components <= self.released(document.school):
                yield document.student
        for student, components in self.facts.missing.items():
            if components <= self._released_to(student):
                yield student


def secrets_of(facts: Facts) -> dict[str, str]:
    """Return every text that tells something, with the student or document that it is about."""
    secrets: dict[str, str] = {}
    for student in facts.students.values():
        secrets[student.id] = student.id
        secrets[student.family_name] = f"name {student.family_name}"
    for document in facts.documents.values():
        secrets[document.id] = document.id
        secrets[document.sha256] = document.id
    for registration in facts.registrations.values():
        secrets[registration.id] = secrets[registration.code] = registration.id
    return secrets


def may_contain(knowledge: Knowledge, requester: Requester, secret: str) -> bool:
    """Return True if a response to the requester may contain what the secret is about."""
    visits = knowledge.visits(requester)
    visitors = {knowledge.facts.registrations[one].student for one in visits}
    if secret.startswith("name "):
        names = _names_of(knowledge, knowledge.students(requester) | visitors)
        return secret.removeprefix("name ") in names
    known = knowledge.students(requester) | knowledge.documents(requester)
    return secret in known | knowledge.registrations(requester) | visits


def _names_of(knowledge: Knowledge, students: Collection[str]) -> frozenset[str]:
    return frozenset(knowledge.facts.students[one].family_name for one in students)
