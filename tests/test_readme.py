import re
from pathlib import Path

import pytest

from services.cli.main import COMMANDS, GROUPS
from shared.core.settings import Settings

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
OPTION = re.compile(
    r"^\| `TOETSFEEDBACK_(\w+)` \| (?:`([^`]*)`|required|none) \| .+ \|$", re.MULTILINE
)
PATH = re.compile(
    r"`((?:benchmarks|docs|migrations|openapi|requirements|services|shared|tests)/[^`]*)`"
)
LINK = re.compile(r"\]\(([^)#:]+)\)")


def table(heading: str) -> list[str]:
    """The first cells of the table under a heading, as the code they are."""
    section = README.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)


def test_the_configuration_names_every_setting_with_its_default() -> None:
    written = {name.lower(): default for name, default in OPTION.findall(README)}
    expected = {
        name: "" if field.is_required() or field.default is None else str(field.default)
        for name, field in Settings.model_fields.items()
    }
    assert written == expected
    assert len(OPTION.findall(README)) == README.count("\n| `TOETSFEEDBACK_")


def test_the_commands_are_those_of_the_command_line() -> None:
    assert table("Commands") == [*COMMANDS, *GROUPS]


def test_the_commands_to_try_are_commands() -> None:
    tried = re.findall(r"^\.venv/bin/toetsfeedback (\w+)", README, re.MULTILINE)
    assert tried
    assert set(tried) <= set(COMMANDS)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_path_that_is_named_exists(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    named = {ROOT / path for path in PATH.findall(text)}
    named |= {document.parent / path for path in LINK.findall(text)}
    missing = {str(path.relative_to(ROOT)) for path in named if not path.exists()}
    assert missing == set()


def test_every_make_target_that_is_named_exists() -> None:
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(re.findall(r"`make (\w+)`", README)) <= set(targets)


def test_the_readme_stays_short_enough_to_be_read() -> None:
    assert len(README.splitlines()) <= 150


def test_every_decision_has_a_number_of_its_own_and_says_what_enforces_it() -> None:
    """Numbers are handed out before decisions are written, so that some are never used."""
    decisions = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    numbers = [int(path.name[:4]) for path in decisions]
    assert len(set(numbers)) == len(numbers)
    for number, path in zip(numbers, decisions, strict=True):
        text = path.read_text(encoding="utf-8")
        assert text.startswith(f"# {number}. ")
        for part in ("Context", "Decision", "Consequences", "What enforces it"):
            assert f"**{part}.**" in text, f"{path.name}: {part}"
