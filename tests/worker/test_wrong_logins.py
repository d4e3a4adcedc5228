"""The log of a program that a server refuses: the sentence with the remedy that commands print."""

import json
import re
import subprocess
from collections.abc import Callable, Mapping

import pytest

from embedded.programs import child_environment, toetsfeedback_command
from shared.core.settings import Settings
from tests.cli.conftest import SAMPLE

DATABASE, REDIS = "TOETSFEEDBACK_DATABASE_URL", "TOETSFEEDBACK_REDIS_URL"
REFUSED_PASSWORD = f"the database refuses the password of the login; correct it in {DATABASE}"
REFUSED_LOGIN = f"the server refuses the login or its password; correct them in {REDIS}"


@pytest.fixture
def environment(settings_of: Callable[[str], Settings]) -> Mapping[str, str]:
    settings = settings_of("worker")
    return {
        DATABASE: settings.database_url.get_secret_value(),
        REDIS: settings.redis_url.get_secret_value(),
        "TOETSFEEDBACK_STORAGE_URL": settings.storage_url,
        "TOETSFEEDBACK_INSZ_KEY_FILE": str(settings.insz_key_file),
        "TOETSFEEDBACK_MANIFEST_KEY_FILE": str(settings.manifest_key_file),
        "TOETSFEEDBACK_VIEWING_KEY_FILE": str(settings.viewing_key_file),
    }


def with_wrong_password(environment: Mapping[str, str], variable: str) -> dict[str, str]:
    wrong = re.sub(r":[^:@/]*@", ":wrong@", environment[variable])
    return child_environment({**environment, variable: wrong})


@pytest.mark.parametrize(
    ("variable", "reason"), [(DATABASE, REFUSED_PASSWORD), (REDIS, REFUSED_LOGIN)]
)
def test_worker_logs_the_remedy_for_a_wrong_password(
    environment: Mapping[str, str], variable: str, reason: str
) -> None:
    wrong = with_wrong_password(environment, variable)
    command = toetsfeedback_command("worker")
    with subprocess.Popen(command, env=wrong, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        try:
            lines = map(json.loads, worker.stdout)
            line = next(line for line in lines if line["level"] in {"warning", "error"})
        finally:
            worker.kill()
    assert line["reason"] == reason
    assert "wrong" not in str(line)


def test_import_prints_the_same_remedy(environment: Mapping[str, str]) -> None:
    wrong = with_wrong_password(environment, DATABASE)
    command = toetsfeedback_command("import", str(SAMPLE))
    found = subprocess.run(command, env=wrong, capture_output=True, text=True, check=False)
    assert found.returncode == 1
    assert found.stderr.splitlines()[-1] == f"toetsfeedback: {REFUSED_PASSWORD}"
