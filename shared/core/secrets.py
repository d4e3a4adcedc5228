"""Secret keys in files; errors name the file, never its content."""

from hmac import digest
from pathlib import Path

from shared.core.errors import ConfigurationError

KEY_BYTES = 32


def read_insz_key(path: Path) -> bytes:
    """Read the key for the hashes of INSZ numbers: at least 32 bytes, in hexadecimal.

    Raises:
        ConfigurationError: when the file cannot be read or contains something else.
    """
    return read_key(path, "TOETSFEEDBACK_INSZ_KEY_FILE")


def read_key(path: Path, variable: str) -> bytes:
    """Read a key of at least 32 bytes, in hexadecimal, from the file that a variable names.

    Raises:
        ConfigurationError: when the file cannot be read or contains something else.
    """
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be read ({error.strerror}); set {variable} to the file of the key, "
            "readable by this user"
        ) from None
    except ValueError:
        key = b""
    if len(key) < KEY_BYTES:
        raise ConfigurationError(
            f"{path} contains no usable key; write 64 hexadecimal digits to it "
            f"(`openssl rand -hex 32`) and set {variable} to its path"
        )
    return key


def derive_key(key: bytes, purpose: str) -> bytes:
    """Return a key for another purpose, from which neither the given key nor others follow."""
    return digest(key, purpose.encode(), "sha256")
