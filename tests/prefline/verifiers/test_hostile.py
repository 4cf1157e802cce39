"""Checks and replies that are made to hang a run, to end it, or to reach what is not theirs."""

from __future__ import annotations

import http.server
import json
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from prefline.errors import InputError
from prefline.verifiers import Check, Verifier, check, parse_verifier
from tasks.judge.methods.verifier import verify
from tests.tasks.judge.material import comparison, prompt


def run(text: str, **specification: Any) -> Check:
    return check(parse_verifier(json.dumps(specification)), text)


def run_schema(schema: Any, text: str) -> Check:
    return run(text, kind="json_schema", json_schema=schema)


def test_a_schema_fetches_nothing_from_the_network_or_the_disk(tmp_path: Path) -> None:
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)

    (tmp_path / "secret.json").write_text('{"const": "secret"}')
    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        for reference in (
            f"http://127.0.0.1:{server.server_port}/schema",
            f"file://{tmp_path}/secret.json",
            "other.json",
        ):
            for keyword in ("$ref", "$dynamicRef"):
                with pytest.raises(InputError, match="leads out of the schema"):
                    run_schema({"properties": {"a": {keyword: reference}}}, "{}")
        # A base of its own makes no difference: what is inside begins with #.
        based = {"$id": f"http://127.0.0.1:{server.server_port}/", "$ref": "#/$defs/a"}
        assert run_schema(based | {"$defs": {"a": {"type": "object"}}}, "{}").passed
        server.shutdown()
    assert asked == []


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"$ref": "#/$defs/none"}, "leads nowhere"),
        ({"pattern": "(a)\\1"}, "no regular expression of RE2"),
        ({"patternProperties": {"(?=a)": True}}, "no regular expression of RE2"),
        ({"patternProperties": {"a": True}, "unevaluatedProperties": False}, "additionalProp"),
    ],
)
def test_a_schema_that_cannot_be_applied_is_refused_where_it_is_read(
    schema: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        run_schema(schema, "{}")


def test_a_schema_or_a_specification_nested_too_deep_is_refused() -> None:
    deep: dict[str, Any] = {}
    for _ in range(400):
        deep = {"not": deep}
    with pytest.raises(InputError, match=r"deeper than 64|recursion limit"):
        run_schema(deep, "{}")
    nested = '{"not":' * 80 + "{}" + "}" * 80
    with pytest.raises(InputError, match="nested deeper than 64 levels"):
        parse_verifier('{"kind": "json_schema", "json_schema": ' + nested + "}")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("9" * 5_000, "is not JSON"), ("NaN", "NaN is no number"), ("-Infinity", "no number"),
        ("1e400", "out of range"), ("[" * 100_000, "deeper than 64"),
        ("[" * 100 + "]" * 100, "deeper than 64"),
    ],
)  # fmt: skip
def test_a_reply_that_is_no_json_by_its_standard_fails(text: str, why: str) -> None:
    result = run_schema({"multipleOf": 2}, text)
    assert not result.passed
    assert not result.undecided
    assert why in result.why
    assert not run(text, kind="constraints", json_only=True).passed


def _doubling(levels: int) -> dict[str, Any]:
    """Return a schema that asks for 2 ** levels steps."""
    definitions: dict[str, Any] = {"d0": {"type": "string"}}
    for level in range(1, levels):
        below = {"$ref": f"#/$defs/d{level - 1}"}
        definitions[f"d{level}"] = {"anyOf": [below, below]}
    return {"$defs": definitions, "$ref": f"#/$defs/d{levels - 1}"}


@pytest.mark.parametrize(
    ("schema", "text", "why"),
    [
        (_doubling(60), "1", "more than 20,000 steps"),
        ({"uniqueItems": True}, json.dumps([[i, {}] for i in range(500)]), "20,000 steps"),
        ({"anyOf": [{"$ref": "#"}]}, "{}", "in a circle"),
        ({"multipleOf": 10**400}, "0.5", "OverflowError"),
    ],
)
def test_a_check_that_cannot_end_is_a_value_of_its_row(
    schema: dict[str, Any], text: str, why: str
) -> None:
    result = run_schema(schema, text)
    assert not result.passed
    assert result.undecided
    assert why in result.why

    specification = json.dumps({"kind": "json_schema", "json_schema": schema})
    verdict = verify(comparison(text, "{}", replace(prompt(), verifier=specification)))
    assert (verdict.side, verdict.p_first) == ("invalid", None)
    assert verdict.rationale is not None
    assert verdict.rationale.startswith("first cannot be checked: ")


def test_patterns_take_linear_time() -> None:
    text = "a" * 50_000 + "b"
    assert not run(text, kind="regex", pattern="(a+)+$", full=False).passed
    assert not run_schema({"pattern": "^(a|a)*$"}, json.dumps(text)).passed
    properties = {"patternProperties": {"^(a+)+$": False}, "additionalProperties": False}
    result = run_schema(properties, json.dumps({text: 1}))
    assert "additional property" in result.why
    assert run_schema(properties | {"additionalProperties": True}, json.dumps({text: 1})).passed


@pytest.mark.parametrize(
    "reply",
    [
        "." * 200_000 + "x", "\n" * 200_000 + "x", " " * 200_000 + "x", "<<" + " a" * 100_000,
        "-\n" * 100_000, "*" * 200_000, "**a " * 50_000, "[" * 200_000, "1," * 100_000,
        "\r" * 200_000, "- " * 100_000, '."' * 100_000 + "x", "#" * 200_000, "P.S." * 50_000,
    ],
)  # fmt: skip
def test_counting_takes_linear_time(reply: str) -> None:
    # Quadratic counting took minutes for each of these, which the limit of the whole test ends.
    constraints: dict[str, Any] = {
        "max_sentences": 10**9, "max_bullets": 10**9, "max_paragraphs": 10**9,
        "max_capital_words": 10**9, "section_word": "Section", "min_sections": 1,
        "postscript": "P.S.", "title": True, "answers": 2, "min_placeholders": 1,
        "min_highlights": 1,
    }  # fmt: skip
    for name, value in constraints.items():
        pair = {name: value}
        if name in ("section_word", "min_sections"):
            pair = {"section_word": "Section", "min_sections": 1}
        run(reply, kind="constraints", **pair)
    run(reply, kind="numeric", value=1)
    run(reply, kind="exact", answers=["a"])


def test_half_a_surrogate_pair_in_a_reply_matches_nothing_and_ends_nothing() -> None:
    assert not run("\ud83d", kind="regex", pattern="a").passed
    assert run("a \ud83d", kind="regex", pattern="a", full=False).passed


def test_an_exception_in_a_check_of_another_package_is_a_value() -> None:
    class Broken(Verifier):
        kind: str = "broken"

        def check(self, text: str) -> Check:
            raise KeyError("answer" if text else "nothing")

    result = check(Broken(), "a")
    assert (result.passed, result.undecided) == (False, True)
    assert result.why == "the check failed: KeyError: 'answer'"
