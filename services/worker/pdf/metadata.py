"""Document metadata: the XMP packet, which claims PDF/UA-1, and the information dictionary."""

from dataclasses import dataclass
from xml.sax.saxutils import escape

from services.worker.pdf.objects import stream_object, text_string


@dataclass(frozen=True, slots=True)
class DocumentMetadata:
    """The metadata; `language` is a BCP 47 tag, `creator` and `producer` are names of programs."""

    title: str
    language: str
    creator: str
    producer: str


def metadata_stream(number: int, metadata: DocumentMetadata) -> bytes:
    """Return the XMP packet as a whole object."""
    return stream_object(number, _xmp_packet(metadata), b"/Type/Metadata/Subtype/XML")


def _xmp_packet(metadata: DocumentMetadata) -> bytes:
    title = escape(metadata.title)
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"'
        ' xmlns:pdf="http://ns.adobe.com/pdf/1.3/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"'
        ' xmlns:pdfuaid="http://www.aiim.org/pdfua/ns/id/">'
        "<pdfuaid:part>1</pdfuaid:part>"
        f'<dc:title><rdf:Alt><rdf:li xml:lang="x-default">{title}</rdf:li></rdf:Alt>'
        f"</dc:title><dc:language><rdf:Bag><rdf:li>{metadata.language}</rdf:li></rdf:Bag>"
        f"</dc:language><xmp:CreatorTool>{metadata.creator}</xmp:CreatorTool>"
        f"<pdf:Producer>{metadata.producer}</pdf:Producer>"
        '</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="r"?>'
    ).encode()


def information_dictionary(metadata: DocumentMetadata, subject: str = "") -> bytes:
    return b"<</Title%b%b/Creator%b/Producer%b>>" % (
        text_string(metadata.title),
        b"/Subject" + text_string(subject) if subject else b"",
        text_string(metadata.creator),
        text_string(metadata.producer),
    )
