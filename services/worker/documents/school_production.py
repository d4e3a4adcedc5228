"""Production of a school's documents: rendered and stored, unless they exist as planned."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from hashlib import sha256

from services.worker.documents.bundle import BundleEntries, JoinedBundle, read_bundle
from services.worker.documents.fiche import FicheLayout, FicheRenderer
from services.worker.documents.fiche_pages import OverfullFicheError
from services.worker.documents.overview import render_overview
from services.worker.documents.print_file import render_print_file
from services.worker.documents.school_plan import (
    ClassGroupPlan,
    ExistingDocuments,
    SchoolPlan,
    plan_class_group,
)
from services.worker.execution import ItemFailure
from services.worker.layout.fonts import UndrawableTextError
from shared.core.errors import DomainError
from shared.documents.assembly import SchoolOverview, StudentFiche
from shared.documents.building import BuiltDocument, ExistingDocument
from shared.documents.kinds import DocumentKind
from shared.documents.objects import new_object_key
from shared.storage.batches import WriteBatch
from shared.storage.store import Segment, Storage


@dataclass(frozen=True, slots=True)
class Renderers:
    """The renderers of a process, whose templates are shared by all schools."""

    fiches: FicheRenderer = field(default_factory=FicheRenderer)


@dataclass
class _SchoolBundle:
    """The bundles of class groups joined to one, of which only the directory is to be stored.

    Unchanged bundles are read from storage only if the school's bundle has to be produced.
    """

    storage: Storage
    batch: WriteBatch
    segments: list[Segment] = field(default_factory=list)
    unread: list[ExistingDocument] = field(default_factory=list)
    joined: JoinedBundle = field(default_factory=JoinedBundle)

    @property
    def is_empty(self) -> bool:
        return not self.segments and not self.unread

    def add(self, key: str, entries: BundleEntries) -> None:
        self._read_unchanged()
        self._join(key, entries)

    def finish(self, key: str) -> tuple[tuple[Segment, ...], bytes]:
        """Store the directory; return the segments and the SHA-256 of the whole."""
        self._read_unchanged()
        end = self.joined.finish()
        self.batch.put(key, end.data)
        return (*self.segments, Segment(key, 0, len(end.data))), end.sha256

    def _read_unchanged(self) -> None:
        for bundle in self.unread:
            data = b"".join(self.storage.stream_segments(bundle.segments))
            self._join(bundle.segments[0].key, read_bundle(data))
        self.unread.clear()

    def _join(self, key: str, entries: BundleEntries) -> None:
        self.joined.add(entries)
        self.segments.append(Segment(key, 0, entries.size))


class SchoolProduction:
    """The production of the documents of one school.

    Objects are stored as soon as they are rendered; `documents` and `failures` are the result.
    Documents that exist as planned are kept, one stored object at a time.
    """

    def __init__(
        self,
        plan: SchoolPlan,
        existing: ExistingDocuments,
        renderers: Renderers,
        storage: Storage,
    ) -> None:
        self.documents: list[BuiltDocument] = []
        self.failures: list[ItemFailure] = []
        self._plan = plan
        self._existing = existing
        self._renderers = renderers
        self._batch = storage.batch()
        self._school_bundle = _SchoolBundle(storage, self._batch)

    def run(self, require_held: Callable[[], None]) -> None:
        """Produce all documents, whose objects are durable when this returns.

        `require_held` raises once the job item is cancelled.
        """
        with self._batch:
            self._produce(require_held)

    def _produce(self, require_held: Callable[[], None]) -> None:
        for class_group in self._plan.class_groups:
            require_held()
            self._class_group(class_group)
        if not self._school_bundle.is_empty:
            self._bundle_of_school()
        if self._plan.overview is not None and self._plan.content.overview is not None:
            self._overview(self._plan.overview, self._plan.content.overview)

    def _class_group(self, plan: ClassGroupPlan) -> None:
        unchanged = self._existing.unchanged(plan.documents)
        if unchanged is None:
            self._produce_class_group(plan)
        else:
            self.documents += unchanged
            self._school_bundle.unread.append(unchanged[-1])

    def _produce_class_group(self, plan: ClassGroupPlan) -> None:
        """Render the fiches into one bundle, of which each is a byte range, and one print file."""
        key, entries = self._new_key("zip"), BundleEntries()
        fiches: list[BuiltDocument] = []
        layouts: list[FicheLayout] = []
        for fiche, planned in zip(plan.class_group.fiches, plan.fiches, strict=True):
            layout = self._lay_out(fiche)
            if layout is None:
                continue
            layouts.append(layout)
            pdf = self._renderers.fiches.to_file(layout)
            offset = entries.add(f"{plan.folder}/{planned.file_name}", pdf.data, pdf.crc32)
            segments = (Segment(key, offset, len(pdf.data)),)
            fiches.append(replace(planned, segments=segments, sha256=pdf.sha256))
        if not fiches:
            return
        administration = self._plan.content.administration_name
        produced = plan_class_group(administration, plan.class_group, plan.folder, tuple(fiches))
        print_file = render_print_file(self._renderers.fiches, layouts)
        self.documents += [
            *fiches,
            self._store(produced.bundle, key, entries.to_bytes()),
            self._store(produced.print_file, self._new_key("pdf"), print_file),
        ]
        self._school_bundle.add(key, entries)

    def _lay_out(self, fiche: StudentFiche) -> FicheLayout | None:
        """Return None for a fiche that cannot be rendered, and record its failure."""
        try:
            return self._renderers.fiches.lay_out(fiche.content, fiche.possible_sections)
        except UndrawableTextError as error:
            problem = DomainError("undrawableText", str(error))
        except OverfullFicheError as error:
            problem = DomainError("overfullFiche", str(error))
        self.failures.append(ItemFailure(str(fiche.student_id), problem.as_json()))
        return None

    def _bundle_of_school(self) -> None:
        fiches = [document for document in self.documents if document.kind == DocumentKind.FICHE]
        planned = self._plan.school_bundle(fiches)
        if not self._school_bundle.segments and self._keep_unchanged(planned):
            return
        segments, digest = self._school_bundle.finish(self._new_key("zip"))
        self.documents.append(replace(planned, segments=segments, sha256=digest))

    def _overview(self, planned: BuiltDocument, overview: SchoolOverview) -> None:
        if not self._keep_unchanged(planned):
            workbook = render_overview(overview.content)
            self.documents.append(self._store(planned, self._new_key("xlsx"), workbook))

    def _keep_unchanged(self, planned: BuiltDocument) -> bool:
        unchanged = self._existing.unchanged([planned])
        self.documents += unchanged or []
        return unchanged is not None

    def _store(self, document: BuiltDocument, key: str, data: bytes) -> BuiltDocument:
        self._batch.put(key, data)
        whole = (Segment(key, 0, len(data)),)
        return replace(document, segments=whole, sha256=sha256(data).digest())

    def _new_key(self, suffix: str) -> str:
        content = self._plan.content
        return new_object_key(content.administration_id, content.school_id, suffix)
