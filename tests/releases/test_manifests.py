"""The content of manifests."""

import json

from shared.release_plans.manifest import ManifestDraft, SchoolManifest

SCHOOL = "000028"


def hash_in(epoch: int, digest: bytes) -> str:
    draft = ManifestDraft({"epoch": epoch})
    draft.add_school(SchoolManifest(SCHOOL, {}, digest))
    return str(json.loads(draft.content())["schools"][SCHOOL]["sha256"])


def test_the_hash_of_a_school_shows_changes_within_an_epoch_only() -> None:
    one, other = bytes(32), bytes([1] * 32)
    assert hash_in(1, one) == hash_in(1, one)
    assert len({hash_in(1, one), hash_in(1, other), hash_in(2, one)}) == 3
