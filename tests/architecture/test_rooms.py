"""Rules on the structure of the code, checked on the code itself."""

import ast
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("clients", "embedded", "services", "shared", "synthetic")
SOURCES = sorted(
    [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    + [*(ROOT / "migrations").glob("*.py")]
)
TESTS = sorted((ROOT / "tests").rglob("*.py"))
MAX_FILE_LINES = 300
MAX_FUNCTION_LINES = 25
"""Of the 95th percentile."""
FORBIDDEN_NAMES = {"utils", "helpers", "manager", "base", "common", "misc"}


def test_import_contracts_are_kept() -> None:
    run = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout


def test_api_imports_no_library_of_the_worker() -> None:
    run = subprocess.run(
        [sys.executable, "-c", "import sys, services.api.app; print(*sys.modules)"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(run.stdout.split())
    assert "services.api.app" in loaded
    assert not loaded & {"reportlab", "openpyxl", "services.worker"}


def test_only_the_unit_of_work_commits() -> None:
    commits = [
        path.relative_to(ROOT).as_posix()
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "commit"
    ]
    assert set(commits) == {
        "services/api/operations/idempotency.py",  # ends a request that is repeated
        "services/api/operations/operation.py",
        "shared/core/unit_of_work.py",
    }


def test_files_and_functions_stay_small() -> None:
    long_files = [
        path.relative_to(ROOT).as_posix()
        for path in (*SOURCES, *TESTS)
        if len(path.read_text().splitlines()) > MAX_FILE_LINES
    ]
    lengths = sorted(
        (node.end_lineno or node.lineno) - node.lineno + 1
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    assert long_files == []
    assert lengths[int(len(lengths) * 0.95)] <= MAX_FUNCTION_LINES


def test_every_module_has_a_docstring() -> None:
    undocumented = [
        path.relative_to(ROOT).as_posix()
        for path in SOURCES
        if path.read_text().strip() and not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert undocumented == []


def test_no_file_has_a_generic_name() -> None:
    assert [path for path in SOURCES if path.stem in FORBIDDEN_NAMES] == []


def test_no_engine_session_or_broker_is_created_at_import() -> None:
    factories = {"create_engine", "open_engine", "sessionmaker", "session_factory", "open_broker"}
    calls = [
        f"{path.relative_to(ROOT)}:{statement.lineno}"
        for path in SOURCES
        for statement in ast.parse(path.read_text()).body
        if isinstance(statement, ast.Assign | ast.Expr | ast.AnnAssign)
        for node in ast.walk(statement)
        if isinstance(node, ast.Call) and getattr(node.func, "id", None) in factories
    ]
    assert calls == []
