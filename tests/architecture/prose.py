"""Collect the prose and the names of the project; as a program, run proselint on the prose."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from proselint.checks import __register__ as proselint_checks
from proselint.config import DEFAULT, Config
from proselint.registry import CheckRegistry
from proselint.tools import LintFile

ROOT = Path(__file__).parents[2]
PACKAGES = ("clients", "services", "shared", "embedded", "synthetic")
OPENAPI = ROOT / "openapi" / "openapi.yaml"
OPENAPI_TEXTS = {"title", "summary", "description"}
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
BLOCK_OF_CODE = re.compile(r"^( *)```.*?^\1```$", re.MULTILINE | re.DOTALL)
INLINE_CODE = re.compile(r"`[^`\n]*`")
TABLE_RULE = re.compile(r"^\|[-:| ]+\|$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Prose:
    """A text that people read, and its place: a file and a line."""

    path: str
    line: int
    owner: str
    text: str


@dataclass(frozen=True, slots=True)
class Name:
    """An identifier, and the place where it is defined."""

    path: str
    line: int
    text: str


def sources() -> list[Path]:
    """Return the Python files whose language the glossary binds."""
    found = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    return sorted([*found, *(ROOT / "migrations").glob("*.py")])


def documents() -> list[Path]:
    return [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def prose_of_source(path: str, source: str) -> Iterator[Prose]:
    """Yield the docstrings of a Python file and the `help` texts of its command line options."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, DOCUMENTED) and (docstring := ast.get_docstring(node)):
            owner = "" if isinstance(node, ast.Module) else node.name
            yield Prose(path, node.body[0].lineno, owner, docstring)
        elif isinstance(node, ast.keyword) and node.arg == "help":
            text = ast.unparse(node.value).strip("'\"")
            yield Prose(path, node.value.lineno, "help", text)


def prose_of_openapi(node: Any, owner: str = "") -> Iterator[Prose]:
    """Yield titles, summaries and descriptions, but for those of properties of that name."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key in OPENAPI_TEXTS and isinstance(value, str):
                yield Prose("openapi/openapi.yaml", 1, f"{owner}.{key}", value)
            elif key not in {"example", "examples"}:
                yield from prose_of_openapi(value, f"{owner}.{key}".strip("."))
    elif isinstance(node, list):
        for value in node:
            yield from prose_of_openapi(value, owner)


def prose_of_document(path: str, text: str) -> Prose:
    """Return a Markdown document without its code."""
    for pattern in (BLOCK_OF_CODE, TABLE_RULE):
        text = pattern.sub(lambda code: "\n" * code[0].count("\n"), text)
    return Prose(path, 1, "", without_inline_code(text))


def without_inline_code(text: str) -> str:
    """Return the text with a word of its own in place of each piece of code."""
    return INLINE_CODE.sub(lambda code: re.sub(r"\W+", "_", code[0]), text)


def names_of_source(path: str, source: str) -> Iterator[Name]:
    """Yield the names that a Python file defines: itself, classes, functions, variables."""
    yield Name(path, 1, Path(path).stem)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield Name(path, node.lineno, node.name)
        elif isinstance(node, ast.arg):
            yield Name(path, node.lineno, node.arg)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield Name(path, node.lineno, node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield Name(path, node.lineno, node.attr)
        elif isinstance(node, ast.alias) and node.asname:
            yield Name(path, node.lineno, node.asname)


def all_names() -> Iterator[Name]:
    for path in sources():
        yield from names_of_source(str(path.relative_to(ROOT)), path.read_text(encoding="utf-8"))


def all_docstrings() -> Iterator[Prose]:
    for path in sources():
        yield from prose_of_source(str(path.relative_to(ROOT)), path.read_text(encoding="utf-8"))


def all_prose() -> Iterator[Prose]:
    """Yield every text that the glossary binds, and the documents."""
    yield from all_docstrings()
    yield from prose_of_openapi(yaml.safe_load(OPENAPI.read_text(encoding="utf-8")))
    for path in documents():
        text = path.read_text(encoding="utf-8")
        yield prose_of_document(str(path.relative_to(ROOT)), text)


def proselint_config() -> Config:
    """Return the defaults of proselint with the checks that pyproject.toml turns off.

    The more specific a check's name, the earlier it has to come.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    checks = DEFAULT["checks"] | project["tool"]["proselint"]["checks"]
    by_depth = sorted(checks.items(), key=lambda check: -check[0].count("."))
    return Config(max_errors=DEFAULT["max_errors"], checks=dict(by_depth))


def complaints() -> Iterator[str]:
    """Yield what proselint finds, a line each."""
    CheckRegistry().register_many(proselint_checks)
    config = proselint_config()
    for prose in all_prose():
        text = without_inline_code(prose.text)
        for result in LintFile(prose.path, text).lint(config):
            line = prose.line + result.pos[0] - 2  # proselint counts a line before the text
            found = result.check_result
            yield f"{prose.path}:{line}: {prose.owner} {found.check_path}: {found.message}"


if __name__ == "__main__":
    sys.exit("\n".join(complaints()) or None)
