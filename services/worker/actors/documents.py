"""Builds the documents of one school: fiches in bundles and the overview, then their rows."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

from sqlalchemy.orm import Session

from services.worker.execution import Performed
from services.worker.rendering.bundle import Entries, FileNames, JoinedBundle, opened
from services.worker.rendering.fiche import FICHE_TEMPLATE_VERSION, OverfullFicheError
from services.worker.rendering.fonts import UndrawableTextError
from services.worker.rendering.overview import OVERVIEW_TEMPLATE_VERSION
from services.worker.stamping.fiche import FicheStamper, LaidOut
from services.worker.stamping.print import print_file
from services.worker.stamping.workbook import OverviewStamper
from shared.core.errors import DomainError
from shared.documents.assembly import ClassFiches, SchoolContent, SchoolOverview, StudentFiche
from shared.documents.building import (
    BuiltDocument,
    ExistingDocument,
    Identity,
    existing_documents,
    publish,
    school_content,
)
from shared.documents.catalogues import Catalogues
from shared.documents.fingerprints import content_sha256
from shared.documents.kinds import DocumentKind
from shared.documents.objects import fresh_key
from shared.jobs.claims import Claim
from shared.storage.store import Segment, Storage

PDF = "application/pdf"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
ZIP = "application/zip"


@dataclass(frozen=True, slots=True)
class Press:
    """What turns facts into bytes; what schools have in common is kept for the next one."""

    catalogues: Catalogues = field(default_factory=Catalogues)
    fiches: FicheStamper = field(default_factory=FicheStamper)
    overviews: OverviewStamper = field(default_factory=OverviewStamper)


@dataclass
class SchoolBuild:
    """One school on its way: objects are stored at once, rows are gathered for the end.

    What `standing` documents of earlier builds say already is left alone, a whole stored object at
    a time.
    """

    claim: Claim
    press: Press
    storage: Storage
    content: SchoolContent
    standing: dict[Identity, ExistingDocument]
    folders: FileNames = field(default_factory=FileNames)
    joined: JoinedBundle = field(default_factory=JoinedBundle)
    segments: list[Segment] = field(default_factory=list)
    waiting: list[ExistingDocument] = field(default_factory=list)
    documents: list[BuiltDocument] = field(default_factory=list)
    failures: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def run(self) -> None:
        for class_group in self.content.class_groups:
            self.claim.require_held()
            self._build_class_group(class_group)
        if self.segments or self.waiting:
            self._build_school_bundle()
        if self.content.overview is not None:
            self._build_overview(self.content.overview)

    def _build_class_group(self, class_group: ClassFiches) -> None:
        """Stamps the fiches into one bundle, of which each is a byte range, and one print file."""
        folder, names = self.folders.folder(class_group.name), FileNames()
        wanted = [_wanted(class_group, fiche, names) for fiche in class_group.fiches]
        bundle = self._bundle(wanted, class_group, folder)
        left_alone = self._left_alone([*wanted, self._print_file(bundle, class_group), bundle])
        if left_alone is not None:
            self.waiting.append(left_alone[-1])
            return
        key, entries = self._fresh_key("zip"), Entries()
        made: list[BuiltDocument] = []
        drawn: list[LaidOut] = []
        for fiche, document in zip(class_group.fiches, wanted, strict=True):
            laid_out = self._lay_out(fiche)
            if laid_out is None:
                continue
            drawn.append(laid_out)
            stamped = self.press.fiches.closed(laid_out)
            offset = entries.add(f"{folder}/{document.file_name}", stamped.data, stamped.crc32)
            place = (Segment(key, offset, len(stamped.data)),)
            made.append(replace(document, segments=place, sha256=stamped.sha256))
        if made:
            bundle = self._bundle(made, class_group, folder)
            printed = print_file(self.press.fiches, drawn)
            self.documents += [
                *made,
                self._stored(bundle, key, entries.closed()),
                self._stored(
                    self._print_file(bundle, class_group), self._fresh_key("pdf"), printed
                ),
            ]
            self._join_waiting()
            self._join(key, entries)

    def _build_school_bundle(self) -> None:
        """All bundles as one, of which only the directory is not stored yet."""
        fiches = [document for document in self.documents if document.kind == DocumentKind.FICHE]
        bundle = self._bundle(fiches, None, "")
        if not self.segments and self._left_alone([bundle]) is not None:
            return
        self._join_waiting()
        key = self._fresh_key("zip")
        end, digest = self.joined.closed()
        self.storage.put(key, end)
        segments = (*self.segments, Segment(key, 0, len(end)))
        self.documents.append(replace(bundle, segments=segments, sha256=digest))

    def _join_waiting(self) -> None:
        """Bundles left alone are read again only once the school's bundle has to be made."""
        for bundle in self.waiting:
            whole = b"".join(self.storage.stream_segments(bundle.segments))
            self._join(bundle.segments[0].key, opened(whole))
        self.waiting.clear()

    def _join(self, key: str, entries: Entries) -> None:
        self.joined.add(entries)
        self.segments.append(Segment(key, 0, entries.size))

    def _left_alone(self, wanted: Sequence[BuiltDocument]) -> list[ExistingDocument] | None:
        """The documents that stand as they are wanted, if all of them do."""
        found = [self.standing.get(document.identity) for document in wanted]
        left = [
            standing
            for standing, document in zip(found, wanted, strict=True)
            if standing is not None and standing.matches(document)
        ]
        if len(left) < len(wanted):
            return None
        self.documents += left
        return left

    def _bundle(
        self, fiches: Sequence[BuiltDocument], class_group: ClassFiches | None, folder: str
    ) -> BuiltDocument:
        of_what = class_group.name if class_group else self.content.school_id
        said = b"".join(fiche.content_sha256 for fiche in fiches)
        return BuiltDocument(
            kind=DocumentKind.FICHE_BUNDLE,
            class_group_id=class_group.class_group_id if class_group else None,
            student_id=None,
            component_ids=sorted({c for fiche in fiches for c in fiche.component_ids}),
            file_name=FileNames().bundle(self.content.administration_id, of_what),
            media_type=ZIP,
            content_sha256=sha256(folder.encode() + b"\0" + said).digest(),
            template_version=FICHE_TEMPLATE_VERSION,
        )

    def _print_file(self, bundle: BuiltDocument, class_group: ClassFiches) -> BuiltDocument:
        """Of the same fiches as the bundle."""
        name = FileNames().print_file(self.content.administration_id, class_group.name)
        return replace(bundle, kind=DocumentKind.FICHE_PRINT, file_name=name, media_type=PDF)

    def _lay_out(self, fiche: StudentFiche) -> LaidOut | None:
        """None when it cannot be drawn, which is kept as a failure of this one fiche."""
        try:
            return self.press.fiches.lay_out(fiche.content)
        except UndrawableTextError as error:
            failure = DomainError("undrawableText", str(error))
        except OverfullFicheError as error:
            failure = DomainError("overfullFiche", str(error))
        self.failures.append((str(fiche.student_id), failure.as_json()))
        return None

    def _build_overview(self, overview: SchoolOverview) -> None:
        administration_id, school_id = self.content.administration_id, self.content.school_id
        wanted = BuiltDocument(
            kind=DocumentKind.OVERVIEW,
            class_group_id=None,
            student_id=None,
            component_ids=sorted(overview.component_ids),
            file_name=FileNames().overview(administration_id, school_id),
            media_type=XLSX,
            content_sha256=content_sha256(overview.content),
            template_version=OVERVIEW_TEMPLATE_VERSION,
        )
        if self._left_alone([wanted]) is None:
            workbook = self.press.overviews.stamp(overview.content)
            self.documents.append(self._stored(wanted, self._fresh_key("xlsx"), workbook))

    def _stored(self, document: BuiltDocument, key: str, data: bytes) -> BuiltDocument:
        self.storage.put(key, data)
        whole = (Segment(key, 0, len(data)),)
        return replace(document, segments=whole, sha256=sha256(data).digest())

    def _fresh_key(self, suffix: str) -> str:
        return fresh_key(self.content.administration_id, self.content.school_id, suffix)

    def counts(self) -> dict[str, int]:
        """What was made, by kind, and how many documents were left alone."""
        made = [d.kind for d in self.documents if not isinstance(d, ExistingDocument)]
        return {
            "fiches": made.count(DocumentKind.FICHE),
            "overviews": made.count(DocumentKind.OVERVIEW),
            "ficheBundles": made.count(DocumentKind.FICHE_BUNDLE),
            "fichePrints": made.count(DocumentKind.FICHE_PRINT),
            "unchanged": len(self.documents) - len(made),
            "failures": len(self.failures),
        }


def _wanted(class_group: ClassFiches, fiche: StudentFiche, names: FileNames) -> BuiltDocument:
    return BuiltDocument(
        kind=DocumentKind.FICHE,
        class_group_id=class_group.class_group_id,
        student_id=fiche.student_id,
        component_ids=list(fiche.component_ids),
        file_name=names.fiche(fiche.content),
        media_type=PDF,
        content_sha256=content_sha256(fiche.content),
        template_version=FICHE_TEMPLATE_VERSION,
    )


def build_school(session: Session, claim: Claim, storage: Storage, press: Press) -> Performed:
    """The item's subject is the school, the job's arguments name the administration."""
    school = claim.arguments["administrationId"], claim.subject
    content = school_content(session, press.catalogues, *school)
    standing: list[ExistingDocument] = []
    if not claim.arguments.get("force", False):
        standing = existing_documents(session, *school)
    build = SchoolBuild(claim, press, storage, content, {d.identity: d for d in standing})
    build.run()
    removed = publish(session, claim.job_id, content, build.documents)
    return Performed(build.counts() | {"removed": removed}, build.failures)
