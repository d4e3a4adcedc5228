"""The figures in the manifest of an opening of school feedback."""

from sqlalchemy.orm import Session

from shared.release_plans.manifest import Finding, FindingKind, ManifestDraft, SchoolManifest
from shared.release_plans.verification import ObservedOpening
from shared.school_feedback.verification import FeedbackState, feedback_states

OUTDATED = "feedbackOutdated"


def add_feedback(session: Session, opening: ObservedOpening, draft: ManifestDraft) -> None:
    """Add the figures of each school; it is a fault if they are not those of the present facts."""
    components, school_id = opening.component_ids, opening.school_id
    for state in feedback_states(session, opening.administration_id, components, school_id):
        draft.add_school(_school(state))


def _school(state: FeedbackState) -> SchoolManifest:
    fault = Finding(FindingKind.FAULT, OUTDATED, state.school_id)
    counts = {"students": state.students, "snapshots": state.snapshots}
    findings = () if state.is_current else (fault,)
    return SchoolManifest(state.school_id, counts, state.digest, findings)
