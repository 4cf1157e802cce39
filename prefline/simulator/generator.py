"""Generator models: texts of planted quality and length."""

from __future__ import annotations

import hashlib
import math
import re
from dataclasses import replace
from itertools import islice

from prefline.simulator.config import Generator
from prefline.simulator.truth import (
    TAG_LENGTH,
    Candidate,
    key_of,
    normal_quantile,
    retag,
    rounded_quality,
    tag_of,
    uniforms,
)
from prefline.simulator.wire import Answer, ChatRequest, Token

# 256 words, one per byte of a hash. None has fewer than two letters or is a verdict.
_SYLLABLES = ("ba", "co", "di", "fu", "ga", "he", "lin", "mor", "nes", "pol", "ras", "sto", "tem",
              "ulv", "ven", "wis")  # fmt: skip
_WORDS = tuple(
    first + second + ("." if second == "wis" else "")
    for first in _SYLLABLES
    for second in _SYLLABLES
)
_SHORTEST_WORD = 5  # letters and the space
_TOPIC = re.compile(r"\b[A-Za-z]{4,12}\b")
_TOPIC_WORDS = 5
_TOPIC_CHARACTERS = 400


def planted_text(quality: float, characters: int = 600, about: str = "", seed: int = 0) -> str:
    """Return a text that carries `quality` and has `characters`, the tag's 18 included.

    It begins with the tag, then names a few words of `about`, so that it looks like a reply
    to it; the rest is made-up words, the same for the same arguments.
    """
    key = key_of(seed.to_bytes(8, "big", signed=True), about.encode())
    return _compose(quality, characters, about, key)


class GeneratorModel:
    """Answers with texts whose quality and length are drawn as `config.Generator` says."""

    def __init__(self, spec: Generator) -> None:
        self._spec = spec

    def answer(self, request: ChatRequest, sample: int) -> Answer:
        """Return the `sample`-th choice; the same for the same model, messages, seed, sample."""
        above, other, _, _ = uniforms(request.key, "text", sample)
        z, e = normal_quantile(above), normal_quantile(other)
        spec = self._spec
        r = spec.length_follows_quality
        stretch = spec.spread * (r * z + math.sqrt(1 - r * r) * e)
        characters = round(spec.characters * math.exp(stretch))
        key = key_of(request.key, sample.to_bytes(8, "big"))
        text = _compose(spec.quality + z, characters, request.last, key)
        return _with_logprobs(cut_to(text, request.max_tokens), request)


def cut_to(text: str, max_tokens: int | None) -> Answer:
    """Keep the first `max_tokens` words of a tagged text; its tag records the new length."""
    # One space between any two words, and no other: counting is cheaper than splitting.
    count = text.count(" ") + 1
    if max_tokens is None or count <= max_tokens:
        return Answer(text, words=count)
    words = text.split(" ", max_tokens)[:max_tokens]
    return Answer(retag(" ".join(words)), "length", words=max_tokens)


def _compose(quality: float, characters: int, about: str, key: bytes) -> str:
    matches = islice(_TOPIC.finditer(about[:_TOPIC_CHARACTERS]), _TOPIC_WORDS)
    topic = [match.group() for match in matches]
    count = max(characters - TAG_LENGTH, 0) // _SHORTEST_WORD + 1
    noise = hashlib.shake_128(key).digest(count)
    body = " ".join([*topic, *map(_WORDS.__getitem__, noise)])
    room = max(characters - TAG_LENGTH - 1, 0)
    body = body[:room].rstrip()
    length = TAG_LENGTH + 1 + len(body) if body else TAG_LENGTH
    tag = tag_of(Candidate(rounded_quality(quality), length))
    return f"{tag} {body}" if body else tag


def _with_logprobs(answer: Answer, request: ChatRequest) -> Answer:
    """Add a flat log-probability per word, where requested: generators need no more."""
    if request.top_logprobs is None:
        return answer
    words = re.findall(r"\S+\s*", answer.text)
    tokens = (Token(word, -0.1, {word: -0.1} if request.top_logprobs else {}) for word in words)
    return replace(answer, logprobs=tuple(tokens))
