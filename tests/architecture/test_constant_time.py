"""Secrets and their hashes are compared in constant time (ASVS 11.2.4)."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROOMS = ("shared/oauth", "shared/client_changes", "shared/documents/grants", "services/api")
SECRET = re.compile(r"thumbprint\b|digest|nonce\b|secret|token_hash|\bath\b|\bjkt\b")
BY_INDEX = "repository.py"
"""Files of SQL, which finds rows by a key."""


def comparisons(source: str) -> Iterator[str]:
    """Iterate over the comparisons with `==` and `!=` of something that is named like a secret."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Eq | ast.NotEq):
            text = ast.unparse(node)
            if SECRET.search(text):
                yield text


def test_no_secret_is_compared_with_an_operator() -> None:
    found = {
        f"{file.relative_to(ROOT)}: {text}"
        for room in ROOMS
        for file in (ROOT / room).rglob("*.py")
        if file.name != BY_INDEX
        for text in comparisons(file.read_text(encoding="utf-8"))
    }
    assert found == set()


def test_comparison_of_a_secret_is_found() -> None:
    source = "if proof.thumbprint != token.thumbprint or claims.get('ath') == x or a == b: pass"
    assert len(list(comparisons(source))) == 2
