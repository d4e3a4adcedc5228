"""The overview as openpyxl writes it, with the sheets of the template's model."""

from io import BytesIO
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from services.worker.documents.overview_model import model_parts, model_workbook
from shared.documents.content import OverviewContent
from shared.documents.texts import DUTCH, Texts

_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)
_UNIX = 3


def draw_overview(content: OverviewContent, texts: Texts = DUTCH) -> bytes:
    """Return the workbook of one school.

    The same content and texts give the same bytes, with the same zlib and XML library.
    """
    parts = model_parts(model_workbook(content, texts, {}), content, texts)
    target = BytesIO()
    with ZipFile(target, "w", ZIP_DEFLATED) as package:
        for name, part in parts.items():
            info = ZipInfo(name, _ZIP_EPOCH)
            info.compress_type = ZIP_DEFLATED
            info.create_system = _UNIX
            info.external_attr = 0o600 << 16
            package.writestr(info, part)
    return target.getvalue()
