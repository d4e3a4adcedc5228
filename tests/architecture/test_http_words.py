"""`shared/` raises domain errors; only the API knows HTTP."""

import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

STATUS = r"\b(4(0[0-9]|1[0-8]|2[1-9])|50[0-5])\b"
HTTP_WORDS = re.compile(
    rf"{STATUS}|\bHTTP\b|HTTPStatus|\bhttpx\b|urn:problem-type|problem\+json|WWW-Authenticate"
    r"|Retry-After|Content-Type|DPoP-Nonce|status_code|(?i:status code|JSON pointer|request body"
    r"|(query|path|body) parameter|\bheaders\b|(DPoP|Location|Authorization) header)"
)
ALLOWED = {
    "shared/oauth/provider_requests.py": "a client of the identity provider, over HTTP",
    "shared/oauth/dpop.py": "RFC 9449 binds a proof to an HTTP request",
}
BATCH_SIZES = re.compile(r"^[A-Z_]+(: Final)? = 500$")
"""Numbers that are no status codes."""


def texts(path: Path) -> Iterator[str]:
    """Every comment, string, name and number of a file, without constants of another meaning."""
    lines = [
        "" if BATCH_SIZES.match(line) else line
        for line in path.read_text().splitlines(keepends=True)
    ]
    kinds = {tokenize.COMMENT, tokenize.STRING, tokenize.NAME, tokenize.NUMBER}
    for token in tokenize.generate_tokens(io.StringIO("".join(lines)).readline):
        if token.type in kinds:
            yield f"{token.start[0]}: {token.string}"


def test_shared_has_no_http_words() -> None:
    found = {
        f"{path.relative_to(ROOT).as_posix()}:{text.partition(':')[0]} {word[0]}"
        for path in sorted((ROOT / "shared").rglob("*.py"))
        if path.relative_to(ROOT).as_posix() not in ALLOWED
        for text in texts(path)
        if (word := HTTP_WORDS.search(text.partition(":")[2]))
    }
    assert found == set()


def test_allowed_files_exist_and_need_to_be_allowed() -> None:
    needed = {
        name
        for name in ALLOWED
        if any(HTTP_WORDS.search(text.partition(":")[2]) for text in texts(ROOT / name))
    }
    assert needed == set(ALLOWED)


@pytest.mark.parametrize(
    "text", ["Raises 409 when it exists.", "a JSON pointer", "HTTPStatus", "422"]
)
def test_http_words_are_recognised(text: str) -> None:
    assert HTTP_WORDS.search(text)


@pytest.mark.parametrize("text", ["http://localhost", "batches of 512 kB", "4096", "a header row"])
def test_other_words_are_not(text: str) -> None:
    assert not HTTP_WORDS.search(text)
