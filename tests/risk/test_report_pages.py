"""The report as Markdown, HTML and data frames: hostile names stay text, and figures stay the record's."""

from __future__ import annotations

import re
import sys
from html.parser import HTMLParser

import polars as pl
import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from risk.report_records import bare, hostile, made
from rollproof.errors import Missing, Unsupported
from rollproof.report import figure, risk_frame, risk_html, risk_markdown, risk_notebook

TAGS = {
    "html", "head", "meta", "title", "style", "body", "main", "h1", "h2", "h3", "p", "ul", "li", "div", "table",
    "caption", "thead", "tbody", "tr", "th", "td", "strong", "a", "figure", "figcaption",
}  # fmt: skip


class Page(HTMLParser):
    """What a browser would make elements, attributes and text of, outside of figures."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.text: list[str] = []
        self.rows: list[list[str]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_data(self, data: str) -> None:
        self.text.append(data)
        if self.rows and self.rows[-1]:
            self.rows[-1][-1] += data


def tokens(text: str) -> list[Token]:
    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    return [inner for token in parser.parse(text) for inner in (token, *(token.children or ()))]


def test_hostile_names_are_text_in_a_page() -> None:
    page = Page(risk_html.page([(hostile(), {})]))
    assert set(page.tags) <= TAGS
    assert not [each for each in page.attributes if each[1].startswith("on") or each[1] == "src"]
    assert [value for _, name, value in page.attributes if name == "href"] == []
    assert any("<script>alert(1)</script>" in data for data in page.text)
    for data in page.text:
        assert data.replace("\n", "").isprintable()


def test_hostile_names_are_text_in_markdown() -> None:
    found = tokens(risk_markdown.markdown(hostile()))
    assert not [
        each for each in found if each.type in ("html_block", "html_inline", "link_open", "image", "code_inline")
    ]
    assert any("<script>alert(1)</script>" in each.content for each in found if each.type == "text")


@pytest.mark.parametrize(
    "name",
    [
        "<b>x</b>", "a|b", "`x`", "*x*", "_x_", "__x__", "~~x~~", "[x](y)", "![x](y)", "# x", "- x", "1. x", "+ x",
        "> x", "a\\", "a\\|b", "&lt;", "&#60;", "www.example.com", "https://example.com/x", "@you", "$x$", "***",
        "---", "= =", "12) x", "<https://example.com>", "x^2", "|", "\\`",
    ],
)  # fmt: skip
def test_markdown_shows_a_name_as_it_is(name: str) -> None:
    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    alone = tokens(risk_markdown.escaped(name))
    assert {each.type for each in alone} <= {"paragraph_open", "paragraph_close", "inline", "text", "text_special"}
    assert "".join(each.content for each in alone if each.type in ("text", "text_special")) == name
    row = f"| a | b |\n| --- | --- |\n| {risk_markdown.escaped(name)} | second |"
    inside = [each for each in parser.parse(row) if each.type == "inline"]
    assert [len(inside), inside[3].content] == [4, "second"]
    assert "".join(each.content for each in inside[2].children or ()) == name
    escaped = risk_markdown.escaped(name)
    assert not re.search(r"www\.|https?://|(?<!\\)@", escaped)  # GitHub makes links of these by itself


def test_sources_are_links_and_nothing_else_is() -> None:
    record = made()
    page = Page(risk_html.page([(record, {})]))
    links = [value for _, name, value in page.attributes if name == "href"]
    assert set(links) == {
        each for each in (*record["scenario"]["sources"], *(each["source"] for each in record["compared"]))
        if each.startswith("https://")
    }  # fmt: skip
    found = {each.attrs["href"] for each in tokens(risk_markdown.markdown(record)) if each.type == "link_open"}
    assert found == set(links)
    record["scenario"]["sources"] = [
        "javascript:alert(1)",
        'https://a.example/"onclick=x',
        "http://a.example",
        "data:x",
    ]
    record["compared"] = []
    page = Page(risk_html.page([(record, {})]))
    assert not [each for each in page.attributes if each[1] in ("href", "onclick")]
    assert not [each for each in tokens(risk_markdown.markdown(record)) if each.type == "link_open"]


def test_a_page_needs_nothing_else_and_runs_nothing() -> None:
    record = made()
    figures = {name: drawn.svg() for name, drawn in figure.all_of(record).items()}
    page = risk_html.page([(record, figures), (record, figures)])  # names have to be made apart
    assert "default-src 'none'" in page
    assert not re.search(r"<(script|img|link|iframe|object|embed|foreignObject)\b", page)
    assert not re.search(r"@import|url\((?!#)", page)
    assert page.count("<figure ") == 2 * len(figures)
    found = re.findall(r'\bid="([^"]+)"', page)
    assert len(found) == len(set(found)), "figures on one page share names"
    referred = set(re.findall(r'(?:url\(|href=")#([^")]+)', page))
    assert referred <= set(found)
    assert len(referred) > 10


def test_every_row_of_a_table_has_the_cells_of_its_head() -> None:
    for record in (made(), bare(), hostile()):
        widths: dict[int, set[int]] = {}
        table = 0
        for line in risk_markdown.markdown(record).splitlines():
            if not line.startswith("|"):
                table += 1
                continue
            widths.setdefault(table, set()).add(len(re.findall(r"(?<!\\)\|", line)))
        assert widths if record["failures"][0]["bad_debt"] else True
        assert all(len(each) == 1 for each in widths.values())


def test_no_cell_is_empty_beside_a_figure() -> None:
    page = Page(risk_html.page([(made(), {})]))
    rows = [row for row in page.rows if row and row[0] in ("expected", "ES 99.9 %", "VaR 99 %")]
    assert len(rows) > 8
    assert all(all(cell.strip() for cell in row) for row in rows)


def test_frames_are_the_record() -> None:
    record = made()
    frames = risk_frame.frames(record)
    assert set(frames) == {"tails", "exceedance", "variants", "accounts", "heat_map", "comparisons"}
    row = frames["tails"].filter((pl.col("failure") == 0) & (pl.col("loss") == "bad_debt") & (pl.col("level") == 0.99))
    tail = record["failures"][0]["bad_debt"]["tails"][1]
    assert row.select("var", "var_low", "es", "es_high").row(0) == (
        tail["var"]["value"], tail["var"]["low"], tail["es"]["value"], tail["es"]["high"],
    )  # fmt: skip
    year = frames["tails"].filter(pl.col("loss") == "annual")
    assert year["es"].to_list() == [each[2]["value"] for each in record["annual"]["tails"]]
    assert frames["accounts"]["account"].to_list() == [each["account"] for each in record["accounts"]]
    first = record["heat_maps"][0]
    shown = frames["heat_map"].filter(
        (pl.col("asset") == first["asset"]) & (pl.col("leverage") == first["leverages"][2])
    )
    assert shown["probability"].to_list() == first["probability"][2]
    variants = frames["variants"].filter((pl.col("failure") == 0) & (pl.col("level") == 0.999))
    spans = record["failures"][0]["uncertainty"]["shortfalls"][2]
    own = record["failures"][0]["bad_debt"]["tails"][2]["es"]["value"]
    assert (min(own, *variants["es"]), max(own, *variants["es"])) == pytest.approx(spans)
    assert frames["comparisons"]["published"].to_list() == [each["published"] for each in record["compared"]]


def test_frames_of_what_was_not_priced_are_empty_and_have_the_same_columns() -> None:
    full, empty = risk_frame.frames(made()), risk_frame.frames(bare())
    for name, frame in empty.items():
        assert frame.is_empty()
        assert frame.schema == full[name].schema
    assert risk_frame.frames(hostile())["accounts"]["account"][0].startswith("<script>")


def test_frames_refuse_what_they_do_not_know(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Unsupported, match="rollproof-risk/1 is known"):
        risk_frame.frames({"format": "x"})
    monkeypatch.setitem(sys.modules, "polars", None)
    with pytest.raises(Missing, match=r"rollproof\[risk\]"):
        risk_frame.frames(bare())


def test_a_notebook_gets_tables_and_two_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    record = made()
    shown = risk_notebook.html(record)
    assert shown.count("<svg") == 2
    assert "<style>" not in re.sub(r"<svg.*?</svg>", "", shown, flags=re.DOTALL)  # the notebook's page stays as it is
    assert set(Page(re.sub(r"<svg.*?</svg>", "", risk_notebook.html(hostile()), flags=re.DOTALL)).tags) <= TAGS
    short = risk_notebook.short(record)
    assert re.fullmatch(
        r"<Priced dydx-2025-10 at example: halt mean [\d,.]+ USD, stale-oracle mean [\d,.]+ USD>", short
    )
    assert "\x1b" not in risk_notebook.short(hostile())
    assert "halt not priced" in risk_notebook.short(bare())
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert "<svg" not in risk_notebook.html(record)
