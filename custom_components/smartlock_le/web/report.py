"""The transparency report as a file, for admins: JSON, CSV, or one page."""

from datetime import datetime
from http import HTTPStatus
from typing import Final

from aiohttp import web
from homeassistant.components.http import KEY_HASS_USER, HomeAssistantView
from homeassistant.core import HomeAssistant

from ..const import DOMAIN
from ..home import loaded_home
from ..log import LogUnavailable
from ..notices import common_texts, words
from ..sharing.report import report
from ..sharing.report_page import page

URL: Final = f"/api/{DOMAIN}/report/"
_TYPES = {"json": "application/json", "csv": "text/csv", "html": "text/html"}
_TABLES = {
    "instrument": "instrument",
    "agency_type": "agency_type",
    "outcome": "request_outcome",
    "rule": "request_rule",
}
"""By which selector the values of a table are called."""


class ReportView(HomeAssistantView):
    """Gives the report of `since` to `until` (ISO 8601 with zone)."""

    url = URL + "{kind}/{form}/{since}/{until}"
    name = f"api:{DOMAIN}:report"

    def __init__(self, hass: HomeAssistant) -> None:
        """Take Home Assistant: a home may come later."""
        self._hass = hass

    async def get(
        self, request: web.Request, kind: str, form: str, since: str, until: str
    ) -> web.Response:
        """Give it."""
        home = loaded_home(self._hass)
        if home is None or not request[KEY_HASS_USER].is_admin or kind not in _TYPES:
            return web.Response(status=HTTPStatus.NOT_FOUND)
        if form not in ("owner", "public"):
            return web.Response(status=HTTPStatus.NOT_FOUND)
        try:
            first, last = datetime.fromisoformat(since), datetime.fromisoformat(until)
        except ValueError:
            return web.Response(status=HTTPStatus.BAD_REQUEST)
        if first.utcoffset() is None or last.utcoffset() is None or first >= last:
            return web.Response(status=HTTPStatus.BAD_REQUEST)
        try:
            made = await report(home.log, first, last, public=form == "public")
        except LogUnavailable:
            return web.Response(status=HTTPStatus.SERVICE_UNAVAILABLE)
        if kind == "html":
            text = page(made, await _words(self._hass), self._hass.config.language)
            data = text.encode()
        else:
            data = made.as_json() if kind == "json" else made.as_csv()
        return web.Response(
            body=data,
            content_type=_TYPES[kind],
            charset="utf-8",
            headers={
                "Cache-Control": "private, no-store",
                "Content-Disposition": f'attachment; filename="report.{kind}"',
                "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
                "X-Content-Type-Options": "nosniff",
            },
        )


async def _words(hass: HomeAssistant) -> dict[str, str]:
    """Return what the page calls things."""
    found = await common_texts(hass, "report_")
    for table, selector in _TABLES.items():
        named = await words(hass, selector)
        found |= {f"{table}.{value}": text for value, text in named.items()}
    return found
