"""Reading guides to read: small ones, as a worker publishes them."""

from hashlib import sha256

from sqlalchemy.orm import Session

from shared.documents.reading_guides.service import (
    BuiltGuide,
    guides_key,
    publish_guides,
    store_guides,
)
from shared.storage.store import Storage

GUIDES = {
    language: f"%PDF-1.7 how to read a fiche, in {language}".encode()
    for language in ("de", "en", "fr", "nl", "pl", "ro", "tr", "uk")
}
"""The bytes by language."""

GUIDES_OBJECT = b"".join(GUIDES.values())
GUIDES_KEY = guides_key(sha256(GUIDES_OBJECT).hexdigest())


def seed_guides(session: Session, storage: Storage) -> None:
    store_guides(storage, GUIDES_KEY, GUIDES_OBJECT)
    guides = [
        BuiltGuide(
            language=language,
            name=f"Taal {language}",
            file_name=f"Leeswijzer \N{EN DASH} {language}.pdf",
            storage_key=GUIDES_KEY,
            byte_offset=GUIDES_OBJECT.index(content),
            byte_size=len(content),
            sha256=sha256(content).digest(),
            template_version="guide-1",
        )
        for language, content in GUIDES.items()
    ]
    publish_guides(session, guides)
