"""Files that nobody but us may read."""

from pathlib import Path

from homeassistant.util.file import WriteError, write_utf8_file_atomic


def write(path: Path, text: str) -> None:
    """Write one, whole or not at all. It blocks. Raises WriteError."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as err:
        raise WriteError(type(err).__name__) from err
    write_utf8_file_atomic(str(path), text, private=True)
