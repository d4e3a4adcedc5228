"""Verification of a school's documents: each exists as planned, and its bytes are in the store."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from uuid import UUID

from services.worker.documents.fiche_pages import OverfullFicheError
from services.worker.documents.school_plan import ClassGroupPlan, SchoolPlan
from services.worker.documents.school_production import REASONS, Renderers
from services.worker.layout.fonts import UndrawableTextError
from shared.access.products import Product
from shared.documents.assembly import StudentFiche
from shared.documents.building import BuiltDocument, ExistingDocument, Identity
from shared.documents.hand_out_lists.content import MissingReason
from shared.documents.kinds import DocumentKind
from shared.release_plans.manifest import Finding, FindingKind, SchoolManifest, digest_of
from shared.storage.store import Storage, StoredObjectMissingError


@dataclass
class SchoolVerification:
    """The comparison of the documents of one school with its plan; without the object store.

    Only the documents of the product of the opening are compared, and of school feedback those that
    show any of its components.
    `students` is the number of students of the school, also of those without a fiche.
    """

    plan: SchoolPlan
    existing: Sequence[ExistingDocument]
    renderers: Renderers
    students: int
    product: Product = Product.STUDENT_FEEDBACK
    component_ids: frozenset[int] = frozenset()
    documents: list[ExistingDocument] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    _by_identity: dict[Identity, ExistingDocument] = field(init=False)
    _required: set[Identity] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._by_identity = {document.identity: document for document in self.existing}

    def run(self) -> None:
        """Find the current documents, and what is at fault or an exception."""
        if self.product is Product.SCHOOL_FEEDBACK:
            self._require_feedback()
        else:
            self._require_student_feedback()
        for document in self.existing:
            if self._is_concerned(document) and document.identity not in self._required:
                self._add_fault("unplannedDocument", document)

    def _require_student_feedback(self) -> None:
        class_groups = [self._class_group(class_group) for class_group in self.plan.class_groups]
        if class_groups:
            self._require(self.plan.school_bundle([one.bundle for one in class_groups]))
            self._require(self.plan.school_print_file([one.print_file for one in class_groups]))
        if self.plan.overview is not None:
            self._require(self.plan.overview)

    def _require_feedback(self) -> None:
        for plan in self.plan.feedback:
            for document in plan.documents:
                if self._is_concerned(document):
                    self._require(document)

    def _is_concerned(self, document: BuiltDocument) -> bool:
        return is_shown(document, self.product, self.component_ids)

    def _class_group(self, plan: ClassGroupPlan) -> ClassGroupPlan:
        """Compare the documents of a class group; return the plan of those that it can have."""
        failed: dict[UUID, MissingReason] = {}
        for content, planned in zip(plan.class_group.fiches, plan.fiches, strict=True):
            reason = None if self._current(planned) else self._reason_without_fiche(content)
            if reason is not None:
                failed[content.student_id] = reason
                self._add_exception("ficheCannotBeDrawn", content.student_id)
        for missing in plan.class_group.missing:
            if missing.reason == MissingReason.WITHHELD:
                self._add_exception("resultsWithheld", missing.student_id)
        possible = plan.without_fiches(failed) if failed else plan
        for document in possible.documents:
            self._require(document)
        return possible

    def _add_exception(self, code: str, student_id: UUID) -> None:
        school_id = self.plan.content.school_id
        self.findings.append(Finding(FindingKind.EXCEPTION, code, school_id, student_id))

    def _reason_without_fiche(self, fiche: StudentFiche) -> MissingReason | None:
        """Return the reason for which a fiche cannot be made, or None for one that can."""
        try:
            self.renderers.fiches.lay_out(fiche.content, fiche.possible_sections)
        except (UndrawableTextError, OverfullFicheError) as error:
            return REASONS[type(error)]
        return None

    def _current(self, planned: BuiltDocument) -> ExistingDocument | None:
        found = self._by_identity.get(planned.identity)
        if found is None or not found.matches(planned):
            return None
        is_current = found.facts_revision == self.plan.content.facts_revision
        return found if is_current else None

    def _require(self, planned: BuiltDocument) -> None:
        self._required.add(planned.identity)
        found = self._current(planned)
        if found is not None:
            self.documents.append(found)
        else:
            is_absent = planned.identity not in self._by_identity
            self._add_fault(
                f"{planned.kind.value}{'Missing' if is_absent else 'Outdated'}", planned
            )

    def _add_fault(self, code: str, document: BuiltDocument) -> None:
        self.findings.append(fault_of(self.plan.content.school_id, document, code))

    def finish(self, storage: Storage) -> SchoolManifest:
        """Read the bytes of every document; return the part of the manifest of this school."""
        faults = list(find_byte_faults(storage, self.plan.content.school_id, self.documents))
        kinds = [kind for kind in DocumentKind if kind.product is self.product]
        counts = {f"{kind.value}s": 0 for kind in kinds}
        for document in self.documents:
            counts[f"{document.kind.value}s"] += 1
        lines = (
            (
                document.kind.value,
                document.class_group_id,
                document.student_id,
                document.first_component_id,
                document.id,
                document.sha256.hex(),
                document.content_sha256.hex(),
                document.template_version,
            )
            for document in self.documents
        )
        return SchoolManifest(
            self.plan.content.school_id,
            {"students": self.students, **counts},
            digest_of(lines),
            (*self.findings, *faults),
        )


def is_shown(document: BuiltDocument, product: Product, component_ids: frozenset[int]) -> bool:
    """Return True if an opening of these components shows the document, or a part of it."""
    if document.kind.product is not product:
        return False
    is_of_students = product is not Product.SCHOOL_FEEDBACK
    return is_of_students or not component_ids.isdisjoint(document.component_ids)


def fault_of(school_id: str, document: BuiltDocument, code: str) -> Finding:
    document_id = document.id if isinstance(document, ExistingDocument) else None
    return Finding(FindingKind.FAULT, code, school_id, document.student_id, document_id)


def find_byte_faults(
    storage: Storage, school_id: str, documents: Sequence[ExistingDocument]
) -> Iterator[Finding]:
    """Iterate over the documents whose bytes are not in the store, or not those of their hash.

    Each object is read once, whatever the number of documents in it.
    """
    objects: dict[str, bytes | None] = {}
    for document in documents:
        hashed = sha256()
        code = None
        for segment in document.segments:
            if segment.key not in objects:
                objects[segment.key] = _read(storage, segment.key)
            content = objects[segment.key]
            if content is None or len(content) < segment.offset + segment.size:
                code = "objectMissing"
                break
            hashed.update(memoryview(content)[segment.offset : segment.offset + segment.size])
        if code is None and hashed.digest() != document.sha256:
            code = "bytesDiffer"
        if code is not None:
            yield fault_of(school_id, document, code)


def _read(storage: Storage, key: str) -> bytes | None:
    try:
        return storage.read(key)
    except StoredObjectMissingError:
        return None
