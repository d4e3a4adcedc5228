"""Contents of confirmations of test viewing: usual ones, long ones, and names no font can draw."""

from dataclasses import replace
from datetime import datetime

from shared.core.clock import BRUSSELS
from shared.viewings.confirmations import ConfirmationContent

CODE = "7ZK3MQ04XD"
USUAL = ConfirmationContent(
    student_name="Žofie Peeters",
    school_name="De Berk",
    administration_name="Vlaamse toetsen 2024",
    location_name="Belpairegebouw",
    address="Simon Bolivarlaan 17, 1000 Brussel",
    starts_at=datetime(2024, 6, 27, 9, 0, tzinfo=BRUSSELS),
    ends_at=datetime(2024, 6, 27, 10, 30, tzinfo=BRUSSELS),
    companions=1,
    code=CODE,
)
CONFIRMATIONS = {
    "usual": USUAL,
    "long texts": replace(
        USUAL,
        student_name="Maximiliaan-Alexander " * 8,
        school_name="Gemeentelijke basisschool " * 7,
        address="Een heel lange straatnaam met een nummer " * 7,
        companions=9,
    ),
    "undrawable": replace(USUAL, student_name="\U0001f600 中", school_name="ไทย"),
    "without a name": replace(USUAL, student_name="", companions=0),
}
