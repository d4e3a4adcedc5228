"""The sRGB colour space (IEC 61966-2-1) as an ICC profile (ICC.1:2001-04).

PDF/A needs one, so that the colours of a document mean the same on every device.
"""

from struct import pack

_DESCRIPTION, _COPYRIGHT = b"sRGB", b"No copyright, use freely"
_D50 = (0.9642, 1.0, 0.8249)
_COLORANTS = {
    b"rXYZ": (0.43607, 0.22249, 0.01392),
    b"gXYZ": (0.38515, 0.71687, 0.09708),
    b"bXYZ": (0.14307, 0.06061, 0.7141),
}
"""The primaries of sRGB, adapted to D50."""

_CURVE_POINTS = 256
_THRESHOLD = 0.04045


def srgb_profile() -> bytes:
    """Return a display profile of version 2; the same bytes each time."""
    curve = _curve()
    tags = [
        (b"desc", _description()),
        (b"cprt", b"text\0\0\0\0" + _COPYRIGHT + b"\0"),
        (b"wtpt", _xyz(_D50)),
        *((name, _xyz(values)) for name, values in _COLORANTS.items()),
    ]
    curves = (b"rTRC", b"gTRC", b"bTRC")
    offset = 128 + 4 + 12 * (len(tags) + len(curves))
    table, data = b"", b""
    for name, value in tags:
        table += pack(">4sII", name, offset + len(data), len(value))
        data += value + bytes(-len(value) % 4)
    table += b"".join(pack(">4sII", name, offset + len(data), len(curve)) for name in curves)
    data += curve
    count = pack(">I", len(tags) + len(curves))
    return _header(offset + len(data)) + count + table + data


def _header(size: int) -> bytes:
    return pack(
        ">I4sI4s4s4s6H4s4sIIIQI12s48x",
        *(size, b"\0\0\0\0", 0x02100000, b"mntr", b"RGB ", b"XYZ "),
        *(2000, 1, 1, 0, 0, 0),
        *(b"acsp", b"\0\0\0\0", 0, 0, 0, 0, 0, _s15_fixed16(_D50)),
    )


def _s15_fixed16(values: tuple[float, float, float]) -> bytes:
    return pack(">3i", *(round(value * 65536) for value in values))


def _xyz(values: tuple[float, float, float]) -> bytes:
    return b"XYZ \0\0\0\0" + _s15_fixed16(values)


def _description() -> bytes:
    ascii_text = pack(">I", len(_DESCRIPTION) + 1) + _DESCRIPTION + b"\0"
    return b"desc\0\0\0\0" + ascii_text + bytes(4 + 4 + 2 + 1 + 67)


def _curve() -> bytes:
    """Return the transfer function of sRGB as a table."""
    values = [point / (_CURVE_POINTS - 1) for point in range(_CURVE_POINTS)]
    linear = [
        value / 12.92 if value <= _THRESHOLD else ((value + 0.055) / 1.055) ** 2.4
        for value in values
    ]
    points = [round(value * 65535) for value in linear]
    return pack(f">4sII{_CURVE_POINTS}H", b"curv", 0, _CURVE_POINTS, *points)
