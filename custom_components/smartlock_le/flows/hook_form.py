"""What is asked of a server that takes a signed webhook."""

from typing import Any

import voluptuous as vol

from ..emergency.channels.webhook import is_safe, read_secret
from .fields import SECRET_FIELD, TEXT_FIELD

_LONGEST_URL = 500


def hook_fields(*, known: bool) -> dict[vol.Marker, Any]:
    """Return its fields; `known`: there is one, and its secret is not shown."""
    url: dict[vol.Marker, Any] = {vol.Required("url"): TEXT_FIELD}
    if known:
        return url | {vol.Optional("secret"): SECRET_FIELD}
    # To be read: the other side needs it before it can take the test.
    return url | {vol.Required("secret"): TEXT_FIELD}


def shown_again(said: dict[str, Any], *, known: bool) -> dict[str, Any]:
    """Return what a form shows of what was entered in it."""
    return {
        key: one for key, one in said.items() if one and not (known and key == "secret")
    }


def read_hook(said: dict[str, Any], secret: str) -> tuple[dict[str, str], str, str]:
    """Return what the form is to say, the address, and the secret: that one, if none is said."""
    url = str(said["url"]).strip()
    secret = str(said.get("secret") or secret).strip()
    if len(url) > _LONGEST_URL or not is_safe(url):
        return {"url": "webhook_url"}, url, secret
    try:
        read_secret(secret)
    except ValueError:
        return {"secret": "webhook_secret"}, url, secret
    return {}, url, secret
