"""The operation of a caller on itself."""

from services.api.dependencies import UnitDep
from services.api.operations.operation import operations
from services.api.schemas.me import Me
from services.api.security.permissions import AnyCaller

router = operations("me")


@router.get("/me")
def get_me(
    access: AnyCaller,
    unit: UnitDep,  # noqa: ARG001  # commits the use of the proof
) -> Me:
    """Return the caller, and the scopes that it has at this moment."""
    return Me.of(access.caller)
