"""Keys that come from files; what is wrong with one names the file, never its content."""

from pathlib import Path

from shared.core.errors import ConfigurationError

INSZ_KEY_BYTES = 32


def read_insz_key(path: Path) -> bytes:
    """The key that INSZ numbers are hashed with: at least 32 bytes, written as hexadecimal.

    Raises:
        ConfigurationError: when the file is missing or holds something else.
    """
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except (OSError, ValueError):
        key = b""
    if len(key) < INSZ_KEY_BYTES:
        raise ConfigurationError(
            f"{path} holds no usable key; write 64 hexadecimal digits into it "
            "(`openssl rand -hex 32`) and name it in TOETSFEEDBACK_INSZ_KEY_FILE"
        )
    return key
