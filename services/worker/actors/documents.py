"""Builds the documents of one school: bundles of fiches and the overview, then their rows."""

from dataclasses import dataclass, field
from hashlib import sha256
from io import BytesIO
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy.orm import Session

from services.worker.execution import Performed
from services.worker.rendering.bundle import BundleWriter, MemberNames
from services.worker.rendering.fiche import FICHE_TEMPLATE_VERSION, OverfullFicheError
from services.worker.rendering.fonts import UndrawableTextError
from services.worker.rendering.overview import OVERVIEW_TEMPLATE_VERSION
from services.worker.stamping.fiche import FicheStamper
from services.worker.stamping.workbook import OverviewStamper
from shared.core.errors import OWN, Problem
from shared.documents.assembly import ClassFiches, SchoolOverview, StudentFiche
from shared.documents.building import (
    FICHE,
    FICHE_BUNDLE,
    OVERVIEW,
    BuiltDocument,
    publish,
    school_content,
)
from shared.documents.content import content_sha256
from shared.jobs.claims import Claim
from shared.storage.store import Storage

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
    documents: list[BuiltDocument] = field(default_factory=list)
    failures: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def run(self, session: Session, job_id: UUID) -> Performed:
        content = school_content(session, self.administration_id, self.school_id)
        for class_group in content.class_groups:
            self._build_class_group(class_group)
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
        """Draws the fiches into one bundle, of which each is a byte range."""
        key, buffer, names = self._fresh_key("zip"), BytesIO(), MemberNames()
        bundle = BundleWriter(buffer)
        made: list[BuiltDocument] = []
        for fiche in class_group.fiches:
            drawn = self._draw(fiche)
            if drawn is None:
                continue
            name = names.fiche(fiche.content)
            member = bundle.add(name, drawn)
            made.append(
                BuiltDocument(
                    kind=FICHE,
                    class_group_id=class_group.class_group_id,
                    student_id=fiche.student_id,
                    component_ids=list(fiche.component_ids),
                    file_name=name,
                    media_type=PDF,
                    storage_key=key,
                    byte_offset=member.offset,
                    byte_size=member.size,
                    sha256=member.sha256,
                    content_sha256=content_sha256(fiche.content),
                    template_version=FICHE_TEMPLATE_VERSION,
                )
            )
        if not made:
            return
        size, digest = bundle.close()
        self.storage.put(key, buffer.getvalue())
        self.documents += [*made, self._bundle_document(class_group, made, key, size, digest)]

    def _bundle_document(
        self,
        class_group: ClassFiches,
        fiches: list[BuiltDocument],
        key: str,
        size: int,
        digest: bytes,
    ) -> BuiltDocument:
        return BuiltDocument(
            kind=FICHE_BUNDLE,
            class_group_id=class_group.class_group_id,
            student_id=None,
            component_ids=sorted({c for fiche in fiches for c in fiche.component_ids}),
            file_name=MemberNames().bundle(self.administration_id, class_group.name),
            media_type=ZIP,
            storage_key=key,
            byte_offset=0,
            byte_size=size,
            sha256=digest,
            content_sha256=sha256(b"".join(fiche.content_sha256 for fiche in fiches)).digest(),
            template_version=FICHE_TEMPLATE_VERSION,
        )

    def _draw(self, fiche: StudentFiche) -> bytes | None:
        """None when it cannot be drawn, which is kept as a failure of this one fiche."""
        try:
            return self.press.fiches.stamp(fiche.content).data
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
                file_name=MemberNames().overview(self.administration_id, self.school_id),
                media_type=XLSX,
                storage_key=key,
                byte_offset=0,
                byte_size=len(workbook),
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
            "removed": removed,
            "failures": len(self.failures),
        }


def build_school(session: Session, claim: Claim, storage: Storage, press: Press) -> Performed:
    """The item's subject is the school, the job's arguments name the administration."""
    administration_id = claim.arguments["administrationId"]
    build = SchoolBuild(press, storage, administration_id, claim.subject)
    return build.run(session, claim.job_id)
