import re
from pathlib import Path

import pytest

from services.cli.main import COMMANDS, GROUPS
from shared.core.settings import Settings

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
REFERENCE = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
INDEX = (ROOT / "docs" / "decisions" / "README.md").read_text(encoding="utf-8")
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
DECISION_PARTS = (
    *("Date", "Status", "Context", "Decision", "Alternatives", "Consequences"),
    "What enforces it",
)
UNUSED_NUMBERS = {9, 13, 16, 17, 18, 19, 30, 35, 39, 40, 42}
MOST_FIGURES = 12
SETTING = re.compile(
    r"^\| `TOETSFEEDBACK_(\w+)` \| (?:`([^`]*)`|required|none) \| .+ \|$", re.MULTILINE
)
PATH = re.compile(
    r"`((?:benchmarks|docs|embedded|migrations|openapi|requirements|services|shared|synthetic|tests)"
    r"/[^`]*)`"
)
LINK = re.compile(r"\]\(([^)#:]+)(?:#([^)]*))?\)")


def anchors(document: str) -> set[str]:
    """Return the anchors of the headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", document, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


def table(heading: str) -> list[str]:
    """Return the first cells of the table below a heading of the reference."""
    section = REFERENCE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(r"^\| `(?:make )?(\w+)` \|", section, re.MULTILINE)


def test_reference_lists_every_setting_with_its_default() -> None:
    documented = {name.lower(): default for name, default in SETTING.findall(REFERENCE)}
    expected = {
        name: "" if field.is_required() or field.default is None else str(field.default)
        for name, field in Settings.model_fields.items()
    }
    assert documented == expected
    assert len(SETTING.findall(REFERENCE)) == REFERENCE.count("\n| `TOETSFEEDBACK_")


def test_reference_lists_the_commands_of_the_command_line() -> None:
    assert table("Commands") == [*COMMANDS, *GROUPS]


def test_reference_lists_only_existing_make_targets() -> None:
    targets = re.findall(r"^([\w-]+):", MAKEFILE, re.MULTILINE)
    assert table("Make targets")
    assert set(table("Make targets")) <= set(targets)


def test_commands_of_the_readme_exist() -> None:
    tried = re.findall(r"^\.venv/bin/toetsfeedback (\w+)", README, re.MULTILINE)
    assert tried
    assert set(tried) <= {*COMMANDS, *GROUPS}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_documents_name_only_existing_paths(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    named = {ROOT / path for path in PATH.findall(text)}
    named |= {document.parent / path for path, _ in LINK.findall(text)}
    missing = {str(path.relative_to(ROOT)) for path in named if not path.exists()}
    assert missing == set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_documents_link_to_existing_headings(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for path, anchor in LINK.findall(text):
        target = document.parent / path
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target.read_text(encoding="utf-8")), f"{path}#{anchor}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_documents_name_only_existing_make_targets(document: Path) -> None:
    targets = re.findall(r"^([\w-]+):", MAKEFILE, re.MULTILINE)
    text = document.read_text(encoding="utf-8")
    assert set(re.findall(r"`make ([\w-]+)", text)) <= set(targets)


def test_readme_fits_two_screens() -> None:
    assert len(README.splitlines()) <= 80


def test_performance_page_has_at_most_a_dozen_figures() -> None:
    page = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (?!figure|---)[^|]+\|[^|]+\|[^|]+\|$", page, re.MULTILINE)
    assert 0 < len(rows) <= MOST_FIGURES


def test_decision_has_a_unique_number_and_every_part() -> None:
    numbers = [int(path.name[:4]) for path in DECISIONS]
    assert len(set(numbers)) == len(numbers)
    for number, path in zip(numbers, DECISIONS, strict=True):
        text = path.read_text(encoding="utf-8")
        assert text.startswith(f"# {number}. ")
        places = [text.find(f"**{part}.**") for part in DECISION_PARTS]
        assert places == sorted(places), f"{path.name}: order of parts"
        assert -1 not in places, f"{path.name}: {DECISION_PARTS[places.index(-1)]}"


def test_decision_index_lists_every_decision_with_its_title_and_date() -> None:
    for path in DECISIONS:
        text = path.read_text(encoding="utf-8")
        title = text.splitlines()[0].partition(". ")[2]
        date = re.search(r"\*\*Date\.\*\* (\d{4}-\d\d-\d\d)", text)
        assert date, path.name
        assert f"| {int(path.name[:4])} | [{title}]({path.name}) | {date[1]} |" in INDEX


def test_unused_decision_numbers_are_the_documented_ones() -> None:
    numbers = {int(path.name[:4]) for path in DECISIONS}
    assert set(range(1, max(numbers) + 1)) - numbers == UNUSED_NUMBERS
