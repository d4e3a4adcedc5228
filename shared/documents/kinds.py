"""Kinds of documents, and the product that each belongs to."""

from enum import StrEnum

from shared.access.products import Product


class DocumentKind(StrEnum):
    FICHE = "fiche"
    OVERVIEW = "overview"
    FICHE_BUNDLE = "ficheBundle"
    FICHE_PRINT = "fichePrint"
    SCHOOL_FEEDBACK_REPORT = "schoolFeedbackReport"
    SCHOOL_FEEDBACK_WORKBOOK = "schoolFeedbackWorkbook"

    def __repr__(self) -> str:
        """Return the value in quotes, as validation errors show it."""
        return repr(self.value)

    @property
    def product(self) -> Product:
        """The product whose release windows and mandates decide about the document."""
        return _PRODUCTS[self]


_PRODUCTS = {
    DocumentKind.FICHE: Product.STUDENT_FEEDBACK,
    DocumentKind.OVERVIEW: Product.STUDENT_FEEDBACK,
    DocumentKind.FICHE_BUNDLE: Product.STUDENT_FEEDBACK,
    DocumentKind.FICHE_PRINT: Product.STUDENT_FEEDBACK,
    DocumentKind.SCHOOL_FEEDBACK_REPORT: Product.SCHOOL_FEEDBACK,
    DocumentKind.SCHOOL_FEEDBACK_WORKBOOK: Product.SCHOOL_FEEDBACK,
}
"""`product_of_document_kind` in the database returns the same."""
