import json
import shutil
from hashlib import sha256
from pathlib import Path

from sqlalchemy.orm import Session

from shared.deliveries.service import import_delivery
from shared.documents.catalogues import CatalogueCache

SAMPLE = Path(__file__).parents[1] / "data" / "delivery-sample"
KEY = b"k" * 32


def copy_with_renamed_component(target: Path) -> Path:
    """Copy the sample as the next full delivery, with another name for one component."""
    copy = target / "second"
    shutil.copytree(SAMPLE, copy)
    components = (copy / "components.csv").read_bytes()
    changed = components.replace(b"Begrijpend lezen", b"Lezen")
    (copy / "components.csv").write_bytes(changed)
    manifest = json.loads((copy / "delivery.json").read_text())
    manifest["files"]["components.csv"]["sha256"] = sha256(changed).hexdigest()
    manifest |= {"deliveryId": "second", "sequence": 2}
    (copy / "delivery.json").write_text(json.dumps(manifest))
    return copy


def test_a_catalogue_is_cached_until_the_next_delivery(session: Session, tmp_path: Path) -> None:
    catalogues = CatalogueCache()
    import_delivery(session, SAMPLE, insz_key=KEY, received_from="tests")
    first = catalogues.current(session, "2024")
    assert catalogues.current(session, "2024") is first
    outcome = import_delivery(
        session, copy_with_renamed_component(tmp_path), insz_key=KEY, received_from="tests"
    )
    assert outcome.status == "applied", outcome.report
    second = catalogues.current(session, "2024")
    changes = zip(first.components, second.components, strict=True)
    assert {(old.name, new.name) for old, new in changes if old.name != new.name} == {
        ("Begrijpend lezen", "Lezen")
    }


def test_a_cached_catalogue_remains_usable_after_a_rollback(session: Session) -> None:
    catalogues = CatalogueCache()
    import_delivery(session, SAMPLE, insz_key=KEY, received_from="tests")
    first = catalogues.current(session, "2024")
    session.rollback()
    session.close()
    assert first.administration.id == "2024"
    assert all(component.name for component in first.components)
