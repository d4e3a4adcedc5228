"""`toetsfeedback import`, with the login of an importer, prints changes or faults."""

import sys
from collections.abc import Callable
from pathlib import Path
from secrets import token_hex

import pytest

from services.cli.main import main
from shared.core.settings import Settings
from tests.deliveries.delivery_files import DeliveryFiles, full

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(
    settings_of: Callable[[str], Settings],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> Run:
    """Return a function that imports a delivery, and returns the exit code and what is printed."""
    settings = settings_of("importer")
    for name in Settings.model_fields:
        value = getattr(settings, name)
        text = value.get_secret_value() if hasattr(value, "get_secret_value") else str(value)
        monkeypatch.setenv(f"TOETSFEEDBACK_{name.upper()}", text)
    monkeypatch.setenv("COLUMNS", "200")

    def run(delivery: DeliveryFiles, *options: str) -> tuple[int, str]:
        path = delivery.write(tmp_path / token_hex(4))
        monkeypatch.setattr(sys, "argv", ["toetsfeedback", "import", str(path), *options])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out + printed.err

    return run


def cut_short() -> DeliveryFiles:
    delivery = full(2)
    del delivery.rows["students.csv"][3:]
    del delivery.rows["results.csv"][5:]
    del delivery.rows["item_results.csv"][3:]
    return delivery


def cells(printed: str, name: str) -> list[str]:
    """Return the cells of the row with this name in a printed table."""
    (line,) = (line for line in printed.splitlines() if line.startswith(f"{name} "))
    return line.split()


def test_import_prints_changes_and_needs_a_number_for_removals(run: Run) -> None:
    code, printed = run(full())
    assert code == 0, printed
    assert cells(printed, "students") == ["students", "6", "0", "0"]

    code, printed = run(cut_short())
    assert code == 1
    assert "4 of 6 students, in 2 of 2 schools" in printed
    assert "tooMuchRemoved: 1" in printed

    code, printed = run(cut_short(), "--allow-removals", "3")
    assert code == 1

    code, printed = run(cut_short(), "--allow-removals", "4")
    assert code == 0, printed
    assert cells(printed, "students") == ["students", "0", "0", "4"]

    damaged = full(3)
    damaged.set("students.csv", 2, "given_name", "ZoÃ«")
    code, printed = run(damaged)
    assert code == 0
    assert "students.csv:2:given_name" in printed
    assert "ZoÃ«" not in printed


def test_another_insz_key_is_refused_with_the_remedy(run: Run, settings: Settings) -> None:
    other = full()
    other.manifest |= {"administrationId": "2025", "deliveryId": "other"}
    other.administration = {**(other.administration or {}), "id": "2025"}
    assert run(other)[0] == 0
    assert settings.insz_key_file is not None
    settings.insz_key_file.write_text(token_hex(32))
    other.manifest |= {"sequence": 2, "deliveryId": "another"}

    code, printed = run(other)

    assert code == 1
    assert "TOETSFEEDBACK_INSZ_KEY_FILE" in printed
