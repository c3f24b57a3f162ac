"""What people say when it matters, by language: read from the files beside this one."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
import re
from typing import Any

from homeassistant.util.yaml import load_yaml_dict

_FOLDER = Path(__file__).parent
_WORD = re.compile(r"<(\w+)>")
_ENDS = re.compile(r"(?:(<\w+>) )?(.+?)(?: (<\w+>))?")


class Said(StrEnum):
    """What a phrase means; where it could mean two things, the first of these."""

    SILENT = "silent"
    CANCEL = "cancel"
    MEDICAL = "medical"
    FIRE = "fire"
    POLICE = "police"


@dataclass(frozen=True, slots=True)
class Phrases:
    """The sentences of one language, as Home Assistant's sentence triggers read them."""

    language: str
    draft: bool
    """Nobody who grew up with the language has looked at it."""
    sentences: dict[Said, list[str]]


def languages() -> list[str]:
    """Return the languages there are. It blocks."""
    return sorted(path.stem for path in _FOLDER.glob("*.yaml"))


def load(language: str) -> Phrases:
    """Return the phrases of a language. It blocks. Raises KeyError for what is not there."""
    if language not in languages():
        raise KeyError(language)
    return read(language, load_yaml_dict(str(_FOLDER / f"{language}.yaml")))


def read(language: str, data: dict[str, Any]) -> Phrases:
    """Return phrases with each <word> replaced by what it stands for.

    Raises KeyError for a word that nobody explained.
    """
    words: dict[str, str] = data["words"]

    def put_in(text: str) -> str:
        while _WORD.search(text):
            text = _WORD.sub(lambda found: words[found[1]], text)
        return text

    sentences = {
        Said(kind): [put_in(sentence) for sentence in _together(told)]
        for kind, told in data["kinds"].items()
    }
    return Phrases(language, bool(data["draft"]), sentences)


def _together(sentences: list[str]) -> list[str]:
    """Write sentences that begin and end with the same word as one.

    Home Assistant reads them all again at each change, and that takes a time.
    """
    alike: dict[tuple[str, str], list[str]] = {}
    for sentence in sentences:
        found = _ENDS.fullmatch(sentence)
        begin, middle, end = found.groups() if found else ("", sentence, "")
        alike.setdefault((begin or "", end or ""), []).append(middle)
    return [
        f"{begin} ({'|'.join(middles)}) {end}".strip()
        for (begin, end), middles in alike.items()
    ]
