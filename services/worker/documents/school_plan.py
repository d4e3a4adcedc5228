"""Plan of the documents of a school, before any of them is rendered; pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from uuid import UUID

from services.worker.documents.file_names import FileNames
from services.worker.documents.overview import OVERVIEW_TEMPLATE_VERSION
from shared.documents.assembly import ClassGroupFiches, SchoolContent, SchoolOverview, StudentFiche
from shared.documents.building import (
    BuiltDocument,
    ExistingDocument,
)
from shared.documents.fingerprints import content_sha256
from shared.documents.kinds import DocumentKind

PDF = "application/pdf"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
ZIP = "application/zip"


@dataclass(frozen=True, slots=True)
class ClassGroupPlan:
    """The documents of a class group; `folder` is its folder in bundles."""

    class_group: ClassGroupFiches
    folder: str
    fiches: tuple[BuiltDocument, ...]
    bundle: BuiltDocument
    print_file: BuiltDocument

    @property
    def documents(self) -> tuple[BuiltDocument, ...]:
        return (*self.fiches, self.print_file, self.bundle)


@dataclass(frozen=True, slots=True)
class SchoolPlan:
    """The documents of a school. The bundle of the school depends on the fiches that succeed."""

    content: SchoolContent
    class_groups: tuple[ClassGroupPlan, ...]
    overview: BuiltDocument | None

    def school_bundle(self, fiches: Sequence[BuiltDocument]) -> BuiltDocument:
        content = self.content
        name = FileNames().bundle(content.administration_name, content.school_id)
        return _bundle(name, None, "", fiches)


def plan_school(content: SchoolContent, fiche_version: str) -> SchoolPlan:
    """Plan the documents; `fiche_version` is the template version of the renderer of fiches."""
    folders = FileNames()
    class_groups = []
    for class_group in content.class_groups:
        names = FileNames()
        fiches = tuple(
            _fiche(class_group, fiche, names, fiche_version) for fiche in class_group.fiches
        )
        folder = folders.folder(class_group.name)
        class_groups.append(
            plan_class_group(content.administration_name, class_group, folder, fiches)
        )
    overview = None if content.overview is None else _overview(content, content.overview)
    return SchoolPlan(content, tuple(class_groups), overview)


def plan_class_group(
    administration_name: str,
    class_group: ClassGroupFiches,
    folder: str,
    fiches: tuple[BuiltDocument, ...],
) -> ClassGroupPlan:
    """Plan the bundle and the print file of these fiches of a class group, at least one."""
    name = FileNames().bundle(administration_name, class_group.name)
    bundle = _bundle(name, class_group.class_group_id, folder, fiches)
    name = FileNames().print_file(administration_name, class_group.name)
    print_file = replace(bundle, kind=DocumentKind.FICHE_PRINT, file_name=name, media_type=PDF)
    return ClassGroupPlan(class_group, folder, fiches, bundle, print_file)


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


def _bundle(
    file_name: str, class_group_id: UUID | None, folder: str, fiches: Sequence[BuiltDocument]
) -> BuiltDocument:
    fingerprints = b"".join(fiche.content_sha256 for fiche in fiches)
    return BuiltDocument(
        kind=DocumentKind.FICHE_BUNDLE,
        class_group_id=class_group_id,
        student_id=None,
        component_ids=sorted({c for fiche in fiches for c in fiche.component_ids}),
        file_name=file_name,
        media_type=ZIP,
        content_sha256=sha256(folder.encode() + b"\0" + fingerprints).digest(),
        template_version=fiches[0].template_version,
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

    def unchanged(self, planned: Sequence[BuiltDocument]) -> list[ExistingDocument] | None:
        """Return the existing documents if all of these exist as planned, or else None."""
        found = [self._by_identity.get(document.identity) for document in planned]
        unchanged = [
            existing
            for existing, document in zip(found, planned, strict=True)
            if existing is not None and existing.matches(document)
        ]
        return unchanged if len(unchanged) == len(planned) else None
