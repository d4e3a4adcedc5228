"""The Dockerfile, read as text: what the image contains, and as whom it runs."""

import re
import shlex
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
PREFIX = "TOETSFEEDBACK_"
PINNED = re.compile(r"[\w./-]+:v?\d+\.\d+\.\d+(-[a-z]+)*")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def instructions() -> list[tuple[str, str]]:
    """Return the instructions of the Dockerfile as (keyword, arguments), continued lines joined."""
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    text = "\n".join(line for line in lines if not line.startswith("#")).replace("\\\n", " ")
    found = [line.split(maxsplit=1) for line in text.splitlines() if line.strip()]
    return [(keyword, arguments) for keyword, arguments in found]


def arguments_of(keyword: str) -> list[str]:
    return [arguments for name, arguments in instructions() if name == keyword]


def test_all_stages_use_the_same_pinned_image() -> None:
    images = {arguments.split()[0] for arguments in arguments_of("FROM")}
    assert len(images) == 1
    assert PINNED.fullmatch(images.pop())


def test_image_runs_the_command_line_as_an_unprivileged_user() -> None:
    assert arguments_of("ENTRYPOINT") == ['["toetsfeedback"]']
    assert "toetsfeedback" in PROJECT["scripts"]
    user = int(arguments_of("USER")[-1])
    assert user > 0
    made = [arguments for arguments in arguments_of("RUN") if arguments.startswith("useradd")]
    assert f"--uid {user} " in made[0]
    after = [name for name, _ in instructions()]
    assert "RUN" not in after[after.index("USER") :]


def test_image_installs_only_hashed_or_own_packages() -> None:
    installs = [
        command
        for arguments in arguments_of("RUN")
        for command in arguments.split("&&")
        if " install " in command
    ]
    assert installs
    for command in installs:
        words = shlex.split(command)
        if "-r" in words:
            assert "--require-hashes" in words
            assert (ROOT / words[words.index("-r") + 1]).is_file()
        else:
            assert {"--no-deps", "--no-index"} <= set(words)


def test_image_copies_exactly_what_dockerignore_allows() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    allowed = {rule.removeprefix("!").rstrip("/") for rule in rules if rule.startswith("!")}
    copied = {
        source.rstrip("/").split("/")[0]
        for arguments in arguments_of("COPY")
        if not arguments.startswith("--from")
        for source in arguments.split()[:-1]
    }
    assert copied == allowed
    assert all((ROOT / name).exists() for name in copied)


def test_image_contains_no_setting() -> None:
    assert not [arguments for arguments in arguments_of("ENV") if PREFIX in arguments]
    assert arguments_of("ARG") == []
