"""Plan of the documents of school feedback: a report and a workbook per opening; pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from services.worker.documents.feedback_report import FEEDBACK_REPORT_VERSION
from services.worker.documents.feedback_workbook import FEEDBACK_WORKBOOK_VERSION
from services.worker.documents.file_names import FileNames
from services.worker.documents.media_types import PDF, XLSX
from shared.documents.assembly import SchoolContent
from shared.documents.building import BuiltDocument
from shared.documents.fingerprints import content_sha256
from shared.documents.kinds import DocumentKind
from shared.documents.school_feedback.assembly import OpeningFeedback


@dataclass(frozen=True, slots=True)
class FeedbackPlan:
    """The documents of the components that open together."""

    feedback: OpeningFeedback
    report: BuiltDocument
    workbook: BuiltDocument

    @property
    def documents(self) -> tuple[BuiltDocument, BuiltDocument]:
        return self.report, self.workbook


def plan_feedback(content: SchoolContent) -> Iterator[FeedbackPlan]:
    """Yield the plan of each opening; the names of files are unique in the school."""
    names = FileNames()
    about = content.administration_name, content.school_id
    for feedback in content.feedback:
        yield FeedbackPlan(
            feedback,
            report=_document(
                feedback,
                DocumentKind.SCHOOL_FEEDBACK_REPORT,
                names.feedback_report(*about),
                PDF,
                FEEDBACK_REPORT_VERSION,
            ),
            workbook=_document(
                feedback,
                DocumentKind.SCHOOL_FEEDBACK_WORKBOOK,
                names.feedback_workbook(*about),
                XLSX,
                FEEDBACK_WORKBOOK_VERSION,
            ),
        )


def _document(
    feedback: OpeningFeedback, kind: DocumentKind, file_name: str, media_type: str, version: str
) -> BuiltDocument:
    return BuiltDocument(
        kind=kind,
        class_group_id=None,
        student_id=None,
        first_component_id=feedback.first_component_id,
        component_ids=list(feedback.component_ids),
        file_name=file_name,
        media_type=media_type,
        content_sha256=content_sha256(feedback.content),
        template_version=version,
    )
