"""Conversations as trainers see them: written by a chat template, and cut at a number of tokens.

A template is of Hugging Face's kind (https://huggingface.co/docs/transformers/chat_templating). It
has what Transformers gives one: a sandbox, `raise_exception`, `strftime_now`, `tojson`, loop
controls and the tag `generation`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

from prefline.errors import InputError

# A template that tells the day writes the same on any day: equal inputs give equal versions.
_DAY = datetime(2026, 1, 1, tzinfo=UTC)
_SHOWN = 40  # characters of each text, from where two part


class ChatTemplate:
    """A chat template. `name` says in errors where it is from; `marks` are the texts of tokens that
    it may name, such as `bos_token`. Raises `InputError` for one that is no Jinja."""

    def __init__(self, text: str, name: str, marks: Mapping[str, str] | None = None) -> None:
        from jinja2 import TemplateError

        self.text, self.name = text, name
        self.marks = {"bos_token": "", "eos_token": "", **(marks or {})}
        try:
            self._template = _compiled(text)
        except TemplateError as error:
            raise InputError(
                f"the chat template {name} cannot be read: {error}",
                "take `chat_template` of the model's tokenizer_config.json",
            ) from error

    def write(
        self,
        messages: Iterable[Mapping[str, Any]],
        tools: Sequence[Any] | None = None,
        *,
        generates: bool = False,
    ) -> str:
        """Return a conversation as text; `generates` adds what an answer begins with.

        Raises `InputError` for a conversation that the template cannot write.
        """
        from jinja2 import TemplateError

        try:
            written: str = self._template.render(
                messages=list(messages), tools=tools, add_generation_prompt=generates, **self.marks
            )
        except (TemplateError, TypeError, ValueError) as error:
            raise InputError(
                f"the chat template {self.name} cannot write a conversation: {error}",
                "take `chat_template` of the model's tokenizer_config.json, or leave out what it "
                "has no place for, such as a system prompt or tools",
            ) from error
        return written

    def refuse_other_start(self, alone: str, whole: str, place: str) -> None:
        """Raise `InputError` where a written prompt does not begin what it and an answer are
        written to: a trainer then trains on another prompt than the model is asked
        (huggingface/trl#5213)."""
        if whole.startswith(alone):
            return
        pairs = zip(alone, whole, strict=False)
        at = next(
            (n for n, (one, other) in enumerate(pairs) if one != other), min(len(alone), len(whole))
        )
        raise InputError(
            f"{place}: the chat template {self.name} writes the prompt alone otherwise than before "
            f"an answer: after {at:,} characters it has {alone[at : at + _SHOWN]!r} alone, and "
            f"{whole[at : at + _SHOWN]!r} before the answer",
            "name a template in publish.chat_template that writes a prompt the same whatever "
            "follows, as most that TRL trains with do (*_training.jinja in its chat_templates); "
            "one that lets models think may with {% set enable_thinking = false %} before it",
        )


def differ_within(first: Sequence[int], second: Sequence[int], max_tokens: int) -> bool:
    """Tell whether two conversations, in tokens, differ in their first `max_tokens`: where they do
    not, a trainer that cuts them there sees the same twice."""
    return list(first[:max_tokens]) != list(second[:max_tokens])


@cache
def _compiled(text: str) -> Any:
    from jinja2 import TemplateError, nodes
    from jinja2.ext import Extension, loopcontrols
    from jinja2.parser import Parser
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Generation(Extension):
        """The tag around what an assistant wrote, which changes no text."""

        tags = {"generation"}

        def parse(self, parser: Parser) -> list[nodes.Node]:
            next(parser.stream)
            return parser.parse_statements(("name:endgeneration",), drop_needle=True)

    def raise_exception(message: str) -> None:
        raise TemplateError(message)

    def tojson(value: Any, **options: Any) -> str:
        return json.dumps(value, **{"ensure_ascii": False, **options})

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols]
    )
    environment.filters["tojson"] = tojson
    environment.globals["raise_exception"] = raise_exception
    environment.globals["strftime_now"] = _DAY.strftime
    return environment.from_string(text)
