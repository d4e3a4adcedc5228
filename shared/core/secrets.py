"""Secret keys in files; errors name the file, never its content."""

from pathlib import Path

from shared.core.errors import ConfigurationError

INSZ_KEY_BYTES = 32


def read_insz_key(path: Path) -> bytes:
    """Read the key for the hashes of INSZ numbers: at least 32 bytes, in hexadecimal.

    Raises:
        ConfigurationError: when the file cannot be read or contains something else.
    """
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be read ({error.strerror}); set TOETSFEEDBACK_INSZ_KEY_FILE to the "
            "file of the key, readable by this user"
        ) from None
    except ValueError:
        key = b""
    if len(key) < INSZ_KEY_BYTES:
        raise ConfigurationError(
            f"{path} contains no usable key; write 64 hexadecimal digits to it "
            "(`openssl rand -hex 32`) and set TOETSFEEDBACK_INSZ_KEY_FILE to its path"
        )
    return key
