"""Steps that end with words where the log cannot be used, or what they are about is gone."""

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any

from homeassistant.config_entries import ConfigFlowResult, OptionsFlow
from homeassistant.util.file import WriteError

from ..log import LogUnavailable
from ..requests.models import BadField, RequestError
from ..sharing.models import ReleaseError

type _Step[Flow] = Callable[[Flow, dict[str, Any] | None], Awaitable[ConfigFlowResult]]


def steady[Flow: OptionsFlow](step: _Step[Flow]) -> _Step[Flow]:
    """End a step that meets a log which cannot be used, or something that is gone."""

    @wraps(step)
    async def steady(
        self: Flow, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        try:
            return await step(self, user_input)
        except LogUnavailable:
            return self.async_abort(reason="log_unusable")
        except RequestError as err:
            return self.async_abort(reason=_gone(err))
        except ReleaseError:
            return self.async_abort(reason="release_gone")

    return steady


def _gone(err: RequestError) -> str:
    if err.key == "request_not_found":
        return "request_gone"
    return "agency_gone"


async def tried[T](changing: Awaitable[T]) -> tuple[dict[str, str], T | None]:
    """Return what a form is to say of a change, or what came of it."""
    try:
        return {}, await changing
    except BadField as err:
        return {err.field: err.key}, None
    except RequestError as err:
        return {"base": err.key}, None
    except ReleaseError as err:
        return {err.field: err.key}, None
    except LogUnavailable:
        return {"base": "log_unavailable"}, None
    except WriteError:
        return {"base": "not_saved"}, None
