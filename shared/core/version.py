"""The version of the installed package."""

from importlib.metadata import PackageNotFoundError, version

PACKAGE = "toetsfeedback"


def package_version() -> str:
    """Return the version, such as `0.1.0`; `unknown` for code that is not installed."""
    try:
        return version(PACKAGE)
    except PackageNotFoundError:
        return "unknown"
