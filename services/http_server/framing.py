"""Strict framing of HTTP/1.1 messages (RFC 9112): nothing that two parsers may read differently."""

import re

import h11
from h11._receivebuffer import ReceiveBuffer

MAX_HEAD_BYTES = 32 * 1024
"""The limit of request line and headers together, and of trailers."""

_BARE_LF = re.compile(rb"(?<!\r)\n")
_FRAMING = {b"content-length", b"transfer-encoding"}
_TRANSFER_ENCODING = b"transfer-encoding"
_VERSION = re.compile(rb"[^\s:]+ \S+ HTTP/([0-9]\.[0-9])")
_VERSIONS = {b"1.0", b"1.1"}
_ABSOLUTE_FORM = re.compile(rb"(?P<method>[A-Z]{1,32} )(?i:https?)://[^\s/?#@]{1,300}(?=[/? ])")


class StrictBuffer(ReceiveBuffer):
    """The receive buffer of a connection; refuses heads and trailers that are ambiguous or large.

    h11 also ends a line at a bare LF, takes Transfer-Encoding over Content-Length, and limits only
    a head that is not complete yet. A proxy in front may read each of these differently, and then
    sees other requests than the API does (request smuggling).
    """

    is_too_large = False
    has_other_version = False

    def maybe_extract_lines(self) -> list[bytearray] | None:
        """Extract the lines of a head.

        Raises:
            h11.LocalProtocolError: for a head that is refused; h11 turns it into an error of the
                client.
        """
        if not self._data.startswith(b"\r\n"):
            found = self._data.find(b"\r\n\r\n")
            size = len(self._data) if found < 0 else found
            if size > MAX_HEAD_BYTES:
                self.is_too_large = True
                raise h11.LocalProtocolError("the head is too large", 431)
            if _BARE_LF.search(self._data, 0, size):
                raise h11.LocalProtocolError("a line ends with a bare LF")
        lines = super().maybe_extract_lines()
        _require_clear_framing(lines or [])
        if lines:
            version = _VERSION.fullmatch(lines[0])
            self.has_other_version = version is not None and version[1] not in _VERSIONS
            if self.has_other_version:
                raise h11.LocalProtocolError("the version is not HTTP/1.0 or HTTP/1.1", 505)
            lines[0] = _in_origin_form(lines[0])
        return lines

    def maybe_extract_next_line(self) -> bytearray | None:
        """Extract the line of a chunk: its size and extensions.

        Raises:
            h11.LocalProtocolError: for one with a CR that does not end it.
        """
        line = super().maybe_extract_next_line()
        if line is not None and b"\r" in line[:-2]:
            raise h11.LocalProtocolError("a bare CR in the line of a chunk")
        return line


def _require_clear_framing(lines: list[bytearray]) -> None:
    """Refuse a head or trailers whose body could be read as having another length.

    Raises:
        h11.LocalProtocolError: for a folded line, for more than one length, and for one that is no
            number or does not exist in the version.
    """
    if any(line.startswith((b" ", b"\t")) for line in lines):
        raise h11.LocalProtocolError("a folded line")
    headers = [line.partition(b":") for line in lines]
    found = [(bytes(name).strip().lower(), value.strip()) for name, _, value in headers]
    framing = [(name, value) for name, value in found if name in _FRAMING]
    if len(framing) > 1:
        raise h11.LocalProtocolError("more than one Content-Length or Transfer-Encoding")
    for name, value in framing:
        if name == _TRANSFER_ENCODING:
            if lines[0].endswith(b" HTTP/1.0"):
                raise h11.LocalProtocolError("Transfer-Encoding in HTTP/1.0")
        elif not value.isdigit():
            raise h11.LocalProtocolError("Content-Length is not one number")


def _in_origin_form(request_line: bytearray) -> bytearray:
    """Return the request line with the path and query of a target in absolute form.

    A server has to accept that form too (RFC 9112, section 3.2.2). Its authority has the meaning of
    `Host`, which the API does not use.
    """
    absolute = _ABSOLUTE_FORM.match(request_line)
    if absolute is None:
        return request_line
    path = b"" if request_line.startswith(b"/", absolute.end()) else b"/"
    return request_line[: absolute.end("method")] + path + request_line[absolute.end() :]
