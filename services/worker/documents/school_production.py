"""Production of a school's documents: rendered and stored, unless they exist as planned."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from types import MappingProxyType
from typing import Final
from uuid import UUID

from services.worker.documents.bundle import BundleEntries, JoinedBundle, read_bundle
from services.worker.documents.feedback_plan import FeedbackPlan
from services.worker.documents.feedback_report import render_feedback_report
from services.worker.documents.feedback_workbook import render_feedback_workbook
from services.worker.documents.fiche import FicheLayout, FicheRenderer
from services.worker.documents.fiche_pages import OverfullFicheError
from services.worker.documents.file_names import FileNames
from services.worker.documents.hand_out_list import HandOutListLayout, HandOutListRenderer
from services.worker.documents.overview import render_overview
from services.worker.documents.print_file import PrintedClassGroup, render_print_file
from services.worker.documents.reading_guides import BundledGuides, bundled_guides
from services.worker.documents.school_plan import (
    ClassGroupPlan,
    ExistingDocuments,
    SchoolPlan,
)
from services.worker.execution import ItemFailure
from services.worker.layout.fonts import UndrawableTextError
from shared.core.errors import DomainError
from shared.documents.assembly import ClassGroupFiches, SchoolOverview, StudentWithoutFiche
from shared.documents.building import BuiltDocument, ExistingDocument
from shared.documents.hand_out_lists.content import MissingReason
from shared.documents.kinds import DocumentKind
from shared.documents.objects import new_object_key
from shared.storage.batches import WriteBatch
from shared.storage.store import Segment, Storage

REASONS: Final = MappingProxyType(
    {
        UndrawableTextError: MissingReason.UNDRAWABLE_TEXT,
        OverfullFicheError: MissingReason.OVERFULL_FICHE,
    }
)
"""By error, the reason for which a fiche could not be rendered; its value is the problem's code."""


@dataclass(frozen=True, slots=True)
class Renderers:
    """The renderers of a process, whose templates are shared by all schools."""

    fiches: FicheRenderer = field(default_factory=FicheRenderer)
    hand_out_lists: HandOutListRenderer = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "hand_out_lists", HandOutListRenderer(self.fiches))


@dataclass
class _SchoolBundle:
    """The bundles of class groups joined to one, of which only the directory is to be stored.

    Unchanged bundles are read from storage only if the school's bundle has to be produced.
    """

    storage: Storage
    batch: WriteBatch
    guides: BundledGuides
    joined: JoinedBundle
    segments: list[Segment] = field(default_factory=list)
    unread: list[ExistingDocument] = field(default_factory=list)

    def add(self, key: str, entries: BundleEntries, bundle: JoinedBundle) -> None:
        """Add the entries of a class group; its `bundle` has the guides and these entries."""
        self._read_unchanged()
        if self.segments:
            self.joined.add(entries)
        else:  # they are hashed already
            self.joined = bundle
        self.segments.append(Segment(key, 0, entries.size))

    def finish(self, key: str) -> tuple[tuple[Segment, ...], bytes]:
        """Store the directory; return the segments and the SHA-256 of the whole."""
        self._read_unchanged()
        end = self.joined.end()
        self.batch.put(key, end.data)
        whole = (self.guides.segment, *self.segments, Segment(key, 0, len(end.data)))
        return whole, end.sha256

    def _read_unchanged(self) -> None:
        for bundle in self.unread:
            *guides, own = bundle.segments
            data = b"".join(self.storage.stream_segments([own]))
            entries = read_bundle(data, sum(one.size for one in guides))
            self.joined.add(entries)
            self.segments.append(Segment(own.key, 0, entries.size))
        self.unread.clear()


