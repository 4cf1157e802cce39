"""Texts of models as HTML that can do nothing: Markdown, plain text, and differences.

Markdown goes through markdown-it with HTML off, which leaves tags as text and refuses addresses
such as `javascript:`; what comes out goes through nh3, which keeps a list of tags and drops the
rest. Pictures stay text: a page that shows them would ask their servers.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from functools import lru_cache
from html import escape

import nh3
from markdown_it import MarkdownIt
from markupsafe import Markup

from prefline.tables.messages import parts_of_text
from prefline.text import visible, xml_text

LONGEST_SHOWN = 40_000
"""Characters of a text that is shown at once; the rest on request."""
_LONGEST_MARKDOWN = 20_000  # beyond it a text is shown as it is
_MOST_BRACKETS = 2_000  # likewise: the time that links take grows with their square
_LONGEST_DIFF = 12_000  # words of both texts; beyond it lines are compared
_TAGS = {
    "p", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "em", "strong", "s", "code", "pre",
    "blockquote", "ul", "ol", "li", "table", "thead", "tbody", "tr", "th", "td", "a",
}  # fmt: skip
_ATTRIBUTES = {"a": {"href", "title"}, "ol": {"start"}, "th": {"align"}, "td": {"align"}}
# Markdown drops what is nested too deeply; nobody writes so but to hide something.
_MOST_NESTED = 200
_NESTED = re.compile(r"^(?:[ \t]*(?:>|[-*+]|\d{1,9}[.)])){50}|^[ \t]{90}", re.MULTILINE)
_ELSEWHERE = ("http://", "https://", "mailto:")
_WORD = re.compile(r"\s+|\w+|[^\w\s]")
# What joins letters and emoji: harmless, and without it they fall apart.
_JOINERS = frozenset("\u200c\u200d")

_markdown = (
    MarkdownIt("commonmark", {"html": False, "linkify": False, "maxNesting": _MOST_NESTED})
    .enable(["table", "strikethrough"])
    .disable(["image"])
)


def shown(text: str) -> str:
    """Return a text with what cannot be seen in it spelled out, such as marks that turn the
    writing direction; joiners of letters and emoji stay."""
    if text.isascii() and text.isprintable():
        return text
    pieces = re.split("([\u200c\u200d])", text)
    whole = "".join(one if one in _JOINERS else _visible(one) for one in pieces)
    return str(xml_text(whole))


def _visible(text: str) -> str:
    # Most texts have nothing to spell out, and telling so is much faster than spelling.
    hidden = {one for one in set(text) if unicodedata.category(one)[0] in "CZ"} - set(" \n\t\xa0")
    return visible(text) if hidden else text


@lru_cache(maxsize=256)
def markdown(text: str) -> Markup:
    """Return a text of Markdown as HTML; a very long or deep one as plain text."""
    is_costly = len(text) > _LONGEST_MARKDOWN or text.count("[") > _MOST_BRACKETS
    if is_costly or _NESTED.search(text):
        return plain(text)
    html = re.sub(r'style="text-align:(\w+)"', r'align="\1"', _markdown.render(shown(text)))
    clean = nh3.clean(
        html,
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        attribute_filter=_kept_attribute,
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
    )
    # What may scroll sideways is to be reached by keys.
    clean = (
        clean.replace("<pre>", '<pre tabindex="0">')
        .replace("<table>", '<div class="scroll" tabindex="0"><table>')
        .replace("</table>", "</table></div>")
    )
    return Markup(clean.replace("<a ", '<a target="_blank" '))  # noqa: S704 - cleaned above


def answer(text: str) -> Markup:
    """Return an answer as HTML: Markdown, or of one with calls of tools each turn under its
    label."""
    parts = parts_of_text(text)
    return markdown(text) if parts is None else Markup("").join(map(_labelled, parts))


def part(label: str, text: str) -> Markup:
    """Return a turn as HTML; calls, their results and what tools take are no Markdown."""
    return plain(text) if label.startswith(("call", "result", "tools")) else markdown(text)


def _labelled(labelled: tuple[str, str]) -> Markup:
    label, text = labelled
    return Markup('<p class="role">{}</p>{}').format(shown(label), part(label, text))


def _kept_attribute(_tag: str, name: str, value: str) -> str | None:
    """Keep an address only if it leads elsewhere: one without a host would lead to this server."""
    return None if name == "href" and not value.startswith(_ELSEWHERE) else value


def plain(text: str) -> Markup:
    """Return a text as it is."""
    return Markup('<div class="plain">{}</div>').format(shown(text))


def differences(left: str, right: str) -> tuple[Markup, Markup]:
    """Return both texts as they are, with the words that only one of them has marked.

    Of long texts lines are compared instead of words.
    """
    one, other = _WORD.findall(shown(left)), _WORD.findall(shown(right))
    if len(one) + len(other) > _LONGEST_DIFF:
        one, other = shown(left).splitlines(keepends=True), shown(right).splitlines(keepends=True)
    matcher = difflib.SequenceMatcher(None, one, other, autojunk=len(one) + len(other) > 2_000)  # noqa: PLR2004
    parts: tuple[list[str], list[str]] = ([], [])
    for tag, start, end, other_start, other_end in matcher.get_opcodes():
        for side, words in ((0, one[start:end]), (1, other[other_start:other_end])):
            text = escape("".join(words))
            parts[side].append(f"<mark>{text}</mark>" if tag != "equal" and text.strip() else text)
    return tuple(  # type: ignore[return-value]
        Markup('<div class="plain">{}</div>').format(Markup("".join(side)))  # noqa: S704 - escaped
        for side in parts
    )
