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

type Listening = tuple[str, tuple[Said, ...]]
"""A language, and what is heard in it; the own sentence of the owner, and nothing."""

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
        self._undo: dict[Listening, CALLBACK_TYPE] = {}
        self._changing = asyncio.Lock()
        self._stopped = False

    @property
    def listening(self) -> bool:
        """Tell whether distress is heard in any language."""
        return any(Said.POLICE in kinds for _, kinds in self._undo)

    async def listen(
        self,
        languages: tuple[str, ...],
        *,
        loud: bool,
        silent: bool,
        cancel: bool,
        word: str,
    ) -> None:
        """Hear distress in these languages from now on.

        `loud` that of which all hear, `silent` who asks for quiet as well, `cancel` that it
        is over, `word` the owner's own sentence.
        """
        async with self._changing:
            distress = (
                *((Said.SILENT,) if silent else ()),
                *(DISTRESS if loud else ()),
            )
            over = (Said.CANCEL,) if loud and cancel else ()
            told = [kinds for kinds in (distress, over) if kinds]
            wanted = {(language, kinds) for language in languages for kinds in told}
            if word:
                wanted.add((word, ()))
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

    async def knows(self, sentence: str, languages: Collection[str]) -> bool:
        """Tell whether a sentence is one of ours in any of these languages."""
        for language in languages:
            kinds = (await self._load(language)).kinds
            if any(recognize(sentence, one) is not None for one in kinds.values()):
                return True
        return False

    async def _load(self, language: str) -> _Language:
        """Raise KeyError for a language that there is not."""
        if language not in self._languages:
            self._languages[language] = await self._hass.async_add_executor_job(
                _load, language
            )
        return self._languages[language]

    async def _start(self, language: str, heard: tuple[Said, ...]) -> None:
        if not heard:
            await self._hear((language, heard), [language], "own")
            return
        try:
            told = (await self._load(language)).phrases.sentences
        except KeyError:
            # Of a version that had more of them.
            _LOGGER.error("There are no phrases in %s", language)
            return
        sentences = [sentence for kind in heard for sentence in told[kind]]
        await self._hear((language, heard), sentences, language)

    async def _hear(self, key: Listening, sentences: list[str], name: str) -> None:
        config = await async_validate_trigger_config(
            self._hass, [{"platform": CONVERSATION, "command": sentences}]
        )
        undo = await async_initialize_triggers(
            self._hass,
            config,
            partial(self._said, *key),
            DOMAIN,
            f"distress {name}",
            _quiet,
        )
        if undo is None:
            _LOGGER.error("Distress by voice in %s could not be set up", name)
        elif self._stopped:
            undo()
        else:
            self._undo[key] = undo

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
        trigger = variables["trigger"]
        # Who it was stands there, where it is known at all: a satellite knows nobody.
        by_whom = Context(user_id=trigger["user_input"]["context"].get("user_id"))
        if not heard:
            own = await self._heard(Said.SILENT, language, by_whom)
            return ScriptRunResult(own, None, {})
        sentence, kinds = trigger["sentence"], self._languages[language].kinds
        kind = meaning(sentence, {one: kinds[one] for one in Said if one in heard})
        answer = await self._heard(kind, language, by_whom)
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
