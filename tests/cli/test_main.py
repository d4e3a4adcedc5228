import sys

import pytest
from sqlalchemy import Engine, text

from services.cli.main import main
from shared.core.errors import InvalidInput
from shared.core.settings import Settings

ADMINISTRATION = """
insert into administrations (id, school_year, name, tested_from_on, tested_until_on)
  values ('2024', '2023-2024', 'Vlaamse toetsen 2024', '2024-04-22', '2024-05-17')
"""
DISK_FULL_TRIGGER = """
create function raise_disk_full() returns trigger language plpgsql as
  $$ begin raise exception using errcode = 'disk_full'; end $$;
create trigger raise_disk_full before insert on jobs execute function raise_disk_full();
"""


def test_invalid_input_names_its_option(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise InvalidInput("administration_id", detail="There is no such administration.")

    monkeypatch.setattr("services.cli.main.app", fail)
    with pytest.raises(SystemExit, match="1"):
        main()
    assert capsys.readouterr().err == (
        "toetsfeedback: --administration: There is no such administration.\n"
    )


def test_full_database_disk_is_reported_as_such(
    settings: Settings,
    engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in Settings.model_fields:
        value = getattr(settings, name)
        text_value = value.get_secret_value() if hasattr(value, "get_secret_value") else str(value)
        monkeypatch.setenv(f"TOETSFEEDBACK_{name.upper()}", text_value)
    monkeypatch.setattr(sys, "argv", ["toetsfeedback", "build", "--administration", "2024"])
    with engine.begin() as connection:
        connection.execute(text(ADMINISTRATION))
        connection.execute(text(DISK_FULL_TRIGGER))
    with pytest.raises(SystemExit, match="1"):
        main()
    assert (
        "the disk of the database is full (no space left on device); free some space"
        in capsys.readouterr().err
    )
