"""Mistakes of people, each with the sentence that names its remedy."""

import http.server
import json
import os
import re
from collections.abc import Callable, Iterator, MutableMapping
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import httpx
import pytest
from joserfc.jwk import ECKey

from clients.python.errors import ApiRefusal
from services.cli.errors import explain
from tests.cli.conftest import SAMPLE, Run
from tests.journeys.conftest import Instance

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("cli")]

RunCommand = Callable[..., Run]
MutableEnvironment = MutableMapping[str, str]


SCOPE = ("--scope", "schools:read")


@pytest.fixture
def environment(instance: Instance) -> Iterator[MutableEnvironment]:
    """Set the variables of the instance with the login of the operator; restore them."""
    before = os.environ.copy()
    os.environ.update(instance.running().environment_of("operator"))
    yield os.environ
    os.environ.clear()
    os.environ.update(before)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("release", "rehearse", "--administration", "2024", "--opens-at", "21/06/2024 08:00"),
         "--opens-at: "),
        (("release", "show", "--administration", "2O24"), "ids in /v1/releasePlans/2O24."),
        (("release", "succeed", "000001", "000002", "--revoke"),
         "PREDECESSOR: There is no such succession"),
        (("release", "plan", "missing.csv", "--administration", "2024"),
         "missing.csv: No such file or directory; check the path"),
        (("build", "--administration", "2O24"),
         "--administration: There is no such administration; import its delivery first"),
        (("build", "--administration", "2024", "--school", "1"),
         "--school: No school with this number takes part; correct the number"),
        (("client", "add", "x", "--kind", "integrator", *SCOPE, "--key", "set.json"),
         "set.json contains a set of keys (JWKS); write one of its keys to a file of its own"),
        (("client", "add", "x", "--kind", "integrator", *SCOPE, "--key", "list.json"),
         "list.json contains no key as JWK or PEM; give another file"),
        (("client", "add", "x", "--kind", "integrator", *SCOPE, "--key", "short.json"),
         "--key (0/x): "),
        (("client", "add", "x", "--kind", "integrator", *SCOPE, "--key", "missing"),
         "missing: No such file or directory; check the path"),
        (("client", "add", "", "--kind", "integrator", *SCOPE, "--key", "good.json"), "NAME: "),
        (("import", "missing"), "Give the path of a directory or ZIP file"),
        (("audit", "verify", "--since", "."), ".: Is a directory; give the path of a file"),
        (("audit", "verify", "--since", "deep.json"), "deep.json contains no heads; give a file"),
        (("token", "--key", "p384.pem"), "p384.pem contains no private P-256 key in PEM format"),
        (("token", "--key", "public.pem"), "public.pem contains no private P-256 key"),
        (
            ("token", "--key", "nowhere/new.pem"),
            "there is no key in nowhere/new.pem, and none can be created there: give the path",
        ),
        (("token", "--key", "."), ".: Is a directory; give the path of a file"),
        (("call", "GET", "/v1/schools", "--out", "missing/x"),
         "missing/x: No such file or directory; check the path"),
        (("migrate", "nope"), "REVISION: "),
    ],
)  # fmt: skip
def test_refusal_names_the_option_or_file_and_the_remedy(
    instance: Instance,
    run: RunCommand,
    odd_keys: Path,
    arguments: tuple[str, ...],
    expected: str,
) -> None:
    assert odd_keys.is_dir()
    found = run(*arguments, "--data", str(instance.data))
    assert found.code == 1
    assert expected in found.out + found.err
    assert "Traceback" not in found.err


@pytest.mark.parametrize(
    ("windows", "expected"),
    [
        (("studentFeedback,,2026-01-01T08:00", "schoolFeedback,none,2026-01-01T08:00"),
         "FILE, window 2, targetGroup: The administration has no target group"),
        (("nothing,,2026-01-01T08:00",), "FILE, window 1, product: Must be"),
        (("studentFeedback,,2026-01-01T08:00", "studentFeedback,,2026-01-02T08:00"),
         "Window 2 overlaps another one"),
    ],
)  # fmt: skip
def test_refused_plan_names_the_window_by_its_line(
    instance: Instance, run: RunCommand, tmp_path: Path, windows: tuple[str, ...], expected: str
) -> None:
    file = tmp_path / "plan.csv"
    file.write_text("\n".join(["product,targetGroup,opensAt", *windows]))
    command = ("release", "plan", str(file), "--administration", "2024")
    found = run(*command, "--data", str(instance.data))
    assert found.code == 1
    assert expected in found.err


