"""The content of manifests."""

import json
from hashlib import sha256
from typing import Any

from shared.release_plans.manifest import AppliedDelivery, ManifestDraft, SchoolManifest

SCHOOL = "000028"
SECRET = b"a secret of the workers"


def content_of(epoch: int, digest: bytes, secret: bytes = SECRET) -> dict[str, Any]:
    delivery = AppliedDelivery("a correction", "correction", 2, sha256(b"level B").digest())
    draft = ManifestDraft({"epoch": epoch}, [delivery])
    draft.add_school(SchoolManifest(SCHOOL, {}, digest))
    return dict(json.loads(draft.content(secret)))


def hash_in(epoch: int, digest: bytes, secret: bytes = SECRET) -> str:
    return str(content_of(epoch, digest, secret)["schools"][SCHOOL]["sha256"])


def test_the_hash_of_a_school_shows_changes_within_an_epoch_only() -> None:
    one, other = bytes(32), bytes([1] * 32)
    assert hash_in(1, one) == hash_in(1, one)
    assert len({hash_in(1, one), hash_in(1, other), hash_in(2, one)}) == 3


def test_hashes_cannot_be_computed_from_a_guess_of_what_they_are_about() -> None:
    contents = [content_of(1, bytes(32), secret) for secret in (SECRET, SECRET, b"another secret")]
    of_school = {content["schools"][SCHOOL]["sha256"] for content in contents}
    of_delivery = {content["deliveries"][0]["sha256"] for content in contents}
    assert len(of_school) == len(of_delivery) == 2
    assert sha256(b"level B").hexdigest() not in of_delivery
