r"""Judging method `generative_reward`: a generative reward model that compares two answers.

Such models (GenRM, Wang et al. 2025, arXiv 2505.11475) take the answers in turns of their own,
with the roles `response_1` and `response_2`, and end with

    [The Begin of Individual Scores] \boxed{4, 2} [The End of Individual Scores]
    [The Begin of Ranking Score] \boxed{1} [The End of Ranking Score]

The ranking goes from 1, the first is much better, to 6, the second is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Literal

from pydantic import Field

from prefline.config import OrderedJudge
from prefline.llm import Reply, Request, Sampling
from prefline.tables.messages import Conversation, Message
from tasks.judge.calls import ask
from tasks.judge.comparisons import Comparison
from tasks.judge.context import JudgeContext
from tasks.judge.methods import JudgingMethod
from tasks.judge.own_words import own_words
from tasks.judge.results import JudgeTask, Judgment, Side, Verdict, failed_judgment
from tasks.judge.verdict_parser import invalid, is_cut_off

_RANKS = 6
_BOXED = re.compile(r"\\boxed\{\s*([^{}]{0,40}?)\s*\}")
_SECTION = re.compile(r"\[The Begin of Ranking Score\](.*)", re.DOTALL)
_SCORES = re.compile(r"(-?\d+(?:\.\d+)?)\s*,\s*(-?\d+(?:\.\d+)?)")


class GenerativeRewardJudge(OrderedJudge):
    """A generative reward model, such as Nemotron's GenRM."""

    method: Literal["generative_reward"]
    max_tokens: int = Field(4_096, ge=1, description="of its reasoning and its scores")
    principle: str | None = Field(
        None,
        description="what to go by, in a turn of the role `principle`, for models that know it",
    )


class GenerativeReward(JudgingMethod[GenerativeRewardJudge]):
    """One call for each comparison."""

    params = GenerativeRewardJudge
    asks = "which of `response_1` and `response_2` is better, from a generative reward model"
    says = (
        "the ranking score from 1 to 6, `p_first` = (6.5 - score) / 6; without one the two scores, "
        "without a probability (Wang et al. 2025, arXiv 2505.11475)"
    )

    def judge_tasks(
        self, judge: GenerativeRewardJudge, context: JudgeContext, comparisons: Iterable[Comparison]
    ) -> Iterator[JudgeTask]:
        """Yield one for each comparison."""
        return (_task(judge, comparison) for comparison in comparisons)


def genrm_messages(comparison: Comparison, principle: str | None = None) -> Conversation:
    """Return the conversation with the two answers in turns of their own."""
    before = [] if principle is None else [Message(role="principle", content=principle)]
    answers = (comparison.first, comparison.second)
    turns = [
        Message(role=f"response_{number}", content=answer.text)
        for number, answer in enumerate(answers, 1)
    ]
    return (*comparison.prompt.messages, *before, *turns)


def _task(judge: GenerativeRewardJudge, comparison: Comparison) -> JudgeTask:
    sampling = Sampling(temperature=0.0, top_p=1.0, max_tokens=judge.max_tokens, seed=0)
    messages = genrm_messages(comparison, judge.principle)
    request = Request(judge.endpoint.model, messages, sampling)
    answered = yield from ask(judge, request, lambda reply: is_cut_off(read_ranking(reply)))
    if answered.failure:
        return [failed_judgment(judge, comparison, answered.failure)]
    return [Judgment(comparison, read_ranking(answered.last), answered.replies)]


def read_ranking(reply: Reply) -> Verdict:
    """Return the verdict of a reply: by its ranking score, else by its two scores.

    Of several boxes the last counts: a model may quote one of an answer before it.
    """
    words = own_words(reply.text)
    section = _SECTION.search(words.text)
    ranks = [box for box in _BOXED.findall(section[1] if section else words.text) if box.isdigit()]
    if ranks:
        rank = int(ranks[-1])
        if not 1 <= rank <= _RANKS:
            return Verdict("invalid", None, reply.text, "out_of_form")
        side: Side = "first" if rank <= _RANKS // 2 else "second"
        return Verdict(side, (_RANKS + 0.5 - rank) / _RANKS, words.text.strip())
    scores = [found for box in _BOXED.findall(words.text) if (found := _SCORES.fullmatch(box))]
    if not scores or section or reply.finish_reason == "length":
        return invalid(reply, words, reply.text)
    first, second = (float(score) for score in scores[-1].groups())
    side = "tie" if first == second else "first" if first > second else "second"
    return Verdict(side, None, words.text.strip())
