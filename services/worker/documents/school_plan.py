"""Plan of the documents of a school, before any of them is rendered; pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from uuid import UUID

from services.worker.documents.feedback_plan import FeedbackPlan, plan_feedback
from services.worker.documents.file_names import FileNames
from services.worker.documents.media_types import PDF, XLSX, ZIP
from services.worker.documents.overview import OVERVIEW_TEMPLATE_VERSION
from services.worker.documents.reading_guide import READING_GUIDE_VERSION
from shared.documents.assembly import (
    ClassGroupFiches,
    SchoolContent,
    SchoolOverview,
    StudentFiche,
    StudentWithoutFiche,
)
from shared.documents.building import (
    BuiltDocument,
    ExistingDocument,
)
from shared.documents.fingerprints import content_sha256
from shared.documents.hand_out_lists.content import HandOutListContent, MissingReason
from shared.documents.kinds import DocumentKind
from shared.documents.reading_guides.texts import GUIDES_FOLDER


@dataclass(frozen=True, slots=True)
class TemplateVersions:
    """The template versions of the renderers."""

    fiche: str
    hand_out_list: str


@dataclass(frozen=True, slots=True)
class ClassGroupPlan:
    """The documents of a class group; `folder` is its folder in bundles."""

    class_group: ClassGroupFiches
    folder: str
    fiches: tuple[BuiltDocument, ...]
    hand_out_list: HandOutListContent
    hand_out_version: str
    bundle: BuiltDocument
    print_file: BuiltDocument

    @property
    def documents(self) -> tuple[BuiltDocument, ...]:
        return (*self.fiches, self.print_file, self.bundle)

    def without_fiches(self, failed: Mapping[UUID, MissingReason]) -> "ClassGroupPlan":
        """Return the plan without the fiches of these students, which could not be rendered."""
        numbers = {
            fiche.content.document_number: failed[fiche.student_id]
            for fiche in self.class_group.fiches
            if fiche.student_id in failed
        }
        fiches = tuple(fiche for fiche in self.fiches if fiche.student_id not in failed)
        hand_out_list = self.hand_out_list.without_fiches(numbers)
        fingerprint = _fingerprint(self.folder, self.hand_out_version, hand_out_list, fiches)
        return replace(
            self,
            fiches=fiches,
            hand_out_list=hand_out_list,
            bundle=replace(self.bundle, content_sha256=fingerprint),
            print_file=replace(self.print_file, content_sha256=fingerprint),
        )


@dataclass(frozen=True, slots=True)
class SchoolPlan:
    """The documents of a school. Those of the whole school depend on the fiches that succeed."""

    content: SchoolContent
    class_groups: tuple[ClassGroupPlan, ...]
    overview: BuiltDocument | None
    feedback: tuple[FeedbackPlan, ...] = ()

    def school_bundle(self, bundles: Sequence[BuiltDocument]) -> BuiltDocument:
        name = FileNames().bundle(self.content.administration_name, self.content.school_id)
        return _of_school(bundles, name)

    def school_print_file(self, print_files: Sequence[BuiltDocument]) -> BuiltDocument:
        name = FileNames().print_file(self.content.administration_name, self.content.school_id)
        return _of_school(print_files, name)


def plan_school(content: SchoolContent, fiche_version: str, hand_out_version: str) -> SchoolPlan:
    """Plan the documents as if every fiche can be rendered; versions are those of templates."""
    folders = FileNames(taken=(GUIDES_FOLDER,))
    class_groups = []
    for class_group in content.class_groups:
        names = FileNames()
        fiches = tuple(
            _fiche(class_group, fiche, names, fiche_version) for fiche in class_group.fiches
        )
        folder = folders.folder(class_group.name)
        bundle = _bundle(content.administration_name, class_group, fiche_version)
        name = FileNames().print_file(content.administration_name, class_group.name)
        print_file = replace(bundle, kind=DocumentKind.FICHE_PRINT, file_name=name, media_type=PDF)
        plan = ClassGroupPlan(
            class_group,
            folder,
            fiches,
            class_group.hand_out_list,
            hand_out_version,
            bundle,
            print_file,
        )
        class_groups.append(plan.without_fiches({}))
    overview = None if content.overview is None else _overview(content, content.overview)
    return SchoolPlan(content, tuple(class_groups), overview, tuple(plan_feedback(content)))


def _fingerprint(
    folder: str, hand_out_version: str, content: HandOutListContent, fiches: Sequence[BuiltDocument]
) -> bytes:
    """Return the SHA-256 of what is in the bundle and in the print file of a class group."""
    versions = f"{READING_GUIDE_VERSION}\0{hand_out_version}"
    hasher = sha256(f"{folder}\0{versions}\0".encode() + content_sha256(content))
    for fiche in fiches:
        hasher.update(fiche.content_sha256)
    return hasher.digest()


def _bundle(administration_name: str, class_group: ClassGroupFiches, version: str) -> BuiltDocument:
    """Plan a bundle, also for its hand-out list: it shows whom a component is withheld from."""
    shown: list[StudentFiche | StudentWithoutFiche] = [*class_group.fiches, *class_group.missing]
    return BuiltDocument(
        kind=DocumentKind.FICHE_BUNDLE,
        class_group_id=class_group.class_group_id,
        student_id=None,
        component_ids=sorted({c for one in shown for c in one.component_ids}),
        file_name=FileNames().bundle(administration_name, class_group.name),
        media_type=ZIP,
        content_sha256=b"",
        template_version=version,
    )


def _of_school(documents: Sequence[BuiltDocument], file_name: str) -> BuiltDocument:
    """Plan the document of a school that consists of these, one of each class group."""
    first = documents[0]
    return BuiltDocument(
        kind=first.kind,
        class_group_id=None,
        student_id=None,
        component_ids=sorted({c for document in documents for c in document.component_ids}),
        file_name=file_name,
        media_type=first.media_type,
        content_sha256=sha256(b"".join(one.content_sha256 for one in documents)).digest(),
        template_version=first.template_version,
    )


def _fiche(
    class_group: ClassGroupFiches, fiche: StudentFiche, names: FileNames, version: str
) -> BuiltDocument:
    return BuiltDocument(
        kind=DocumentKind.FICHE,
        class_group_id=class_group.class_group_id,
        student_id=fiche.student_id,
        component_ids=list(fiche.component_ids),
        file_name=names.fiche(fiche.content),
        media_type=PDF,
        content_sha256=content_sha256(fiche.content),
        template_version=version,
    )


def _overview(content: SchoolContent, overview: SchoolOverview) -> BuiltDocument:
    return BuiltDocument(
        kind=DocumentKind.OVERVIEW,
        class_group_id=None,
        student_id=None,
        component_ids=sorted(overview.component_ids),
        file_name=FileNames().overview(content.administration_name, content.school_id),
        media_type=XLSX,
        content_sha256=content_sha256(overview.content),
        template_version=OVERVIEW_TEMPLATE_VERSION,
    )


class ExistingDocuments:
    """The documents of earlier builds, to compare a plan with."""

    def __init__(self, documents: Iterable[ExistingDocument]) -> None:
        self._by_identity = {document.identity: document for document in documents}

    def find(self, planned: BuiltDocument) -> ExistingDocument | None:
        """Return the existing document if it exists as planned."""
        existing = self._by_identity.get(planned.identity)
        return existing if existing is not None and existing.matches(planned) else None

    def unchanged(self, planned: Sequence[BuiltDocument]) -> list[ExistingDocument] | None:
        """Return the existing documents if all of these exist as planned, or else None."""
        found = map(self.find, planned)
        unchanged = [existing for existing in found if existing is not None]
        return unchanged if len(unchanged) == len(planned) else None
