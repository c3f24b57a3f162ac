"""The switch for sharing with law enforcement: on only where all records say on.

Home Assistant keeps the setting and writes it down a second later; the log has it at
once. Where the two disagree, something was lost in between, and it is off.
"""

from collections.abc import Callable

from sqlalchemy import Executable, select

from ..log import Log, LogUnavailable, put
from ..models import HOME_ACTOR, Actor, ActorKind
from .tables import settings

_OWNER = Actor(ActorKind.OWNER)


class SharingSwitch:
    """Off, unless the setting and the log say on."""

    def __init__(
        self,
        log: Log,
        home_id: str,
        read: Callable[[], bool],
        save: Callable[[bool], None],
    ) -> None:
        """Take the log, and what reads and saves Home Assistant's setting.

        A home that is made anew keeps the log and has a switch of its own: `home_id`.
        """
        self._log = log
        self._name = f"sharing.{home_id}"
        self._read = read
        self._save = save
        self._agreed = False
        """The log says what the setting says."""

    @property
    def on(self) -> bool:
        """Tell whether sharing is on."""
        return self._agreed and self._read()

    async def load(self) -> None:
        """Compare the setting with what was last entered; enter what it is."""
        query = select(settings.c.value).where(settings.c.name == self._name)
        try:
            rows = await self._log.read(query)
        except LogUnavailable:
            return
        if self._log.volatile:
            return
        wanted = self._read()
        if rows and rows[0]["value"] == _word(wanted):
            self._agreed = True
        elif rows:
            await self._switch_off(HOME_ACTOR)
        elif wanted:
            # Of a new home: its owner said so while making it.
            try:
                await self._enter_on(_OWNER)
            except LogUnavailable:
                return
        else:
            await self._switch_off(_OWNER)

    async def set(self, on: bool, actor: Actor) -> None:
        """Switch. Off works at once, whatever the log does.

        On raises LogUnavailable where it could not be entered first.
        """
        if on == self.on == self._read():
            return
        if on:
            await self._enter_on(actor)
            self._save(True)
        else:
            await self._switch_off(actor)

    async def _enter_on(self, actor: Actor) -> None:
        await self._log.append("setting", _fields(True, actor), also=self._row(True))
        self._agreed = True

    async def _switch_off(self, actor: Actor) -> None:
        self._save(False)
        await self._log.append_or_keep(
            "setting", _fields(False, actor), also=self._row(False)
        )
        self._agreed = True

    def _row(self, on: bool) -> Callable[[int], list[Executable]]:
        return lambda _: put(settings, name=self._name, value=_word(on))


def _word(on: bool) -> str:
    return "on" if on else "off"


def _fields(on: bool, actor: Actor) -> dict[str, str]:
    return {"setting": "sharing", "value": _word(on), **actor.fields()}