class SchoolProduction:
    """The production of the documents of one school.

    Objects are stored as soon as they are rendered; `documents`, `missing` and `failures` are the
    result. Documents that exist as planned are kept, one stored object at a time.
    """

    def __init__(
        self,
        plan: SchoolPlan,
        existing: ExistingDocuments,
        renderers: Renderers,
        storage: Storage,
    ) -> None:
        self.documents: list[BuiltDocument] = []
        self.missing: list[StudentWithoutFiche] = []
        self.failures: list[ItemFailure] = []
        self._plan = plan
        self._existing = existing
        self._renderers = renderers
        self._batch = storage.batch()
        self._guides = bundled_guides()
        self._school_bundle = _SchoolBundle(
            storage, self._batch, self._guides, self._guides.begin_bundle()
        )
        self._printed: dict[UUID, PrintedClassGroup] = {}

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
        if self._plan.class_groups:
            require_held()
            self._bundle_of_school()
            self._print_file_of_school()
        if self._plan.overview is not None and self._plan.content.overview is not None:
            self._overview(self._plan.overview, self._plan.content.overview)
        for feedback in self._plan.feedback:
            require_held()
            self._feedback(feedback)

    def _class_group(self, plan: ClassGroupPlan) -> None:
        self.missing += plan.class_group.missing
        unchanged = self._existing.unchanged(plan.documents)
        if unchanged is None:
            self._produce_class_group(plan)
        else:
            self.documents += unchanged
            self._school_bundle.unread.append(unchanged[-1])

    def _produce_class_group(self, plan: ClassGroupPlan) -> None:
        """Render the fiches into one bundle, of which each is a byte range, and one print file."""
        key, entries = self._new_key("zip"), BundleEntries()
        layouts, failed = self._lay_out(plan.class_group)
        plan = plan.without_fiches(failed) if failed else plan
        hand_out_list = self._renderers.hand_out_lists.lay_out(plan.hand_out_list)
        self._add_hand_out_list(plan, hand_out_list, entries)
        for layout, planned in zip(layouts, plan.fiches, strict=True):
            pdf = self._renderers.fiches.to_file(layout)
            offset = entries.add(f"{plan.folder}/{planned.file_name}", pdf.data, pdf.crc32)
            segments = (Segment(key, offset, len(pdf.data)),)
            self.documents.append(self._fiche(planned, segments, pdf.sha256))
        printed = PrintedClassGroup(hand_out_list, layouts)
        self._printed[plan.class_group.class_group_id] = printed
        print_file = self._render_print_file([printed], plan.class_group.name)
        self.documents += [
            self._store_bundle(plan.bundle, key, entries),
            self._store(plan.print_file, self._new_key("pdf"), print_file),
        ]

    def _fiche(
        self, planned: BuiltDocument, segments: tuple[Segment, ...], digest: bytes
    ) -> BuiltDocument:
        """Return the fiche; one that exists with these bytes is only moved with its bundle."""
        existing = self._existing.find(planned)
        if existing is not None and existing.sha256 == digest:
            return existing.moved_to(segments)
        return replace(planned, segments=segments, sha256=digest)

    def _add_hand_out_list(
        self, plan: ClassGroupPlan, layout: HandOutListLayout, entries: BundleEntries
    ) -> None:
        administration = self._plan.content.administration_name
        name = FileNames().hand_out_list(administration, plan.class_group.name)
        pdf = self._renderers.hand_out_lists.to_file(layout)
        entries.add(f"{plan.folder}/{name}", pdf.data, pdf.crc32)

    def _lay_out(
        self, class_group: ClassGroupFiches
    ) -> tuple[list[FicheLayout], dict[UUID, MissingReason]]:
        """Return the fiches that can be rendered, and why others cannot; record these."""
        layouts: list[FicheLayout] = []
        failed: dict[UUID, MissingReason] = {}
        for fiche in class_group.fiches:
            try:
                layout = self._renderers.fiches.lay_out(fiche.content, fiche.possible_sections)
            except (UndrawableTextError, OverfullFicheError) as error:
                reason = REASONS[type(error)]
                failed[fiche.student_id] = reason
                problem = DomainError(reason, str(error)).as_json()
                self.failures.append(ItemFailure(str(fiche.student_id), problem))
                self.missing.append(
                    StudentWithoutFiche(fiche.student_id, fiche.component_ids, reason)
                )
            else:
                layouts.append(layout)
        return layouts, failed

    def _of_class_groups(self, kind: DocumentKind) -> list[BuiltDocument]:
        return [document for document in self.documents if document.kind == kind]

    def _bundle_of_school(self) -> None:
        planned = self._plan.school_bundle(self._of_class_groups(DocumentKind.FICHE_BUNDLE))
        if not self._school_bundle.segments and self._keep_unchanged(planned):
            return
        segments, digest = self._school_bundle.finish(self._new_key("zip"))
        self.documents.append(replace(planned, segments=segments, sha256=digest))

    def _print_file_of_school(self) -> None:
        """Render the class groups into one print file; a single one already has it."""
        print_files = self._of_class_groups(DocumentKind.FICHE_PRINT)
        planned = self._plan.school_print_file(print_files)
        if not self._printed and self._keep_unchanged(planned):
            return
        if len(print_files) == 1:
            (only,) = print_files
            self.documents.append(replace(planned, segments=only.segments, sha256=only.sha256))
            return
        printed = [self._printed_class_group(plan) for plan in self._plan.class_groups]
        data = self._render_print_file(printed, self._plan.content.school_id)
        self.documents.append(self._store(planned, self._new_key("pdf"), data))

    def _printed_class_group(self, plan: ClassGroupPlan) -> PrintedClassGroup:
        """Return the layouts of a class group; those of an unchanged one are made again."""
        printed = self._printed.get(plan.class_group.class_group_id)
        if printed is not None:
            return printed
        fiches, hand_out_lists = self._renderers.fiches, self._renderers.hand_out_lists
        layouts = [fiches.lay_out(one.content) for one in plan.class_group.fiches]
        return PrintedClassGroup(hand_out_lists.lay_out(plan.hand_out_list), layouts)

    def _render_print_file(self, printed: Sequence[PrintedClassGroup], about: str) -> bytes:
        subject = f"{about}, {self._plan.content.administration_name}"
        return render_print_file(self._renderers.fiches, printed, subject)

    def _overview(self, planned: BuiltDocument, overview: SchoolOverview) -> None:
        if not self._keep_unchanged(planned):
            workbook = render_overview(overview.content)
            self.documents.append(self._store(planned, self._new_key("xlsx"), workbook))

    def _feedback(self, plan: FeedbackPlan) -> None:
        """Render the report and the workbook of an opening."""
        content = plan.feedback.content
        if not self._keep_unchanged(plan.report):
            report = render_feedback_report(self._renderers.fiches, content)
            self.documents.append(self._store(plan.report, self._new_key("pdf"), report.data))
        if not self._keep_unchanged(plan.workbook):
            workbook = render_feedback_workbook(content)
            self.documents.append(self._store(plan.workbook, self._new_key("xlsx"), workbook))

    def _keep_unchanged(self, planned: BuiltDocument) -> bool:
        unchanged = self._existing.unchanged([planned])
        self.documents += unchanged or []
        return unchanged is not None

    def _store(self, document: BuiltDocument, key: str, data: bytes) -> BuiltDocument:
        self._batch.put(key, data)
        whole = (Segment(key, 0, len(data)),)
        return replace(document, segments=whole, sha256=sha256(data).digest())

    def _store_bundle(
        self, document: BuiltDocument, key: str, entries: BundleEntries
    ) -> BuiltDocument:
        """Store the bundle of a class group without the guides before it; add it to the school's.

        The directory is that of a bundle with the guides.
        """
        bundle = self._guides.begin_bundle()
        bundle.add(entries)
        end = bundle.end()
        self._batch.put(key, b"".join((*entries.pieces, end.data)))
        self._school_bundle.add(key, entries, bundle)
        segments = (self._guides.segment, Segment(key, 0, entries.size + len(end.data)))
        return replace(document, segments=segments, sha256=end.sha256)

    def _new_key(self, suffix: str) -> str:
        content = self._plan.content
        return new_object_key(content.administration_id, content.school_id, suffix)
