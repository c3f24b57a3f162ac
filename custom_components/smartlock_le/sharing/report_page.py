"""The transparency report as one page: words, bars, nothing from elsewhere."""

from collections.abc import Mapping
from datetime import timedelta
from html import escape

from .report import Report

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;color:#111;background:#fff;max-width:44rem;
margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem}h2{font-size:1.1rem;margin:1.6rem 0 .4rem}
table{width:100%;border-collapse:collapse}
td{padding:.25rem .5rem .25rem 0;border-bottom:1px solid #ddd;vertical-align:middle}
td:first-child{width:40%}td:nth-child(2){width:15%;text-align:right}
svg{display:block;width:100%;height:.9rem}rect{fill:#1a5fb4}
@media(prefers-color-scheme:dark){body{color:#eee;background:#111}rect{fill:#78aeed}
td{border-color:#444}}
@media print{body{color:#000;background:#fff;margin:0}rect{fill:#000}}
"""


def page(report: Report, words: Mapping[str, str], language: str) -> str:
    """Return the page; `words` has a text for each name of a table, value and label."""
    period = words["period"].format(
        since=f"{report.since:%Y-%m-%d}",
        # The last day that is in it.
        until=f"{report.until - timedelta(microseconds=1):%Y-%m-%d}",
    )
    parts = [
        f"<h1>{escape(words['title'])}</h1>",
        f"<p>{escape(period)}</p>",
        "<table>",
        _row(words["total"], report.total, ""),
        _row(words["gagged"], report.gagged, ""),
        _row(words["median_hours"], _or_none(report.median_hours, words), ""),
        *(
            _row(words[name], getattr(report, name), "")
            for name in ("delivered", "people", "devices", "feeds", "unapproved")
        ),
        "</table>",
    ]
    for name, table in report.tables.items():
        if not table:
            continue
        most = max(_size(count) for count in table.values())
        parts += [f"<h2>{escape(words[name])}</h2>", "<table>"]
        for value, count in table.items():
            label = words.get(f"{name}.{value}", words["unknown"])
            parts.append(_row(label, count, _bar(_size(count), most, label)))
        parts.append("</table>")
    note = words["public_note"] if report.public else words["owner_note"]
    parts += [f"<p>{escape(note)}</p>", f"<p>{escape(words['how'])}</p>"]
    body = "\n".join(parts)
    return (
        f'<!doctype html>\n<html lang="{escape(language)}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(words['title'])}</title><style>{_STYLE}</style></head>\n"
        f"<body>\n{body}\n</body></html>\n"
    )


def _or_none(value: int | None, words: Mapping[str, str]) -> int | str:
    return words["none"] if value is None else value


def _row(label: str, count: int | str, bar: str) -> str:
    return (
        f"<tr><td>{escape(label)}</td><td>{escape(str(count))}</td><td>{bar}</td></tr>"
    )


def _size(count: int | str) -> int:
    """Return how long a bar is: of a band, its upper end."""
    return count if isinstance(count, int) else int(count.rpartition("-")[2])


def _bar(size: int, most: int, label: str) -> str:
    width = 100 * size // most if most else 0
    return (
        f'<svg viewBox="0 0 100 10" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(label)}"><rect width="{width}" height="10"/></svg>'
    )
