"""A canonical form of XML parts, independent of the library that wrote them."""

from typing import Final
from xml.etree import ElementTree as ET

DECLARATION: Final = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'

# Of elements and attributes outside their part's namespace, and of values that refer to these.
_PREFIXES: Final = {
    "http://purl.org/dc/elements/1.1/": "dc",
    "http://purl.org/dc/terms/": "dcterms",
    "http://schemas.openxmlformats.org/officeDocument/2006/relationships": "r",
    "http://www.w3.org/2001/XMLSchema-instance": "xsi",
    "http://www.w3.org/XML/1998/namespace": "xml",
}
_TYPE: Final = "{http://www.w3.org/2001/XMLSchema-instance}type"


def canonical_xml(part: bytes) -> str:
    """Return the part with sorted attributes, prefixes of ours and no declaration.

    ElementTree would take prefixes from a registry that every library in the process may change.
    """
    root = ET.fromstring(part)  # noqa: S314  # openpyxl just wrote it
    own = root.tag.partition("}")[0].removeprefix("{")
    used: set[str] = set()

    def prefixed(name: str) -> str:
        namespace, _, local = name.removeprefix("{").rpartition("}")
        if not namespace or namespace == own:
            return local
        used.add(namespace)
        return f"{_PREFIXES[namespace]}:{local}"

    for element in root.iter():
        element.tag = prefixed(element.tag)
        if _TYPE in element.attrib:  # a qualified name as a value, in the element's namespace
            local = element.attrib[_TYPE].rpartition(":")[2]
            element.attrib[_TYPE] = f"{element.tag.partition(':')[0]}:{local}"
        element.attrib = {prefixed(name): element.attrib[name] for name in sorted(element.attrib)}
    declared = {"xmlns": own} | {f"xmlns:{_PREFIXES[one]}": one for one in sorted(used)}
    root.attrib = declared | root.attrib
    return ET.tostring(root, encoding="unicode", short_empty_elements=False)
