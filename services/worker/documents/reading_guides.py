"""All reading guides as the first entries of each bundle: one stored object, rendered once."""

from dataclasses import dataclass
from functools import cache
from hashlib import sha256

from services.worker.documents.bundle import BundleEntries, JoinedBundle
from services.worker.documents.reading_guide import READING_GUIDE_VERSION, render_reading_guide
from shared.documents.reading_guides.service import BuiltGuide, guides_key, store_guides
from shared.documents.reading_guides.texts import GUIDE_FILE_NAME, GUIDE_TEXTS, GUIDES_FOLDER
from shared.storage.store import Segment, Storage


@dataclass(frozen=True, slots=True, eq=False)
class BundledGuides:
    """The guides, their bytes as entries of a ZIP, and the object in which these are stored."""

    guides: tuple[BuiltGuide, ...]
    data: bytes
    segment: Segment
    _bundle: JoinedBundle

    def begin_bundle(self) -> JoinedBundle:
        """Return a bundle that begins with the guides."""
        return self._bundle.copy()

    def require_stored(self, storage: Storage) -> None:
        """Store the guides, unless they are in the store."""
        store_guides(storage, self.segment.key, self.data)


@cache
def bundled_guides() -> BundledGuides:
    """Return the guides, which are rendered once per process."""
    entries, ranges = BundleEntries(), []
    for texts in GUIDE_TEXTS:
        pdf = render_reading_guide(texts)
        name = GUIDE_FILE_NAME.format(dutch_name=texts.dutch_name, name=texts.name)
        offset = entries.add(f"{GUIDES_FOLDER}/{name}", pdf.data, pdf.crc32)
        ranges.append((texts, name, offset, pdf))
    data = b"".join(entries.pieces)
    key = guides_key(sha256(data).hexdigest())
    guides = tuple(
        BuiltGuide(
            language=texts.language,
            name=texts.name,
            file_name=name,
            storage_key=key,
            byte_offset=offset,
            byte_size=len(pdf.data),
            sha256=pdf.sha256,
            template_version=READING_GUIDE_VERSION,
        )
        for texts, name, offset, pdf in ranges
    )
    bundle = JoinedBundle()
    bundle.add(entries)
    return BundledGuides(guides, data, Segment(key, 0, len(data)), bundle)
