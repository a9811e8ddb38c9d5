"""A risk report as one HTML file that needs no other: no script, figures in it, every outside text escaped."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any, Final

from rollproof.report import risk_report
from rollproof.report.risk_document import Block, Link, Picture, Points, Refused, Section, Table, Wider
from rollproof.report.risk_numbers import named
from rollproof.report.text import visible

# The colours have at least 4.5 to 1 of contrast on their grounds. Figures keep a white ground in both schemes.
STYLE: Final = """
:root{color-scheme:light dark;--ground:#fff;--text:#1f2328;--quiet:#59636e;--line:#d1d9e0;--row:#f6f8fa;--bad:#cf222e;
--link:#0969da}
@media(prefers-color-scheme:dark){:root{--ground:#0d1117;--text:#e6edf3;--quiet:#9198a1;--line:#3d444d;--row:#151b23;
--bad:#ff7b72;--link:#4493f8}}
body{font:15px/1.5 system-ui,sans-serif;margin:0 auto;padding:1.5em;max-width:70em;background:var(--ground);
color:var(--text)}
h1{font-size:1.5em;line-height:1.25}h2{font-size:1.2em;border-bottom:1px solid var(--line);margin-top:2em}
h3{font-size:1em;margin-bottom:.3em}h1,h2,h3,p,li,td,th{overflow-wrap:anywhere}
.scroll{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums;margin:.5em 0}
caption{text-align:left;color:var(--quiet);padding-bottom:.2em}
th,td{padding:.2em .9em .2em 0;vertical-align:top}th{font-weight:600;color:var(--quiet)}
tbody tr:nth-child(odd){background:var(--row)}
.first{font-size:1.1em}.refused{color:var(--bad);font-weight:600}.quiet{color:var(--quiet)}a{color:var(--link)}
figure{margin:1em 0;padding:.5em;background:#fff;color:#1f2328;border:1px solid var(--line);border-radius:6px}
figure svg{width:100%;height:auto;display:block}figcaption{font-size:.9em}
@media print{body{max-width:none}figure,tr{break-inside:avoid}}
"""
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_ADDRESS: Final = re.compile(r"https://[A-Za-z0-9.-]+(?:/[A-Za-z0-9._~%/?#=&+,:@-]*)?")
_SVG: Final = re.compile(r"<svg\b.*</svg>", re.DOTALL)
_NAMES: Final = re.compile(r'(\bid="|\burl\(#|\bhref="#)')


def page(reports: Sequence[tuple[Mapping[str, Any], Mapping[str, str]]]) -> str:
    """A whole page of (record, its figures as SVG by the names of `figure.all_of`).

    Figures are put in as they are: they have to be of `figure`. Raises Unsupported for a record of another format.
    """
    names = [named((record.get("scenario") or {}).get("name")) for record, _ in reports]
    head = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{_text('What an execution failure costs: ' + ', '.join(names))}</title><style>{STYLE}</style></head>"
    )
    bodies = [
        f'<main id="report-{at}">{html(record, figures, prefix=f"r{at}-")}</main>'
        for at, (record, figures) in enumerate(reports, 1)
    ]
    return f"{head}<body>\n{chr(10).join(bodies)}\n</body></html>\n"


def html(record: Mapping[str, Any], figures: Mapping[str, str], *, full: bool = True, prefix: str = "") -> str:
    """The report's parts, without the page around them; ``prefix`` keeps the figures' names apart on a page."""
    left = dict(figures)
    parts = [part for section in risk_report.sections(record, full=full) for part in _section(section, left, prefix)]
    parts += [_figure(svg, name, f"{prefix}{name}-") for name, svg in left.items()]
    return "\n".join(parts)


def _section(section: Section, figures: dict[str, str], prefix: str) -> Iterator[str]:
    blocks = [part for each in section.blocks for part in _block(each, figures, prefix)]
    pictures_only = bool(section.blocks) and all(isinstance(each, Picture) for each in section.blocks)
    if section.title and (blocks or not pictures_only):
        yield f"<h{section.level}>{_text(section.title)}</h{section.level}>"
    yield from blocks


def _block(block: Block, figures: dict[str, str], prefix: str) -> Iterator[str]:
    if isinstance(block, Table):
        yield _table(block)
    elif isinstance(block, Points):
        yield f"<ul>{''.join(f'<li>{_inline(item)}</li>' for item in block.items)}</ul>"
    elif isinstance(block, Picture):
        if (svg := figures.pop(block.name, None)) is not None:
            yield _figure(svg, block.title, f"{prefix}{block.name}-")
    else:
        yield f'<p class="refused">{_text(block)}</p>' if isinstance(block, Refused) else f"<p>{_inline(block)}</p>"


def _table(table: Table) -> str:
    caption = f"<caption>{_text(table.title)}</caption>" if table.title else ""
    head = f"<thead>{_row(table, table.head, 'th')}</thead>" if any(table.head) else ""
    body = "".join(_row(table, each, "td") for each in table.rows)
    marked = any(isinstance(cell, Wider) for each in table.rows for cell in each)
    legend = '<p class="quiet">Bold: the wider of the two intervals.</p>' if marked else ""
    return f'<div class="scroll"><table>{caption}{head}<tbody>{body}</tbody></table></div>{legend}'


def _row(table: Table, cells: Sequence[str], tag: str) -> str:
    sides = ["left" if at in table.left else "right" for at in range(len(cells))]
    begin = [f'<{tag} style="text-align:{side}">' for side in sides]
    return f"<tr>{''.join(f'{at}{_inline(cell)}</{tag}>' for at, cell in zip(begin, cells, strict=True))}</tr>"


def _figure(svg: str, title: str, prefix: str) -> str:
    """Inline, its names made its own: several figures on a page have the same ones."""
    found = _SVG.search(svg)
    drawn = _NAMES.sub(lambda name: name[0] + prefix, found[0]) if found else ""
    return f'<figure role="img" aria-label="{_text(title)}">{drawn}<figcaption>{_text(title)}</figcaption></figure>'


def _inline(said: str) -> str:
    if isinstance(said, Wider):
        return f"<strong>{_text(said)}</strong>"
    if isinstance(said, Link) and _ADDRESS.fullmatch(said):
        return f'<a href="{escape(said)}" rel="noreferrer noopener">{_text(said)}</a>'
    return _text(said)


def _text(said: str) -> str:
    return escape(visible(said))
