"""Operations on declarations of a school about its regulations."""

from typing import Annotated

from fastapi import Query, Response

from services.api.dependencies import LinksDep, UnitDep
from services.api.operations.idempotency import IdempotencyDep
from services.api.operations.operation import operations
from services.api.operations.pagination import PageDep
from services.api.operations.parameters import DeclarationPath
from services.api.operations.problem_responses import problems
from services.api.operations.response_headers import headers
from services.api.schemas.declarations import (
    SCHOOL_YEAR,
    Declaration,
    DeclarationPage,
    NewDeclaration,
)
from services.api.security.permissions import DeclarationsReader, DeclarationsWriter
from shared.hand_overs.declarations import service

router = operations("declarations")


@router.get("/declarations")
def list_declarations(
    access: DeclarationsReader,
    unit: UnitDep,
    page: PageDep,
    links: LinksDep,
    school_year: Annotated[
        str | None,
        Query(
            alias="schoolYear",
            pattern=SCHOOL_YEAR,
            description="Only declarations about this school year.",
        ),
    ] = None,
) -> DeclarationPage:
    """List the declarations of the caller's own school, latest school year first."""
    found = service.list_declarations(unit.session, access, school_year, page.selection)
    items = [Declaration.of(row, links) for row in found.rows]
    return DeclarationPage(items=items, **page.metadata(found))


@router.get("/declarations/{declarationId}")
def get_declaration(
    declaration_id: DeclarationPath, access: DeclarationsReader, unit: UnitDep, links: LinksDep
) -> Declaration:
    """Return one declaration."""
    return Declaration.of(service.read_declaration(unit, access, declaration_id), links)


@router.post(
    "/declarations",
    status_code=201,
    responses={201: {"headers": headers("Location")}, **problems("declarationExists")},
)
def create_declaration(
    declaration: NewDeclaration,
    access: DeclarationsWriter,
    unit: UnitDep,
    _idempotency: IdempotencyDep,
    links: LinksDep,
    response: Response,
) -> Declaration:
    """Declare that the school regulations arrange the use of results in class councils.

    The declaration is about one school year. It is recorded, and no condition of reading results.
    """
    row = service.declare(unit, access, declaration.school_year, declaration.declared_on)
    created = Declaration.of(row, links)
    response.headers["Location"] = created.href
    return created


@router.post("/declarations/{declarationId}/withdraw")
def withdraw_declaration(
    declaration_id: DeclarationPath, access: DeclarationsWriter, unit: UnitDep, links: LinksDep
) -> Declaration:
    """Withdraw a declaration, which stays in the list; the school can then make another one."""
    return Declaration.of(service.withdraw_declaration(unit, access, declaration_id), links)
