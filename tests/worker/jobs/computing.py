"""Compute the school feedback of a school as an item of a job does."""

from uuid import uuid4

from services.worker.execution import HandlerResult
from services.worker.jobs.feedback import compute_feedback
from shared.core.database import Sessions
from shared.core.unit_of_work import UnitOfWork
from shared.jobs.claims import Claim
from shared.jobs.rules import COMPUTE_FEEDBACK, Lane
from shared.school_feedback.computation import Policies
from tests.school_feedback.suppressing import KEY


def compute_school(sessions: Sessions, administration_id: str, subject: str) -> HandlerResult:
    """Compute the schools of an item with this subject."""
    arguments = {"administrationId": administration_id, "schoolId": None}
    of = (uuid4(), uuid4(), COMPUTE_FEEDBACK, Lane.BULK, subject, arguments)
    with UnitOfWork(sessions) as unit:
        return compute_feedback(unit, Claim(*of, 1, 1), Policies(KEY))
