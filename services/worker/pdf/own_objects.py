"""The objects of a document after its page template: those of one person or one class group."""

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet

from services.worker.pdf.fallback_font import FallbackCharacter, fallback_fonts
from services.worker.pdf.file_prefix import resource_dictionary
from services.worker.pdf.metadata import information_dictionary
from services.worker.pdf.objects import (
    deflated_stream_object,
    indirect_object,
    stream_object,
)
from services.worker.pdf.page_template import PageTemplate


def own_objects(
    template: PageTemplate,
    streams: Sequence[bytes],
    fallback: AbstractSet[FallbackCharacter],
    subject: str = "",
    fonts_of: Callable[..., tuple[bytes, list[bytes]]] = fallback_fonts,
) -> list[bytes]:
    """Return resources, document information, the content streams and the fallback fonts."""
    first = template.first_own
    information = information_dictionary(template.metadata, subject)
    # Deflating saves little and takes long; it makes up for the size of a fallback font.
    write = deflated_stream_object if fallback else stream_object
    written = [write(number, data) for number, data in enumerate(streams, first + 2)]
    entries = b""
    fonts: list[bytes] = []
    if fallback:
        entries, fonts = fonts_of(fallback, first + 2 + len(written))
    resources = indirect_object(first, resource_dictionary(entries))
    return [resources, indirect_object(first + 1, information), *written, *fonts]
