"""Errors of the rooms as Home Assistant shows them: translated, without a secret."""

from collections.abc import Iterator
from contextlib import contextmanager

from homeassistant.exceptions import HomeAssistantError, ServiceValidationError

from .access.code_models import CodeError
from .access.models import GrantError
from .cameras.plate_file import PlatesLocked
from .const import DOMAIN
from .emergency.models import EmergencyError
from .log import LogRefused, LogUnavailable
from .models import LockRefused, LockUnreachable, OutcomeUnknown
from .requests.models import RequestError
from .responders.models import LinkError
from .sharing.models import ReleaseError


@contextmanager
def translated(lock: str = "") -> Iterator[None]:
    """Turn every error of the rooms into one that a person can read."""
    try:
        yield
    except LockUnreachable as err:
        raise _home_error("lock_unreachable", lock) from err
    except OutcomeUnknown as err:
        raise _home_error("outcome_unknown", lock) from err
    except LockRefused as err:
        raise _home_error(f"refused_{err.reason}", lock) from err
    except LogUnavailable as err:
        raise _home_error("log_unavailable", lock) from err
    except CodeError as err:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key=err.key,
            translation_placeholders={"lock": err.lock},
        ) from err
    except PlatesLocked as err:
        raise _home_error("plates_locked", lock) from err
    except (
        EmergencyError,
        GrantError,
        LinkError,
        LogRefused,
        ReleaseError,
        RequestError,
    ) as err:
        raise ServiceValidationError(
            translation_domain=DOMAIN, translation_key=err.key
        ) from err


def _home_error(key: str, lock: str) -> HomeAssistantError:
    return HomeAssistantError(
        translation_domain=DOMAIN,
        translation_key=key,
        translation_placeholders={"lock": lock},
    )
