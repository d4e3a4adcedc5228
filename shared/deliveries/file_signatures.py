"""Recognition of files that are not UTF-8 text with line breaks, by their first bytes."""

from typing import Final

from shared.deliveries.faults import Fault

_UTF_8: Final = (
    "Save it as UTF-8: in Excel as “CSV UTF-8”, in LibreOffice with the character set “Unicode "
    "(UTF-8)”, in PowerShell with -Encoding utf8."
)
_EXPORT: Final = "Export the sheet as CSV in UTF-8, and submit that file."

_BYTE_ORDER_MARKS: Final = (
    (b"\xff\xfe\x00\x00", "UTF-32"),
    (b"\x00\x00\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)
_ASCII_PATTERNS: Final = {
    (True, False, False, False): "UTF-32",
    (False, False, False, True): "UTF-32",
    (True, False, True, False): "UTF-16",
    (False, True, False, True): "UTF-16",
}
"""Which of the first four bytes are not NUL, in text that starts with ASCII."""

_OTHER_FILES: Final = (
    (b"PK\x03\x04", "a ZIP file, such as an Excel workbook"),
    (b"\xd0\xcf\x11\xe0", "an Excel workbook of before 2007"),
    (b"%PDF-", "a PDF"),
    (b"\x1f\x8b", "a file compressed with gzip"),
    (b"<", "HTML or XML"),
)
_NULS: Final = b"\0\0\0\0"


def encoding_fault(file: str, start: bytes) -> Fault | None:
    """Return the fault of a file whose encoding is UTF-16 or UTF-32, or None."""
    encoding = next((name for mark, name in _BYTE_ORDER_MARKS if start.startswith(mark)), None)
    if encoding is None and len(start) >= len(_NULS):
        encoding = _ASCII_PATTERNS.get(tuple(map(bool, start[:4])))  # type: ignore[arg-type]
    if encoding is None:
        return None
    return Fault("badUtf8", f"The file is {encoding}, not UTF-8.", _UTF_8, file, 1)


def unreadable_csv_fault(file: str, start: bytes) -> Fault | None:
    """Return the fault of a file whose first bytes are not CSV in UTF-8, or None."""
    fault = encoding_fault(file, start)
    if fault is not None:
        return fault
    for signature, name in _OTHER_FILES:
        if start.startswith(signature):
            return Fault("notCsv", f"The file is {name}, not CSV.", _EXPORT, file, 1)
    if start.startswith(_NULS):
        detail = "The file starts with NUL bytes: it was not written completely."
        return Fault("nulByte", detail, "Export the file again.", file, 1)
    if b"\r" in start and b"\n" not in start:
        return carriage_return_fault(file, 1)
    return None


def carriage_return_fault(file: str, line: int) -> Fault:
    return Fault(
        "lineEndings",
        "The lines end with CR alone, as in files of Mac OS before OS X.",
        "Save the file with the line breaks of Windows (CR LF) or Unix (LF).",
        file,
        line,
    )


def undecodable_fault(file: str, line: int, raw: bytes) -> Fault:
    """Return the fault of a line with bytes that are not UTF-8."""
    try:
        raw.decode("cp1252")
    except UnicodeDecodeError:
        detail = "The line is not UTF-8."
    else:
        detail = "The line is not UTF-8; it may be Windows-1252 (ANSI), as Excel writes “CSV”."
    return Fault("badUtf8", detail, _UTF_8, file, line)
