"""How much of what is said aloud raises distress: synthesised, heard, understood, told.

flite speaks, PocketSphinx listens, a real Assist decides. It is one clear voice in a
silent room, and an old recogniser: what yours hears is not in these figures.
"""

import asyncio
import importlib
from pathlib import Path
import re
import subprocess
from typing import Any
import wave

from homeassistant.util.yaml import load_yaml_dict

from custom_components.smartlock_le.emergency.models import Kind
from custom_components.smartlock_le.models import HOME_ACTOR
from harness import ROOT

from .emergency import ready
from .figures import Figure
from .rig import Rig, rig

SAID = ROOT / "tests" / "emergency" / "said" / "en_4.yaml"
"""The last collection: nobody had seen it when the sentences were written."""
KINDS = ("police", "fire", "medical")
EVERYDAY = 100
"""So many of the everyday sentences."""
VOICE, RATE = "slt", 16_000


def _speak(text: str, path: Path) -> bytes:
    """Return what flite says, as 16-bit samples."""
    command = ["flite", "-voice", VOICE, "-t", text, "-o", str(path)]
    subprocess.run(command, check=True, capture_output=True)
    with wave.open(str(path)) as spoken:
        assert spoken.getframerate() == RATE
        return bytes(spoken.readframes(spoken.getnframes()))


class _Ear:
    """PocketSphinx with the American English that it brings."""

    def __init__(self) -> None:
        """Load it. It blocks."""
        # Only this workload needs it: script/bootstrap speech.
        library = importlib.import_module("pocketsphinx")
        self._decoder = library.Decoder(samprate=RATE, loglevel="FATAL")

    def hear(self, samples: bytes) -> str:
        """Return the words that it heard. It blocks."""
        self._decoder.start_utt()
        self._decoder.process_raw(samples, full_utt=True)
        self._decoder.end_utt()
        found = self._decoder.hyp()
        return str(found.hypstr) if found else ""


def _plain(text: str) -> str:
    return re.sub(r"[^a-z' ]", "", text.lower()).strip()


async def _raises(on: Rig, text: str) -> Kind | None:
    """Say it to Assist; return what it raised, and end that."""
    if not text:
        return None
    await on.hass.services.async_call(
        "conversation",
        "process",
        {"text": text, "language": "en"},
        blocking=True,
        return_response=True,
    )
    room = on.home.emergency.incidents
    found = [one.kind for one in room.open()]
    for incident in room.open():
        await room.cancel(incident.id, HOME_ACTOR, pin=True)
    return found[0] if found else None


async def _measure(on: Rig, folder: Path) -> dict[str, float]:
    said: dict[str, Any] = await asyncio.to_thread(load_yaml_dict, str(SAID))
    ear = await asyncio.to_thread(_Ear)
    await ready(on, languages=("en",), window=60)

    async def hear(text: str) -> str:
        samples = await asyncio.to_thread(_speak, text, folder / "said.wav")
        return await asyncio.to_thread(ear.hear, samples)

    exact = spoken = typed = total = false = 0
    for kind in KINDS:
        for text in said[kind]:
            heard = await hear(text)
            total += 1
            exact += _plain(heard) == _plain(text)
            spoken += await _raises(on, heard) == kind
            typed += await _raises(on, text) == kind
    for text in said["everyday"][:EVERYDAY]:
        false += await _raises(on, await hear(text)) is not None
    return {
        "speech_heard_exactly_percent": 100 * exact / total,
        "speech_raises_percent": 100 * spoken / total,
        "typed_raises_percent": 100 * typed / total,
        "speech_false_of_everyday": false,
        "speech_sentences": total,
        "speech_everyday_sentences": min(EVERYDAY, len(said["everyday"])),
    }


async def run(folder: Path, *, profile: bool) -> list[Figure]:
    """Run the workload."""
    async with rig(folder) as on:
        values = await _measure(on, folder)
    return [
        Figure(name, round(value, 1), "%" if name.endswith("percent") else "")
        for name, value in values.items()
    ]
