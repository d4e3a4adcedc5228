"""The job `feedback.compute`: compute the school feedback of schools, and add what changed."""

from services.worker.execution import HandlerResult, ItemFailure
from shared.core.errors import Conflict
from shared.core.unit_of_work import UnitOfWork
from shared.jobs.claims import Claim
from shared.school_feedback.batches import Batch
from shared.school_feedback.computation import Policies, compute_schools
from shared.schools.repository import participating_between


def compute_feedback(unit: UnitOfWork, claim: Claim, policies: Policies) -> HandlerResult:
    """Compute the figures of the schools that the item's subject names.

    The job's arguments name the administration. An attempt that is interrupted leaves nothing. The
    outcome does not say whether figures changed: after a correction, that would tell an operator
    whether a level in it was the stored one.

    Raises:
        Conflict: when none of the schools takes part.
    """
    administration_id = claim.arguments["administrationId"]
    school_ids = participating_between(unit.session, administration_id, *Batch.of(claim.subject))
    if not school_ids:
        raise Conflict(
            "schoolNotTakingPart",
            "The school no longer takes part in the administration; start a new computation.",
        )
    computed = compute_schools(unit.session, administration_id, school_ids, policies)
    failures = [ItemFailure(*problem) for problem in computed.problems.items()]
    return HandlerResult({"components": sum(computed.outcome.values())}, failures)
