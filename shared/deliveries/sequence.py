"""Serialization of imports: one at a time per administration, in the order of its sequence."""

from sqlalchemy.orm import Session

from shared.core.locks import lock_until_commit
from shared.deliveries import repository
from shared.deliveries.delivery_format import MANIFEST
from shared.deliveries.faults import Fault, FaultLog, quotable
from shared.deliveries.manifest import Manifest


def lock_administration(session: Session, manifest: Manifest) -> None:
    """Wait for other imports of the same delivery or administration, until the commit."""
    lock_until_commit(session, f"delivery {manifest.delivery_id}")
    lock_until_commit(session, f"administration {manifest.administration_id}")


def is_already_applied(session: Session, manifest: Manifest, client: str, faults: FaultLog) -> bool:
    """Check for an applied delivery with the same id and content; other content is a fault.

    So is a correction of another client, whatever its content: otherwise an operator could guess
    what a colleague has corrected. Nobody guesses a full delivery.
    """
    applied = repository.find_applied(session, manifest.delivery_id)
    if applied is None:
        return False
    can_be_repeated = manifest.mode == "full" or applied.client == client
    if can_be_repeated and applied.content_sha256 == manifest.content_sha256:
        return True
    faults.add(
        Fault(
            "deliveryIdReused",
            "Another delivery with this id, or a correction of another client, has been applied.",
            "Give each delivery a unique id. A correction is repeated by the client that sent it.",
            MANIFEST,
            column="deliveryId",
            value=quotable(manifest.delivery_id),
        )
    )
    return False


def check_sequence(session: Session, manifest: Manifest, faults: FaultLog) -> None:
    """Add a fault if the sequence number is not the next one of the administration."""
    expected = repository.last_applied_sequence(session, manifest.administration_id) + 1
    if manifest.sequence != expected:
        faults.add(
            Fault(
                "sequenceNotNext",
                "The sequence number is not the next one of the administration.",
                _sequence_remedy(manifest.sequence, expected),
                MANIFEST,
                column="sequence",
                value=str(manifest.sequence),
            )
        )


def _sequence_remedy(sequence: int, expected: int) -> str:
    """Return what to do; an older delivery with a newer number would undo what came after it."""
    if sequence < expected:
        return (
            f"Deliveries up to number {expected - 1} were applied. If this one is newer than "
            f"these, give it the number {expected}; if it is older, do not submit it."
        )
    return (
        f"Submit the delivery with number {expected} first. If there is none, give this one that "
        "number."
    )
