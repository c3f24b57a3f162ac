"""Distress by voice: sentences that Assist hears, without a file that anybody had to copy.

They are triggers, as those of an automation: matched before any other agent is asked.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
import logging
from typing import Any

from hassil import Intents, WildcardSlotList, recognize
from homeassistant.components.conversation import (
    DOMAIN as CONVERSATION,
    HOME_ASSISTANT_AGENT,
    ConversationInput,
)
from homeassistant.components.conversation.agent_manager import get_agent_manager
from homeassistant.core import CALLBACK_TYPE, Context, HomeAssistant
from homeassistant.helpers.script import ScriptRunResult
from homeassistant.helpers.trigger import (
    async_initialize_triggers,
    async_validate_trigger_config,
)

from .const import DOMAIN
from .emergency import phrases
from .emergency.phrases import Phrases, Said

_LOGGER = logging.getLogger(__name__)

DISTRESS = (Said.MEDICAL, Said.FIRE, Said.POLICE)
"""What is heard at any time; the rest only while something is open."""

type Heard = Callable[[Said, str, Context], Awaitable[str]]
"""Takes what was said, in which language, and by whom; returns the answer."""


@dataclass(slots=True)
class _Language:
    phrases: Phrases
    kinds: Mapping[Said, Intents]


class Voice:
    """Listens through Assist."""

    def __init__(self, hass: HomeAssistant, heard: Heard) -> None:
        """Listen to nothing yet."""
        self._hass = hass
        self._heard = heard
        self._languages: dict[str, _Language] = {}
        self._undo: dict[tuple[str, bool], CALLBACK_TYPE] = {}
        self._changing = asyncio.Lock()
        self._stopped = False

    @property
    def listening(self) -> bool:
        """Tell whether distress is heard in any language."""
        return any(not cancel for _, cancel in self._undo)

    async def listen(self, languages: tuple[str, ...], *, cancel: bool) -> None:
        """Hear distress in these languages from now on, and with `cancel` that it is over."""
        async with self._changing:
            wanted = {(language, False) for language in languages}
            if cancel:
                wanted |= {(language, True) for language in languages}
            if self._stopped:
                return
            gone, new = self._undo.keys() - wanted, wanted - self._undo.keys()
            for key in gone:
                self._undo.pop(key)()
            for key in new:
                await self._start(*key)
            if gone or new:
                await self._read_again()

    def stop(self) -> None:
        """Hear nothing more."""
        self._stopped = True
        for undo in self._undo.values():
            undo()
        self._undo.clear()

    async def _start(self, language: str, cancel: bool) -> None:
        try:
            if language not in self._languages:
                self._languages[language] = await self._hass.async_add_executor_job(
                    _load, language
                )
        except KeyError:
            # Of a version that had more of them.
            _LOGGER.error("There are no phrases in %s", language)
            return
        told = self._languages[language].phrases.sentences
        heard = (Said.CANCEL,) if cancel else DISTRESS
        sentences = [sentence for kind in heard for sentence in told[kind]]
        config = await async_validate_trigger_config(
            self._hass, [{"platform": CONVERSATION, "command": sentences}]
        )
        undo = await async_initialize_triggers(
            self._hass,
            config,
            partial(self._said, language, heard),
            DOMAIN,
            f"distress {language}",
            _quiet,
        )
        if undo is None:
            _LOGGER.error("Distress by voice in %s could not be set up", language)
        elif self._stopped:
            undo()
        else:
            self._undo[language, cancel] = undo

    async def _read_again(self) -> None:
        """Have Home Assistant read the sentences now, not when somebody needs help.

        It reads all of them at the first sentence after a change, for a tenth of a second.
        """
        if (agent := get_agent_manager(self._hass).default_agent) is None:
            return
        nothing = ConversationInput(
            text="-",
            context=Context(),
            conversation_id=None,
            device_id=None,
            satellite_id=None,
            language=self._hass.config.language,
            agent_id=HOME_ASSISTANT_AGENT,
        )
        await agent.async_recognize_sentence_trigger(nothing)

    async def _said(
        self,
        language: str,
        heard: Collection[Said],
        variables: Mapping[str, Any],
        context: Context | None = None,
    ) -> ScriptRunResult:
        trigger, kinds = variables["trigger"], self._languages[language].kinds
        sentence = trigger["sentence"]
        kind = meaning(sentence, {one: kinds[one] for one in Said if one in heard})
        # Who it was stands there, where it is known at all: a satellite knows nobody.
        user = trigger["user_input"]["context"].get("user_id")
        answer = await self._heard(kind, language, Context(user_id=user))
        if recognize(sentence, kinds[Said.SILENT]) is not None:
            # Who asks for help and for quiet gets no word in return.
            answer = ""
        return ScriptRunResult(answer, None, {})


def _quiet(level: int, message: str, *args: Any, **kwargs: Any) -> None:
    """Log what goes wrong; that it was set up is no news at each incident."""
    if level > logging.INFO:
        _LOGGER.log(level, message, *args, **kwargs)


def _load(language: str) -> _Language:
    found = phrases.load(language)
    return _Language(found, {kind: intents(found, kind) for kind in Said})


def intents(found: Phrases, kind: Said) -> Intents:
    """Return the sentences of one meaning, to match against."""
    data = {"data": [{"sentences": found.sentences[kind]}]}
    made = Intents.from_dict({"language": found.language, "intents": {kind: data}})
    made.slot_lists["rest"] = WildcardSlotList("rest")
    return made


def meaning(sentence: str, kinds: Mapping[Said, Intents]) -> Said:
    """Return what a sentence means that was matched: the first of these that fits.

    Home Assistant's own matching does not tell which of them it was.
    """
    for kind, said in kinds.items():
        if recognize(sentence, said) is not None:
            return kind
    return Said.POLICE
