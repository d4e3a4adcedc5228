"""Generated deliveries have real cases of suppression, and references and corrections that fit."""

from collections import Counter
from pathlib import Path

from shared.school_feedback.figures import ReferenceKind
from synthetic.generate import DeliveryPlan, generate_correction, generate_delivery
from tests.deliveries.delivery_files import run_import
from tests.school_feedback.conftest import Computed

PLAN = DeliveryPlan(schools=40, seed=7, with_items=False, small_classes=True, with_references=True)


def imported(computed: Computed, directory: Path) -> None:
    outcome = run_import(computed.session, directory)
    assert outcome.status == "applied", outcome.report
    computed.session.expire_all()


def test_generated_deliveries_have_hidden_rows_of_every_kind(
    computed: Computed, tmp_path: Path
) -> None:
    generate_delivery(PLAN, tmp_path / "full")
    imported(computed, tmp_path / "full")
    computed.compute()
    tables = Counter[str]()
    for figures in computed.figures().values():
        hidden = [row for row in figures.class_rows if row.is_hidden]
        if figures.school_row.is_hidden:
            tables["hidden"] += 1
        elif hidden:
            tables["in part"] += len(hidden) < len(figures.class_rows)
            tables["all rows"] += len(hidden) == len(figures.class_rows)
        else:
            tables["visible"] += 1
        kinds = {reference.kind for reference in figures.references}
        assert kinds == {ReferenceKind.DELIVERED}
    assert all(tables[kind] for kind in ("hidden", "in part", "all rows", "visible")), tables


def test_generated_corrections_apply_and_few_of_them_are_included(
    computed: Computed, tmp_path: Path
) -> None:
    generate_delivery(PLAN, tmp_path / "full")
    imported(computed, tmp_path / "full")
    computed.compute()
    computed.open()
    reasons = Counter[str]()
    for sequence in (2, 3):
        plan = DeliveryPlan(schools=40, seed=7, small_classes=True, sequence=sequence)
        rows = generate_correction(plan, tmp_path / str(sequence))
        assert list(rows) == ["results.csv"]
        assert rows["results.csv"] > 0
        imported(computed, tmp_path / str(sequence))
        computed.compute()
        reasons.update(figures.reason for figures in computed.figures().values())
    assert reasons["correctionsLeftOut"] > 0
