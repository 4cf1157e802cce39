"""Judge models: verdicts of planted sharpness, position bias and length bias."""

from __future__ import annotations

import math
import re

from prefline.simulator.config import Judge
from prefline.simulator.draws import uniforms
from prefline.simulator.formats import VerdictFormat, verdict_format
from prefline.simulator.rankings import ranked_count, ranking
from prefline.simulator.rubrics import Rubric, rubric_in, score_card
from prefline.simulator.truth import Candidate, candidates_in, log_odds_first, sigmoid
from prefline.simulator.wire import Answer, ChatRequest, Token

# None of them holds a letter or a word that a parser could take for a verdict.
_INVALID = ("I cannot choose between them.", "Sorry, I can't help with that.", "Neither.", "Hmm.")
_REASONS = "As the tags say: both have something for them, one has more."
_NO_WINNER = re.compile(r"\bno (?:winner|verdict) yet\b")
_UNKNOWN = Candidate(0.0, 1)
_SURE = 0.9  # of the answer token on a tie
_STRAY = 0.02  # on a tie that is not the verdict
_OTHER = 0.001  # on all tokens that answer nothing
_OTHER_TOKENS = ("The", "I", "Both", "**", "\n", "Response", "Answer", "None", "It", "Based", "To",
                 "We", "Overall", "In", "Assistant", "My", "This", "After")  # fmt: skip


class JudgeModel:
    """Compares the last two tagged texts of a request, in their order of appearance.

    What the judge feels for the first text is log_odds_first + noise, the noise standard
    logistic and fixed by the request, and the verdict is its sign: so P(first) is
    `truth.p_first`. The log-probabilities are those of the feeling, noise included:
    P(first) = sigmoid(feeling), so they agree with the verdict and are no oracle.
    Ties and invalid replies come first, at their rates, whatever the texts. A prompt that asks
    for scores, a ranking or reasons gets these instead (`utility`).
    """

    def __init__(self, spec: Judge) -> None:
        self._spec = spec
        self._lean = spec.lean()

    def answer(self, request: ChatRequest, sample: int) -> Answer:
        """The `sample`-th verdict; the same for the same model, messages, seed and sample."""
        rubric, count = rubric_in(request), ranked_count(request)
        if rubric or count or _NO_WINNER.search(request.last):
            return self._in_words(request, sample, rubric, count)
        form = verdict_format(request)
        noise, kind, which, _ = uniforms(request.key, "verdict", sample)
        if kind < self._spec.invalid_rate:
            return _answer(_INVALID[int(which * len(_INVALID))], {}, VerdictFormat(), request)
        tied = form.tie is not None and kind < self._spec.invalid_rate + self._spec.tie_rate
        feeling = self._log_odds(request) + math.log(noise / (1 - noise))
        verdict = form.tie if tied and form.tie else form.first if feeling > 0 else form.second
        return _answer(verdict, _chances(feeling, form, tied=tied), form, request)

    def _in_words(
        self, request: ChatRequest, sample: int, rubric: Rubric | None, count: int | None
    ) -> Answer:
        """A score card, a ranking, or reasons without a verdict."""
        _, kind, which, _ = uniforms(request.key, "verdict", sample)
        texts = candidates_in(request.text)
        if kind < self._spec.invalid_rate:
            text = _INVALID[int(which * len(_INVALID))]
        elif rubric:
            text = score_card(rubric, _shown(texts, 1)[0], self._lean, request, sample)
        elif count:
            tied = kind < self._spec.invalid_rate + self._spec.tie_rate
            text = ranking(_shown(texts, count), self._lean, request, sample, tied=tied)
        else:
            text = _REASONS
        return Answer(text)

    def _log_odds(self, request: ChatRequest) -> float:
        """Without two tags there is no truth to go by: position bias alone decides."""
        first, second = _shown(candidates_in(request.text), 2)
        return log_odds_first(first, second, self._lean)


def _shown(tagged: list[Candidate], count: int) -> list[Candidate]:
    """The last `count` tagged texts; without as many, texts of which nothing is known."""
    return tagged[-count:] if len(tagged) >= count else [_UNKNOWN] * count


def _chances(feeling: float, form: VerdictFormat, *, tied: bool) -> dict[str, float]:
    """Probability of each answer offered; first and second in the ratio exp(feeling) to 1."""
    tie = 0.0 if form.tie is None else _SURE if tied else _STRAY
    rest = 1.0 - tie - _OTHER
    chances = {form.first: rest * sigmoid(feeling), form.second: rest * sigmoid(-feeling)}
    return chances | ({form.tie: tie} if form.tie else {})


def _answer(
    verdict: str, chances: dict[str, float], form: VerdictFormat, request: ChatRequest
) -> Answer:
    text = form.before + verdict + form.after
    if request.top_logprobs is None:
        return Answer(text)
    logs = _logprobs(chances or {verdict: 1.0 - _OTHER})
    token = Token(verdict, logs[verdict], dict(list(logs.items())[: request.top_logprobs]))
    tokens = [Token(form.before, 0.0, {}), token, Token(form.after, 0.0, {})]
    return Answer(text, logprobs=tuple(token for token in tokens if token.text))


def _logprobs(chances: dict[str, float]) -> dict[str, float]:
    """Log-probabilities of the answers and of stray tokens, most likely first."""
    strays = [token for token in _OTHER_TOKENS if token not in chances]
    # A probability of 0 has no logarithm; 1e-43 is about -99, what servers send for it.
    logs = {token: math.log(max(share, 1e-43)) for token, share in chances.items()}
    logs |= dict.fromkeys(strays, math.log(_OTHER / len(strays)))
    return dict(sorted(logs.items(), key=lambda item: -item[1]))
