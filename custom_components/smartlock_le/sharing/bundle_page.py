"""The report of a release: one page that a person reads and prints, nothing from elsewhere."""

from base64 import b64encode
from collections.abc import Collection, Mapping
from datetime import datetime
from html import escape
from pathlib import Path
from typing import IO, TYPE_CHECKING

from ..models import Asked, Wanted
from .models import Scope
from .redaction import BARS, MOST_SHOWN, Found, Row

if TYPE_CHECKING:
    from .bundle import About

_MOST_BYTES = 24 * 1024 * 1024
"""Of pictures in the page itself; all of them are beside it."""
_COLUMNS = ("time", "device", "event", "method", "person")
_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;color:#111;background:#fff;max-width:60rem;
margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem}h2{font-size:1.1rem;margin:1.6rem 0 .4rem;break-after:avoid}
table{width:100%;border-collapse:collapse}
th,td{padding:.25rem .5rem .25rem 0;border-bottom:1px solid #ddd;text-align:left;
vertical-align:top;overflow-wrap:anywhere}
tr{break-inside:avoid}thead{display:table-header-group}
figure{display:inline-block;margin:0 1rem 1rem 0;max-width:18rem;break-inside:avoid}
figure img{width:100%}figcaption{font-size:.8rem}
svg{display:block;width:100%;height:6rem}rect{fill:#1a5fb4}
.note{border-left:.3rem solid #b00;padding-left:.7rem}
code{overflow-wrap:anywhere}
@media print{body{margin:0;max-width:none;font-size:11px}rect{fill:#000}}
"""


def write_page(
    file: IO[bytes],
    payload: Path,
    asked: Asked,
    scope: Scope,
    found: Found,
    there: Collection[str],
    about: About,
    vkey: str,
) -> None:
    """Write the page; `there` are the pictures that are beside it."""
    words = about.words
    page = _Page(file, about)
    page.put(
        f'<!doctype html>\n<html lang="{escape(about.language)}"><head>'
        '<meta charset="utf-8"><meta name="viewport" '
        'content="width=device-width,initial-scale=1">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'; img-src data:\">"
        f"<title>{escape(words['title'])}</title><style>{_STYLE}</style></head>\n<body>"
    )
    page.put(f"<h1>{escape(words['title'])}</h1>")
    page.facts(
        {
            "agency": asked.agency,
            "request": asked.request,
            "instrument": words.get(f"instrument.{asked.instrument}", asked.instrument),
            "release": about.release,
            "window": f"{page.time(scope.since)} – {page.time(scope.until)}",
            "devices": ", ".join(
                about.names.get(device, device) for device in sorted(scope.devices)
            ),
            "kinds": ", ".join(words[f"kind.{kind}"] for kind in sorted(scope.kinds)),
            "made": page.time(about.made),
        }
    )
    for note in _notes(scope, found, there, words):
        page.put(f'<p class="note">{escape(note)}</p>')
    page.chart(found, scope)
    page.rows(found)
    page.pictures(payload, found, there)
    page.put(f"<h2>{escape(words['limits_title'])}</h2>")
    for line in words["limits"].splitlines():
        page.put(f"<p>{escape(line)}</p>")
    around = found.around
    if around:
        text = words["around"].format(
            before=around.get("before", words["none"]),
            after=around.get("after", words["none"]),
        )
        page.put(f"<p>{escape(text)}</p>")
    page.put(
        f"<h2>{escape(words['check_title'])}</h2><p>{escape(words['check'])}</p>"
        "<p><code>python3 verify.py ..</code></p>"
        f"<p>{escape(words['key'])} <code>{escape(vkey)}</code></p>"
        "</body></html>\n"
    )


def _notes(
    scope: Scope, found: Found, there: Collection[str], words: Mapping[str, str]
) -> list[str]:
    """Return what a reader must not miss."""
    notes = []
    if found.hidden:
        notes.append(words["hidden"].format(count=found.hidden))
    if found.erased:
        notes.append(words["erased"].format(count=found.erased))
    if found.broken:
        listed = ", ".join(map(str, found.broken[:20]))
        notes.append(words["broken"].format(count=len(found.broken), entries=listed))
    if missing := len(found.media) - len(there):
        notes.append(words["missing"].format(count=missing))
    if Wanted.PICTURES in scope.kinds and Wanted.CLIPS not in scope.kinds:
        notes.append(words["stills_only"])
    if found.media:
        notes.append(words["masks"])
    if found.people:
        notes.append(words["people"])
    return notes


class _Page:
    """Writes the page, piece by piece."""

    def __init__(self, file: IO[bytes], about: About) -> None:
        self._file = file
        self._about = about
        self._words = about.words

    def put(self, text: str) -> None:
        """Write some of it."""
        self._file.write(f"{text}\n".encode())

    def time(self, time: datetime) -> str:
        """Return a time as it is there, with its distance from UTC."""
        return f"{time.astimezone(self._about.zone):%Y-%m-%d %H:%M:%S %z}"

    def facts(self, facts: Mapping[str, str]) -> None:
        """Write a table of facts."""
        self.put("<table>")
        for name, text in facts.items():
            label = escape(self._words[f"fact_{name}"])
            self.put(f"<tr><th>{label}</th><td>{escape(text)}</td></tr>")
        self.put("</table>")

    def chart(self, found: Found, scope: Scope) -> None:
        """Draw how many there were over the window."""
        most = max(found.bars) or 1
        bars = "".join(
            f'<rect x="{at * 10 + 1}" y="{100 - 90 * count // most}" width="8" '
            f'height="{90 * count // most}"/>'
            for at, count in enumerate(found.bars)
            if count
        )
        title = escape(self._words["chart"])
        self.put(
            f"<h2>{title}</h2>"
            f'<svg viewBox="0 0 {BARS * 10} 100" preserveAspectRatio="none" role="img" '
            f'aria-label="{title}">{bars}<line x1="0" y1="100" x2="{BARS * 10}" y2="100" '
            'stroke="currentColor"/></svg>'
            f"<p>{self.time(scope.since)} – {self.time(scope.until)}</p>"
        )

    def rows(self, found: Found) -> None:
        """Write the table of what happened."""
        heads = "".join(
            f"<th>{escape(self._words[f'column_{name}'])}</th>" for name in _COLUMNS
        )
        self.put(
            f"<h2>{escape(self._words['events'])}</h2>"
            f"<table><thead><tr><th>#</th>{heads}</tr></thead><tbody>"
        )
        for row in sorted(found.rows, key=lambda row: str(row["time"])):
            cells = "".join(f"<td>{escape(text)}</td>" for text in self._cells(row))
            self.put(f"<tr><td>{row['number']}</td>{cells}</tr>")
        self.put("</tbody></table>")
        if found.entries > MOST_SHOWN:
            text = self._words["more"].format(count=found.entries - MOST_SHOWN)
            self.put(f"<p>{escape(text)}</p>")

    def _cells(self, row: Row) -> list[str]:
        device = str(row["device"])
        return [
            self.time(datetime.fromisoformat(str(row["time"]))),
            self._about.names.get(device, device),
            *(str(row.get(name, "")).replace("_", " ") for name in ("event", "method")),
            str(row.get("person", "")),
        ]

    def pictures(self, payload: Path, found: Found, there: Collection[str]) -> None:
        """Show the pictures, as many as a page can hold."""
        if not there:
            return
        self.put(f"<h2>{escape(self._words['pictures'])}</h2>")
        left = _MOST_BYTES
        for row, picture in found.media:
            name = str(row["file"])
            if name not in there:
                continue
            shown = ""
            size = (payload / name).stat().st_size
            if name.endswith(".jpg") and size <= left:
                left -= size
                data = b64encode((payload / name).read_bytes()).decode()
                shown = f'<img alt="" src="data:image/jpeg;base64,{data}">'
            self.put(
                f"<figure>{shown}<figcaption>#{row['number']}, {self.time(picture.time)}<br>"
                f"{name}</figcaption></figure>"
            )
