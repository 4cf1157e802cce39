"""Prompts, responses and replies for the tests of `judge`."""

from __future__ import annotations

import json

from prefline.config import Endpoint, PairwiseJudge
from prefline.ids import content_id
from prefline.llm import Reply, Request, Sampling, Usage
from prefline.tables.messages import Message
from prefline.tables.prompts import Prompt
from tasks.judge.comparisons import Comparison, Response
from tasks.judge.methods.verifier import VerifierJudge

MODEL = Endpoint(base_url="http://host/v1", model="m")
PAIRWISE = PairwiseJudge(name="small", method="pairwise", endpoint=MODEL)
VERIFIER = VerifierJudge(name="verifier", method="verifier")


def prompt(text: str = "What is 2 + 2?", answer: int | None = 4) -> Prompt:
    """A prompt, with a numeric verifier unless `answer` is None."""
    verifier = None if answer is None else json.dumps({"kind": "numeric", "value": answer})
    messages = (Message(role="user", content=text),)
    return Prompt(content_id("prompt", messages), messages, "s", "c", "l", None, None, verifier)


def response(text: str, name: str = "", finish_reason: str = "stop") -> Response:
    """A response; its id is hashed from `name`, or from its text."""
    return Response(content_id(name or text), text, finish_reason)


def comparison(first: str = "4", second: str = "5", of: Prompt | None = None) -> Comparison:
    """Two responses with these texts."""
    return Comparison(of or prompt(), response(first, "one"), response(second, "two"))


def reply(
    text: str, *tops: list[tuple[str, float]], finish_reason: str = "stop", max_tokens: int = 4
) -> Reply:
    """A judge's reply with the candidates of its tokens."""
    request = Request("m", (), Sampling(0, 1, max_tokens, 0))
    candidates = tuple(tuple(top) for top in tops)
    return Reply(request, text, finish_reason, candidates, Usage(1, 1), 0.0, cached=False)
