"""The page that lists a directory, for `plait serve --listing`."""

from __future__ import annotations

import html
import os
import stat
import time
from collections.abc import Sequence

from .tree import quote_segments

# An entry costs about 200 octets of page and a `stat` in the event loop.
MAX_ENTRIES = 5000

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem }}
table {{ border-collapse: collapse; width: 100% }}
td, th {{ padding: .1rem .8rem .1rem 0; text-align: left; overflow-wrap: anywhere }}
.number {{ text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }}
</style>
</head>
<body>
<h1>{title}</h1>
<table>
<tr><th>Name</th><th class="number">Octets</th><th class="number">Changed (UTC)</th></tr>
{rows}
</table>
{note}</body>
</html>
"""
_ROW = '<tr><td><a href="{href}">{name}</a></td>{size}{changed}</tr>'
_NUMBER = '<td class="number">{}</td>'


def render_listing(
    segments: Sequence[str], entries: Sequence[tuple[str, os.stat_result]], truncated: bool
) -> bytes:
    """Return the HTML page, in UTF-8, for the directory that `segments` name."""
    rows = []
    if segments:
        rows.append(_ROW.format(href="../", name="../", size=_NUMBER.format(""), changed=""))
    for name, info in sorted(entries, key=_order):
        rows.append(_row(name, info))
    title = "Files in " + "".join(f"/{segment}" for segment in segments) + "/"
    note = f"<p>Only {len(entries)} entries are shown.</p>\n" if truncated else ""
    page = _PAGE.format(title=_escape(title), rows="\n".join(rows), note=note)
    return page.encode()


def _order(entry: tuple[str, os.stat_result]) -> tuple[bool, str]:
    return not stat.S_ISDIR(entry[1].st_mode), entry[0]


def _row(name: str, info: os.stat_result) -> str:
    directory = stat.S_ISDIR(info.st_mode)
    mark = "/" if directory else ""
    changed = time.strftime("%Y-%m-%d %H:%M", time.gmtime(info.st_mtime))
    # The "./" keeps a name with a colon from being read as a URL with a scheme.
    return _ROW.format(
        href=_escape("." + quote_segments([name]) + mark),
        name=_escape(name + mark),
        size=_NUMBER.format("" if directory else info.st_size),
        changed=_NUMBER.format(changed),
    )


def _escape(text: str) -> str:
    # A name that is no UTF-8 holds surrogates, which have no place in the page.
    return html.escape(os.fsencode(text).decode("utf-8", "replace"))
