"""The responders' page before it knows anything: the same for everybody, in their language."""

import base64
import hashlib
from html import escape
import json
from pathlib import Path
from typing import Final

from homeassistant.core import HomeAssistant

from ..notices import common_texts

LANGUAGES: Final = ("en", "de", "es", "fr", "it", "nl", "pt")
_FOLDER: Final = Path(__file__).parent / "page"
HEADERS: Final = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


def language_of(accepted: str, otherwise: str) -> str:
    """Return the language of an Accept-Language header that the page has.

    RFC 9110, 12.5.4; in the order of their weights.
    """
    wanted: list[tuple[float, str]] = []
    for part in accepted.split(","):
        tag, _, weight = part.strip().partition(";q=")
        try:
            wanted.append((float(weight or 1), tag.split("-")[0].lower()))
        except ValueError:
            continue
    wanted.sort(key=lambda one: -one[0])
    known = (tag for weight, tag in wanted if weight > 0 and tag in LANGUAGES)
    return next(known, otherwise if otherwise in LANGUAGES else "en")


class Shell:
    """The page in each language, made once."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Take Home Assistant."""
        self._hass = hass
        self._made: dict[str, str] = {}
        self.headers = dict(HEADERS)

    async def page(self, language: str) -> str:
        """Return the page in a language that it has."""
        if language not in self._made:
            parts = await self._hass.async_add_executor_job(_read)
            words = await common_texts(self._hass, "page_", language)
            self.headers["Content-Security-Policy"] = _policy(*parts)
            self._made[language] = _page(language, words, *parts)
        return self._made[language]


def _read() -> tuple[str, str]:
    style = (_FOLDER / "page.css").read_text(encoding="utf-8")
    return style, (_FOLDER / "page.js").read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    """Return what the page may do: run this script, and speak with us."""

    def source(text: str) -> str:
        hashed = hashlib.sha256(text.encode()).digest()
        return f"'sha256-{base64.b64encode(hashed).decode()}'"

    return "; ".join(
        (
            *("default-src 'none'", f"script-src {source(script)}"),
            *(f"style-src {source(style)}", "connect-src 'self'", "img-src blob:"),
            *("base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"),
        )
    )


def _page(language: str, words: dict[str, str], style: str, script: str) -> str:
    # Nothing in a block of data ends it.
    data = json.dumps(words, ensure_ascii=False).replace("<", "\\u003c")
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="robots" content="noindex,nofollow,noarchive">'
        f"<title>{escape(words['title'])}</title><style>{style}</style></head>"
        f'<body><main id="main"><h1>{escape(words["title"])}</h1>'
        f'<p role="status" id="status">{escape(words["loading"])}</p>'
        f"<noscript><p>{escape(words['no_script'])}</p></noscript></main>"
        f'<script type="application/json" id="words">{data}</script>'
        f"<script>{script}</script></body></html>"
    )