def test_missing_scope_is_named_with_the_command_that_requests_it() -> None:
    body = {"detail": "No.", "requiredScopes": ["viewings:plan", "viewings:read"]}
    request = httpx.Request("GET", "https://a.example/v1")
    found = explain(ApiRefusal(httpx.Response(403, json=body, request=request)))
    assert "viewings:plan or viewings:read" in found
    assert "`toetsfeedback client scopes`" in found


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("release", "show"), "--administration"),
        (("release", "recall", "--administration", "2024"), "--reason"),
        (("call", "GET", "v1/schools"), "PATH"),
        (("call", "GET", "//elsewhere/"), "PATH"),
        (("call", "GE T", "/v1/schools"), "METHOD"),
        (("up", "--port", "99999"), "--port"),
        (("up", "--port", "-1"), "--port"),
        (("up", "--workers", "0"), "--workers"),
        (("demo", "--schools", "1"), "--schools"),
        (("api", "--port", "99999"), "--port"),
        (("jobs", "--follow", "--json"), "--json"),
    ],
)
def test_usage_error_names_the_parameter(
    run: RunCommand, arguments: tuple[str, ...], expected: str
) -> None:
    found = run(*arguments)
    assert found.code == 2
    assert expected in found.err


@pytest.fixture
def odd_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a working directory with key files."""
    key = ECKey.generate_key("P-256")
    (tmp_path / "set.json").write_text(json.dumps({"keys": [key.as_dict(private=False)]}))
    (tmp_path / "list.json").write_text(json.dumps([key.as_dict(private=False)]))
    (tmp_path / "good.json").write_text(json.dumps(key.as_dict(private=False)))
    (tmp_path / "short.json").write_text(json.dumps(key.as_dict(private=False) | {"x": 1}))
    (tmp_path / "deep.json").write_bytes(b"[" * 100_000)
    (tmp_path / "good.pem").write_bytes(key.as_pem(private=True))
    (tmp_path / "p384.pem").write_bytes(ECKey.generate_key("P-384").as_pem(private=True))
    (tmp_path / "public.pem").write_bytes(key.as_pem(private=False))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_generate_twice_into_one_directory_is_refused(run: RunCommand, tmp_path: Path) -> None:
    command = ("generate", "--schools", "1", "--out", str(tmp_path / "delivery"))
    assert run(*command).code == 0
    again = run(*command)
    assert again.code == 1
    assert again.err == (
        f"toetsfeedback: --out: {tmp_path / 'delivery'} is not empty: choose another directory, or "
        "empty this one first\n"
    )


def test_private_part_of_a_jwk_is_not_sent(
    instance: Instance, run: RunCommand, tmp_path: Path
) -> None:
    file = tmp_path / "private.json"
    file.write_text(json.dumps(ECKey.generate_key("P-256").as_dict(private=True)))
    command = (
        "client",
        "add",
        "with a private key",
        "--kind",
        "integrator",
        *SCOPE,
        "--key",
        str(file),
    )
    found = run(*command, "--data", str(instance.data))
    assert (found.code, found.err) == (0, "")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (r":[^:@]+@", ":wrong@", "refuses the password of the login"),
        (r"//[^:]+:", "//nobody:", "refuses the password of the login"),
        (r"/toetsfeedback$", "/missing", "the server has no database of this name"),
        (r"$", "?sslmode=verify-full", "offers no TLS|certificate of the database server"),
        (r"$", "?sslmode=full", "sslmode is unknown; correct sslmode, sslrootcert, sslcert"),
        (r"$", "?client_encoding=nonsense", "refuses a parameter of the connection"),
        (r"$", "?nonsense=1", "has a connection parameter that is unknown"),
        (r"@[^/]+/", "@127.0.0.1:9/", "nothing listens at the address of the database; check"),
        (r"@[^/]+/", "@nowhere.invalid/", "the host of the database has no address"),
        (r"^postgresql", "mysql", "TOETSFEEDBACK_DATABASE_URL: .* must be a URL such as"),
        (r"@[^/]+/", "@[/", "TOETSFEEDBACK_DATABASE_URL: .* must be a URL such as"),
    ],
)
def test_database_that_refuses_the_connection_gets_a_sentence_of_its_own(
    run: RunCommand, environment: MutableEnvironment, old: str, new: str, expected: str
) -> None:
    url = environment["TOETSFEEDBACK_DATABASE_URL"]
    environment["TOETSFEEDBACK_DATABASE_URL"] = re.sub(old, new, url, count=1)
    found = run("jobs")
    assert found.code == 1
    assert re.search(expected, found.err), found.err
    assert "TOETSFEEDBACK_DATABASE_URL" in found.err
    assert str(urlsplit(url).password) not in found.err


def test_up_repeats_the_reason_of_a_program_that_cannot_start(
    run: RunCommand, environment: MutableEnvironment, tmp_path: Path
) -> None:
    url = environment["TOETSFEEDBACK_DATABASE_URL"]
    environment["TOETSFEEDBACK_DATABASE_URL"] = re.sub(r":[^:@]+@", ":wrong@", url, count=1)
    found = run("up", "--data", str(tmp_path / "other"))
    assert found.code == 1
    assert "migrate exited with code 1 (the database refuses the password of the" in found.out
    assert "Traceback" not in found.out + found.err


def test_login_of_another_program_and_a_database_without_tables_get_the_remedy(
    instance: Instance, run: RunCommand, environment: MutableEnvironment
) -> None:
    found = run("import", str(SAMPLE))
    assert (found.code, "the database login may not do this" in found.err) == (1, True)
    server = instance.running().database_url.rpartition("/")[0]
    environment["TOETSFEEDBACK_DATABASE_URL"] = f"{server}/postgres"
    found = run("jobs")
    assert (found.code, "`toetsfeedback migrate`" in found.err) == (1, True)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:9", "the API at http://127.0.0.1:9 does not respond"),
        ("nonsense", "the address of the API is no URL: set TOETSFEEDBACK_PUBLIC_URL"),
        ("http://127.0.0.1:{other}", "127.0.0.1 responded with 404 and is not the API"),
    ],
)
def test_address_that_is_not_that_of_the_api_gets_the_remedy(
    run: RunCommand, environment: MutableEnvironment, odd_keys: Path, url: str, expected: str
) -> None:
    with http.server.HTTPServer(("127.0.0.1", 0), OtherServer) as other:
        Thread(target=other.serve_forever, daemon=True).start()
        environment["TOETSFEEDBACK_PUBLIC_URL"] = url.format(other=other.server_port)
        environment["TOETSFEEDBACK_CLIENT_ID"] = "x"
        environment["TOETSFEEDBACK_CLIENT_KEY"] = str(odd_keys / "good.pem")
        found = run("client", "list")
        other.shutdown()
    assert (found.code, found.out) == (1, "")
    assert expected in found.err


class OtherServer(http.server.BaseHTTPRequestHandler):
    """A web server that is not the API."""

    def do_POST(self) -> None:
        self.send_error(404)

    def log_message(self, *_: object) -> None:
        """Write no log."""


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("INSZ_KEY_FILE", "missing", "missing cannot be read (No such file or directory)"),
        ("INSZ_KEY_FILE", ".", ". cannot be read (Is a directory)"),
        ("INSZ_KEY_FILE", "good.pem", "good.pem contains no usable key"),
        ("STORAGE_URL", "ftp://x", "TOETSFEEDBACK_STORAGE_URL: "),
        ("REDIS_URL", "http://x", "TOETSFEEDBACK_REDIS_URL: "),
        ("LOG_LEVEL", "LOUD", "TOETSFEEDBACK_LOG_LEVEL: "),
    ],
)
def test_setting_that_cannot_be_used_is_named(
    run: RunCommand,
    environment: MutableEnvironment,
    odd_keys: Path,
    name: str,
    value: str,
    expected: str,
) -> None:
    assert odd_keys.is_dir()
    environment[f"TOETSFEEDBACK_{name}"] = value
    found = run("import", str(SAMPLE))
    assert found.code == 1
    assert expected in found.err
    assert "Traceback" not in found.err
