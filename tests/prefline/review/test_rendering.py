"""Texts as HTML that can do nothing."""

from __future__ import annotations

import time
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefline.review.rendering import answer, differences, markdown, plain, shown

_PIECES = ["<script>", "</script>", "<img src=x onerror=a()>", "javascript:a()", "[x](", ")", "<",
           ">", "`", "```\n", "\n", "|", "*", "**", "&lt;", "&#x3c;", "\"", "'", "data:text/html,",
           "<a href=", " onclick=a() ", "<svg/onload=a()>", "<!--", "![", "]", "\u202e", "\x00",
           "https://e.example/", "[r]: javascript:a()\n", "\\", "- ", "> ", "~~"]  # fmt: skip
_ALLOWED = {"p", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "em", "strong", "s", "code",
            "pre", "blockquote", "ul", "ol", "li", "table", "thead", "tbody", "tr", "th", "td", "a",
            "div", "mark"}  # fmt: skip


class _Tags(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data: str) -> None:
        self.text += data


def assert_harmless(html: str) -> None:
    for tag, attributes in _Tags(html).tags:
        assert tag in _ALLOWED
        assert not any(name.startswith("on") or name == "style" for name in attributes)
        href = attributes.get("href")
        assert href is None or href.startswith(("http://", "https://", "mailto:"))


@given(st.lists(st.sampled_from(_PIECES), max_size=12).map("".join))
def test_no_text_becomes_anything_that_acts(text: str) -> None:
    assert_harmless(markdown(text))
    assert_harmless(plain(text))
    for side in differences(text, text[::-1]):
        assert_harmless(side)


def test_markdown_code_and_tables_are_rendered() -> None:
    html = markdown(
        "# Title\n\n- *one*\n\n```python\nx < 1\n```\n\n| a | b |\n|---|--:|\n| 1 | 2 |"
    )
    tags = [tag for tag, _ in _Tags(html).tags]
    assert {"h1", "ul", "em", "pre", "code", "table", "th", "td"} <= set(tags)
    assert 'align="right"' in html
    assert "x &lt; 1" in html


def test_a_link_opens_elsewhere_and_tells_nothing() -> None:
    (link,) = [one for tag, one in _Tags(markdown("[x](https://e.example/)")).tags if tag == "a"]
    assert link["rel"] == "noopener noreferrer nofollow"
    assert link["target"] == "_blank"


def test_what_cannot_be_seen_is_spelled_out_but_joiners_stay() -> None:
    family = "\U0001f468\u200d\U0001f469"
    assert shown(f"a\u202eb\u200bc {family}") == f"a\\u202eb\\u200bc {family}"


@pytest.mark.parametrize("text", [">" * 150 + " told", "- " * 150 + "told", " " * 120 + "told"])
def test_nothing_is_lost_where_markdown_would_drop_it(text: str) -> None:
    assert "told" in _Tags(markdown(text)).text


def test_differences_mark_the_words_of_one_side_alone() -> None:
    left, right = differences("the quick fox", "the slow fox <b>")
    assert "<mark>quick</mark>" in left
    assert "<mark>slow</mark>" in right
    assert "&lt;" in right


@pytest.mark.parametrize(
    "text", ["a" * 1_000_000, "[" * 20_000, "*a _b " * 3_000, "[a](" * 5_000, "<" * 20_000]
)
def test_no_text_takes_long(text: str) -> None:
    began = time.process_time()
    markdown(text)
    differences(text, text[::-1])
    assert time.process_time() - began < 3


def test_an_answer_with_calls_has_each_turn_under_its_label() -> None:
    html = answer('[assistant] I **look**.\n[call f] {"a":"*x*"}\n[result f] <b>4</b>')

    assert html.count('<p class="role">') == 3
    assert "<strong>look</strong>" in html
    assert '<p class="role">call f</p><div class="plain">{&#34;a&#34;:&#34;*x*&#34;}</div>' in html
    assert "&lt;b&gt;4&lt;/b&gt;" in html
    assert answer("It is **4**.") == markdown("It is **4**.")
