"""The enums of kinds and products equal those of the database."""

import re

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from shared.access.products import MANDATE_PRODUCTS, Product
from shared.documents.kinds import DocumentKind


@pytest.mark.parametrize("kind", DocumentKind)
def test_rule_and_database_have_the_same_product_per_kind(
    session: Session, kind: DocumentKind
) -> None:
    assert session.scalar(select(func.product_of_document_kind(kind))) == kind.product


def test_an_unknown_kind_has_no_product(session: Session) -> None:
    assert session.scalar(select(func.product_of_document_kind("diploma"))) is None


@pytest.mark.parametrize(
    ("constraint", "values"),
    [
        ("ck_documents_kind_known", DocumentKind),
        ("ck_release_windows_product_known", Product),
        ("ck_mandates_products_known", MANDATE_PRODUCTS),
    ],
)
def test_table_and_enum_have_the_same_values(
    session: Session, constraint: str, values: tuple[str, ...]
) -> None:
    query = text("select pg_get_constraintdef(oid) from pg_constraint where conname = :name")
    definition = session.execute(query, {"name": constraint}).scalar_one()
    assert re.findall(r"'(\w+)'", definition) == list(values)
