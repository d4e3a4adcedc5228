"""Document metadata: an XMP packet that claims PDF/UA-1 and PDF/A-2a, and the Info dictionary."""

from dataclasses import dataclass
from functools import lru_cache
from xml.sax.saxutils import escape

from services.worker.pdf.objects import stream_object, text_string

_UA_SCHEMA = (
    '<rdf:Description rdf:about=""'
    ' xmlns:pdfaExtension="http://www.aiim.org/pdfa/ns/extension/"'
    ' xmlns:pdfaSchema="http://www.aiim.org/pdfa/ns/schema#"'
    ' xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#">'
    '<pdfaExtension:schemas><rdf:Bag><rdf:li rdf:parseType="Resource">'
    "<pdfaSchema:schema>PDF/UA identification schema</pdfaSchema:schema>"
    "<pdfaSchema:namespaceURI>http://www.aiim.org/pdfua/ns/id/</pdfaSchema:namespaceURI>"
    "<pdfaSchema:prefix>pdfuaid</pdfaSchema:prefix>"
    '<pdfaSchema:property><rdf:Seq><rdf:li rdf:parseType="Resource">'
    "<pdfaProperty:name>part</pdfaProperty:name>"
    "<pdfaProperty:valueType>Integer</pdfaProperty:valueType>"
    "<pdfaProperty:category>internal</pdfaProperty:category>"
    "<pdfaProperty:description>Part of ISO 14289</pdfaProperty:description>"
    "</rdf:li></rdf:Seq></pdfaSchema:property>"
    "</rdf:li></rdf:Bag></pdfaExtension:schemas></rdf:Description>"
)
"""The declaration of `pdfuaid:part`, which PDF/A wants for properties of other standards."""


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
        ' xmlns:pdfuaid="http://www.aiim.org/pdfua/ns/id/"'
        ' xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/">'
        "<pdfuaid:part>1</pdfuaid:part>"
        "<pdfaid:part>2</pdfaid:part><pdfaid:conformance>A</pdfaid:conformance>"
        f'<dc:title><rdf:Alt><rdf:li xml:lang="x-default">{title}</rdf:li></rdf:Alt>'
        f"</dc:title><dc:language><rdf:Bag><rdf:li>{metadata.language}</rdf:li></rdf:Bag>"
        f"</dc:language><xmp:CreatorTool>{metadata.creator}</xmp:CreatorTool>"
        f"<pdf:Producer>{metadata.producer}</pdf:Producer>"
        f"</rdf:Description>{_UA_SCHEMA}</rdf:RDF></x:xmpmeta>"
        '<?xpacket end="r"?>'
    ).encode()


def information_dictionary(metadata: DocumentMetadata, subject: str = "") -> bytes:
    own = b"/Subject" + text_string(subject) if subject else b""
    return b"<<%b%b>>" % (_shared_information(metadata), own)


@lru_cache(maxsize=256)
def _shared_information(metadata: DocumentMetadata) -> bytes:
    return b"/Title%b/Creator%b/Producer%b" % (
        text_string(metadata.title),
        text_string(metadata.creator),
        text_string(metadata.producer),
    )
