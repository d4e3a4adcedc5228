"""Paths that a command needs, and that are not there or cannot be written."""

from pathlib import Path

import pytest

from tests.cli.test_refusals import RunCommand

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("cli")]


def test_missing_key_of_the_client_is_named(
    run: RunCommand, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TOETSFEEDBACK_PUBLIC_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("TOETSFEEDBACK_CLIENT_ID", "x")
    monkeypatch.setenv("TOETSFEEDBACK_CLIENT_KEY", str(tmp_path / "missing"))
    found = run("client", "list")
    assert (found.code, found.out) == (1, "")
    assert "missing, the file of TOETSFEEDBACK_CLIENT_KEY, does not exist" in found.err


def test_demo_is_refused_at_once_where_nothing_can_be_written(
    run: RunCommand, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    found = run("demo", "--out", str(tmp_path / "file" / "demo"))
    assert (found.code, found.out) == (1, "")
    assert f"{tmp_path}/file" in found.err
