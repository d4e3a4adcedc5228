"""Comparison of secrets and their hashes, in a time that depends on neither value."""

from hmac import compare_digest


def is_equal(given: object, expected: str) -> bool:
    """Return True if a value from a request is the expected text (ASVS 11.2.4)."""
    return isinstance(given, str) and compare_digest(
        given.encode(errors="surrogatepass"), expected.encode(errors="surrogatepass")
    )
