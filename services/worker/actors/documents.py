"""Builds the documents of one school: fiches in bundles and the overview, then their rows."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy.orm import Session

from services.worker.execution import Performed
from services.worker.rendering.bundle import Entries, FileNames, JoinedBundle
from services.worker.rendering.fiche import FICHE_TEMPLATE_VERSION, OverfullFicheError
from services.worker.rendering.fonts import UndrawableTextError
from services.worker.rendering.overview import OVERVIEW_TEMPLATE_VERSION
from services.worker.stamping.fiche import FicheStamper, LaidOut
from services.worker.stamping.print import print_file
from services.worker.stamping.workbook import OverviewStamper
from shared.core.errors import OWN, Problem
from shared.documents.assembly import ClassFiches, SchoolOverview, StudentFiche
from shared.documents.building import (
    FICHE,
    FICHE_BUNDLE,
    FICHE_PRINT,
    OVERVIEW,
    BuiltDocument,
    publish,
    school_content,
)
from shared.documents.content import content_sha256
from shared.jobs.claims import Claim
from shared.storage.store import Segment, Storage

PDF = "application/pdf"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
ZIP = "application/zip"


@dataclass(frozen=True, slots=True)
class Press:
    """What turns contents into bytes; templates are compiled once and kept for the next school."""

    fiches: FicheStamper = field(default_factory=FicheStamper)
    overviews: OverviewStamper = field(default_factory=OverviewStamper)


@dataclass
class SchoolBuild:
    """One school on its way: objects are stored at once, rows are gathered for the end."""

    press: Press
    storage: Storage
    administration_id: str
    school_id: str
    folders: FileNames = field(default_factory=FileNames)
    joined: JoinedBundle = field(default_factory=JoinedBundle)
    segments: list[Segment] = field(default_factory=list)
    documents: list[BuiltDocument] = field(default_factory=list)
    failures: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def run(self, session: Session, job_id: UUID) -> Performed:
        content = school_content(session, self.administration_id, self.school_id)
        for class_group in content.class_groups:
            self._build_class_group(class_group)
        if self.segments:
            self._build_school_bundle()
        if content.overview is not None:
            self._build_overview(content.overview)
        removed = publish(
            session,
            job_id,
            self.administration_id,
            self.school_id,
            content.facts_revision,
            self.documents,
        )
        return Performed(self._counts(removed), self.failures)

    def _build_class_group(self, class_group: ClassFiches) -> None:
        """Stamps the fiches into one bundle, of which each is a byte range, and a print file."""
        key, entries, names = self._fresh_key("zip"), Entries(), FileNames()
        folder = self.folders.folder(class_group.name)
        made: list[BuiltDocument] = []
        drawn: list[LaidOut] = []
        for fiche in class_group.fiches:
            laid_out = self._lay_out(fiche)
            if laid_out is None:
                continue
            drawn.append(laid_out)
            stamped = self.press.fiches.closed(laid_out)
            name = names.fiche(fiche.content)
            offset = entries.add(f"{folder}/{name}", stamped.data, stamped.crc32)
            made.append(
                BuiltDocument(
                    kind=FICHE,
                    class_group_id=class_group.class_group_id,
                    student_id=fiche.student_id,
                    component_ids=list(fiche.component_ids),
                    file_name=name,
                    media_type=PDF,
                    segments=(Segment(key, offset, len(stamped.data)),),
                    sha256=stamped.sha256,
                    content_sha256=content_sha256(fiche.content),
                    template_version=FICHE_TEMPLATE_VERSION,
                )
            )
        if made:
            bundle = entries.closed()
            self.storage.put(key, bundle)
            self.documents += made
            whole = (Segment(key, 0, len(bundle)),)
            self._add_bundle(made, class_group, whole, sha256(bundle).digest())
            self._add_print_file(self.documents[-1], class_group, drawn)
            self.joined.add(entries)
            self.segments.append(Segment(key, 0, entries.size))

    def _build_school_bundle(self) -> None:
        """All bundles as one, of which only the directory is not stored yet."""
        key = self._fresh_key("zip")
        end, digest = self.joined.closed()
        self.storage.put(key, end)
        segments = (*self.segments, Segment(key, 0, len(end)))
        fiches = [document for document in self.documents if document.kind == FICHE]
        self._add_bundle(fiches, None, segments, digest)

    def _add_bundle(
        self,
        fiches: Sequence[BuiltDocument],
        class_group: ClassFiches | None,
        segments: tuple[Segment, ...],
        digest: bytes,
    ) -> None:
        of_what = class_group.name if class_group else self.school_id
        self.documents.append(
            BuiltDocument(
                kind=FICHE_BUNDLE,
                class_group_id=class_group.class_group_id if class_group else None,
                student_id=None,
                component_ids=sorted({c for fiche in fiches for c in fiche.component_ids}),
                file_name=FileNames().bundle(self.administration_id, of_what),
                media_type=ZIP,
                segments=segments,
                sha256=digest,
                content_sha256=sha256(b"".join(f.content_sha256 for f in fiches)).digest(),
                template_version=FICHE_TEMPLATE_VERSION,
            )
        )

    def _add_print_file(
        self, bundle: BuiltDocument, class_group: ClassFiches, fiches: Sequence[LaidOut]
    ) -> None:
        """Of the same fiches as the bundle."""
        key, data = self._fresh_key("pdf"), print_file(self.press.fiches, fiches)
        self.storage.put(key, data)
        self.documents.append(
            replace(
                bundle,
                kind=FICHE_PRINT,
                file_name=FileNames().print_file(self.administration_id, class_group.name),
                media_type=PDF,
                segments=(Segment(key, 0, len(data)),),
                sha256=sha256(data).digest(),
            )
        )

    def _lay_out(self, fiche: StudentFiche) -> LaidOut | None:
        """None when it cannot be drawn, which is kept as a failure of this one fiche."""
        try:
            return self.press.fiches.lay_out(fiche.content)
        except UndrawableTextError as error:
            problem = Problem(f"{OWN}undrawableText", "Undrawable Text", 422, str(error))
        except OverfullFicheError as error:
            problem = Problem(f"{OWN}overfullFiche", "Overfull Fiche", 422, str(error))
        self.failures.append((str(fiche.student_id), problem.as_json()))
        return None

    def _build_overview(self, overview: SchoolOverview) -> None:
        key, workbook = self._fresh_key("xlsx"), self.press.overviews.stamp(overview.content)
        self.storage.put(key, workbook)
        self.documents.append(
            BuiltDocument(
                kind=OVERVIEW,
                class_group_id=None,
                student_id=None,
                component_ids=sorted(overview.component_ids),
                file_name=FileNames().overview(self.administration_id, self.school_id),
                media_type=XLSX,
                segments=(Segment(key, 0, len(workbook)),),
                sha256=sha256(workbook).digest(),
                content_sha256=content_sha256(overview.content),
                template_version=OVERVIEW_TEMPLATE_VERSION,
            )
        )

    def _fresh_key(self, suffix: str) -> str:
        """A key never used before, so that a reader has the old bytes or the new, whole."""
        return f"documents/{self.administration_id}/{self.school_id}/{uuid4()}.{suffix}"

    def _counts(self, removed: int) -> dict[str, int]:
        kinds = [document.kind for document in self.documents]
        return {
            "fiches": kinds.count(FICHE),
            "overviews": kinds.count(OVERVIEW),
            "ficheBundles": kinds.count(FICHE_BUNDLE),
            "fichePrints": kinds.count(FICHE_PRINT),
            "removed": removed,
            "failures": len(self.failures),
        }


def build_school(session: Session, claim: Claim, storage: Storage, press: Press) -> Performed:
    """The item's subject is the school, the job's arguments name the administration."""
    administration_id = claim.arguments["administrationId"]
    build = SchoolBuild(press, storage, administration_id, claim.subject)
    return build.run(session, claim.job_id)
