"""In which form a judge prompt wants its verdict: found in the prompt, as a model would."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import orjson

from prefline.simulator.wire import ChatRequest

_BRACKETS = re.compile(r"\[\[A\]\]")
_TIE_WORDS = r"(?:tie|tied|equal|equally|draw|neither|same)"
_TIE_LETTER = re.compile(
    rf"\b{_TIE_WORDS}\b[^.\n]{{0,60}}?\bC\b|\bC\b[^.\n]{{0,60}}?\b{_TIE_WORDS}\b"
)
_LETTER = re.compile(r"\bC\b")
_TIE_QUOTED = re.compile(r"[\"'`\[(<](tie|Tie|TIE)[\"'`\])>]")


@dataclass(frozen=True, slots=True)
class VerdictFormat:
    """The words for first, second and tie (None: not offered), and what stands around them."""

    first: str = "A"
    second: str = "B"
    tie: str | None = None
    before: str = ""
    after: str = ""


def verdict_format(request: ChatRequest) -> VerdictFormat:
    """`A` and `B` unless the prompt shows `[[A]]` or the response format is a JSON object.

    A tie is `C` where the prompt has `C` and a word such as tie or equal within one
    sentence, the quoted word `tie` where it has that, and else not offered. With a JSON
    schema, the property that has an enum of the two verdicts takes the verdict.
    """
    tie = _tie_word(request.text)
    asked = request.response_format or {}
    if asked.get("type") == "json_schema":
        schema = asked.get("json_schema")
        return _json_format(schema.get("schema") if isinstance(schema, dict) else None, tie)
    if asked.get("type") == "json_object":
        return _json_format(None, tie)
    if _BRACKETS.search(request.text):
        return VerdictFormat(tie=tie, before="[[", after="]]")
    return VerdictFormat(tie=tie)


def _tie_word(text: str) -> str | None:
    # The plain search first: it is ten times faster, and most prompts offer no tie.
    if "C" in text and _LETTER.search(text) and _TIE_LETTER.search(text):
        return "C"
    quoted = _TIE_QUOTED.search(text)
    return quoted.group(1) if quoted else None


def _json_format(schema: Any, tie: str | None) -> VerdictFormat:
    """Other properties come before and after the verdict in the schema's order."""
    properties = schema.get("properties", {}) if isinstance(schema, dict) else {}
    before: list[str] = []
    for name, spec in properties.items():
        offered = spec.get("enum") if isinstance(spec, dict) else None
        if isinstance(offered, list) and len(offered) > 1:
            first, second, *more = (str(word) for word in offered)
            after = [_filler(*item) for item in list(properties.items())[len(before) + 1 :]]
            head = "{" + "".join(part + ", " for part in before) + _quoted(name) + ': "'
            tail = '"' + "".join(", " + part for part in after) + "}"
            return VerdictFormat(first, second, more[0] if more else None, head, tail)
        before.append(_filler(name, spec))
    return VerdictFormat(tie=tie, before='{"verdict": "', after='"}')


def _filler(name: str, spec: Any) -> str:
    """A property that is not the verdict: words for a string, 0 for a number, and so on."""
    kind = spec.get("type") if isinstance(spec, dict) else None
    values: dict[Any, Any] = {"number": 0, "integer": 0, "boolean": False, "array": []}
    return f"{_quoted(name)}: {orjson.dumps(values.get(kind, 'as the tags say')).decode()}"


def _quoted(name: str) -> str:
    return orjson.dumps(name).decode()
