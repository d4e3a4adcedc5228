from pathlib import Path

import pytest

from shared.core.errors import ConfigurationError
from shared.core.secrets import KEY_BYTES, derive_key, read_insz_key
from shared.core.settings import Settings

REQUIRED = {
    "TOETSFEEDBACK_DATABASE_URL": "postgres://u:secret-word@localhost/x",
    "TOETSFEEDBACK_REDIS_URL": "redis://localhost/0",
    "TOETSFEEDBACK_STORAGE_URL": "file:///objects",
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in REQUIRED.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


@pytest.mark.parametrize("name", sorted(REQUIRED))
def test_the_error_names_a_missing_variable(environment: pytest.MonkeyPatch, name: str) -> None:
    environment.delenv(name)
    with pytest.raises(ConfigurationError, match=name):
        Settings.from_environment()


def test_the_error_names_an_invalid_variable_without_its_value(
    environment: pytest.MonkeyPatch,
) -> None:
    environment.setenv("TOETSFEEDBACK_STORAGE_URL", "ftp://secret-word")
    with pytest.raises(ConfigurationError, match="TOETSFEEDBACK_STORAGE_URL") as raised:
        Settings.from_environment()
    assert "secret-word" not in str(raised.value)


@pytest.mark.usefixtures("environment")
def test_only_a_program_that_needs_a_key_asks_for_its_variable() -> None:
    settings = Settings.from_environment()
    with pytest.raises(ConfigurationError, match="TOETSFEEDBACK_SIGNING_KEYS is not set"):
        settings.require_file("signing_keys")
    with pytest.raises(ConfigurationError, match="TOETSFEEDBACK_INSZ_KEY_FILE is not set"):
        settings.require_file("insz_key_file")


@pytest.mark.usefixtures("environment")
def test_printed_settings_have_no_passwords() -> None:
    assert "secret-word" not in repr(Settings.from_environment())


@pytest.mark.usefixtures("environment")
def test_the_database_url_has_the_driver_of_sqlalchemy() -> None:
    url = Settings.from_environment().sqlalchemy_url
    assert url == "postgresql+psycopg://u:secret-word@localhost/x"


@pytest.mark.parametrize("content", ["", "00ff", "not hexadecimal" * 10])
def test_a_weak_or_malformed_key_is_rejected(tmp_path: Path, content: str) -> None:
    file = tmp_path / "key"
    file.write_text(content)
    with pytest.raises(ConfigurationError, match="64 hexadecimal digits"):
        read_insz_key(file)


def test_derived_keys_differ_by_purpose_and_by_key() -> None:
    keys = {derive_key(key, purpose) for key in (b"a" * 32, b"b" * 32) for purpose in ("x", "y")}
    assert len(keys) == 4
    assert {len(key) for key in keys} == {KEY_BYTES}
    assert derive_key(b"a" * 32, "x") in keys
