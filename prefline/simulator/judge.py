"""Judge models: verdicts, scores and rankings of planted sharpness and biases."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from prefline.simulator.config import Judge
from prefline.simulator.truth import (
    Candidate,
    JudgeWeights,
    candidates_in,
    log_odds_first,
    sigmoid,
    uniforms,
)
from prefline.simulator.wire import Answer, ChatRequest, Token

# None of them holds a letter or a word that a parser could take for a verdict.
_INVALID = ("I cannot choose between them.", "Sorry, I can't help with that.", "Neither.", "Hmm.")
_REASONS = "As the tags say: both have something for them, one has more."
_NO_WINNER = re.compile(r"\bno (?:winner|verdict) yet\b")
_UNTAGGED = Candidate(0.0, 1)
_P_TIE_VERDICT = 0.9  # of the answer token on a tie
_P_TIE_OTHERWISE = 0.02  # on a tie that is not the verdict
_P_OTHER = 0.001  # on all tokens that answer nothing
_OTHER_TOKENS = ("The", "I", "Both", "**", "\n", "Response", "Answer", "None", "It", "Based", "To",
                 "We", "Overall", "In", "Assistant", "My", "This", "After")  # fmt: skip

_BRACKETS = re.compile(r"\[\[A\]\]")
_TIE_WORDS = r"(?:tie|tied|equal|equally|draw|neither|same)"
_TIE_LETTER = re.compile(
    rf"\b{_TIE_WORDS}\b[^.\n]{{0,60}}?\bC\b|\bC\b[^.\n]{{0,60}}?\b{_TIE_WORDS}\b"
)
_LETTER = re.compile(r"\bC\b")
_TIE_QUOTED = re.compile(r"[\"'`\[(<](tie|Tie|TIE)[\"'`\])>]")

_SCALE = re.compile(r"\bfrom (\d+)\b[^.\n]{0,40}? to (\d+)\b")
_CRITERION = re.compile(r"^[-*] (\w+):", re.MULTILINE)
_TYPICAL_LENGTH = 600  # whose logarithm is the middle of the scale for a judge biased by length

_STEPS = ("Any", "Some", "Fair", "Good", "Great")  # what each criterion asks more than the last

_RANK = re.compile(r"\b[Rr]ank\b.{0,40}\b1 to (\d+)\b")


class JudgeModel:
    """Compares the last two tagged texts of a request, in their order of appearance.

    The log-odds of a verdict are log_odds_first + noise, the noise standard logistic and fixed
    by the request, and the verdict is their sign: so P(first) is `truth.p_first`. The
    log-probabilities follow the same log-odds, noise included: they agree with the verdict and
    are no oracle. Ties and invalid replies come first, at their rates, whatever the texts. A
    prompt that asks for scores, a ranking or reasons gets these instead (`utilities`).
    """

    def __init__(self, spec: Judge) -> None:
        self._spec = spec
        self._weights = spec.weights()

    def answer(self, request: ChatRequest, sample: int) -> Answer:
        """Return the `sample`-th verdict; the same for the same model, messages, seed, sample."""
        if request.ranks_two:
            return self._rank_two(request, sample)
        rubric, count = rubric_in(request), ranked_count(request)
        checklist = checklist_answer(request, self._weights, sample)
        if checklist or rubric or count or _NO_WINNER.search(request.last):
            return self._answer_in_words(request, sample, rubric, count, checklist)
        form = verdict_format(request)
        noise, kind, which, _ = uniforms(request.key, "verdict", sample)
        if kind < self._spec.invalid_rate:
            return _answer(_INVALID[int(which * len(_INVALID))], {}, VerdictFormat(), request)
        tied = form.tie is not None and kind < self._spec.invalid_rate + self._spec.tie_rate
        log_odds = self._log_odds(request) + math.log(noise / (1 - noise))
        verdict = form.tie if tied and form.tie else form.first if log_odds > 0 else form.second
        return _answer(verdict, _probabilities(log_odds, form, tied=tied), form, request)

    def _answer_in_words(
        self,
        request: ChatRequest,
        sample: int,
        rubric: Rubric | None,
        count: int | None,
        checklist: str | None,
    ) -> Answer:
        """Return scores, a ranking, or reasons without a verdict."""
        _, kind, which, _ = uniforms(request.key, "verdict", sample)
        candidates = candidates_in(request.text)
        if kind < self._spec.invalid_rate:
            text = _INVALID[int(which * len(_INVALID))]
        elif checklist:
            text = checklist
        elif rubric:
            text = score_card(rubric, _last(candidates, 1)[0], self._weights, request, sample)
        elif count:
            tied = kind < self._spec.invalid_rate + self._spec.tie_rate
            text = ranking(_last(candidates, count), self._weights, request, sample, tied=tied)
        else:
            text = _REASONS
        return Answer(text)

    def _rank_two(self, request: ChatRequest, sample: int) -> Answer:
        """Return scores and a ranking as a generative reward model does (arXiv 2505.11475)."""
        noise, kind, which, _ = uniforms(request.key, "verdict", sample)
        if kind < self._spec.invalid_rate:
            return Answer(_INVALID[int(which * len(_INVALID))])
        log_odds = self._log_odds(request) + math.log(noise / (1 - noise))
        distance = min(2, int(abs(log_odds)))
        rank = 3 - distance if log_odds > 0 else 4 + distance
        first, second = (4, 3 - distance) if log_odds > 0 else (3 - distance, 4)
        return Answer(
            f"{_REASONS}\n"
            f"[The Begin of Individual Scores]\n\\boxed{{{first}, {second}}}\n"
            "[The End of Individual Scores]\n"
            f"[The Begin of Ranking Score]\n\\boxed{{{rank}}}\n[The End of Ranking Score]"
        )

    def _log_odds(self, request: ChatRequest) -> float:
        """Return the log-odds of the first text; without two tags, the position bias alone."""
        first, second = _last(candidates_in(request.text), 2)
        return log_odds_first(first, second, self._weights)


def _last(candidates: list[Candidate], count: int) -> list[Candidate]:
    """Return the last `count` tagged texts; without as many, untagged ones."""
    return candidates[-count:] if len(candidates) >= count else [_UNTAGGED] * count


def _probabilities(log_odds: float, form: VerdictFormat, *, tied: bool) -> dict[str, float]:
    """Return the probability of each verdict; first and second in the ratio exp(log_odds) to 1."""
    tie = 0.0 if form.tie is None else _P_TIE_VERDICT if tied else _P_TIE_OTHERWISE
    rest = 1.0 - tie - _P_OTHER
    probabilities = {form.first: rest * sigmoid(log_odds), form.second: rest * sigmoid(-log_odds)}
    return probabilities | ({form.tie: tie} if form.tie else {})


def _answer(
    verdict: str, probabilities: dict[str, float], form: VerdictFormat, request: ChatRequest
) -> Answer:
    text = form.before + verdict + form.after
    if request.top_logprobs is None:
        return Answer(text)
    logprobs = _logprobs(probabilities or {verdict: 1.0 - _P_OTHER})
    top = dict(list(logprobs.items())[: request.top_logprobs])
    token = Token(verdict, logprobs[verdict], top)
    tokens = [Token(form.before, 0.0, {}), token, Token(form.after, 0.0, {})]
    return Answer(text, logprobs=tuple(token for token in tokens if token.text))


def _logprobs(probabilities: dict[str, float]) -> dict[str, float]:
    """Return log-probabilities of the verdicts and of other tokens, most likely first."""
    others = [token for token in _OTHER_TOKENS if token not in probabilities]
    # A probability of 0 has no logarithm; 1e-43 is about -99, what servers send for it.
    logprobs = {token: math.log(max(share, 1e-43)) for token, share in probabilities.items()}
    logprobs |= dict.fromkeys(others, math.log(_P_OTHER / len(others)))
    return dict(sorted(logprobs.items(), key=lambda item: -item[1]))


# Verdict formats


@dataclass(frozen=True, slots=True)
class VerdictFormat:
    """The words for first, second and tie (None: not offered), and the text around them."""

    first: str = "A"
    second: str = "B"
    tie: str | None = None
    before: str = ""
    after: str = ""


def verdict_format(request: ChatRequest) -> VerdictFormat:
    """Return the format that the prompt asks for, read off it as a model would.

    `A` and `B` unless the prompt shows `[[A]]` or the response format is a JSON object. A tie is
    `C` where the prompt has `C` and a word such as tie or equal within one sentence, the quoted
    word `tie` where it has that, and else not offered. With a JSON schema, the property that has
    an enum of the two verdicts takes the verdict.
    """
    tie = _tie_word(request.text)
    response_format = request.response_format or {}
    if response_format.get("type") == "json_schema":
        schema = response_format.get("json_schema")
        return _json_format(schema.get("schema") if isinstance(schema, dict) else None, tie)
    if response_format.get("type") == "json_object":
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
    """Return the format of a JSON object; other properties keep the schema's order."""
    properties = schema.get("properties", {}) if isinstance(schema, dict) else {}
    before: list[str] = []
    for name, spec in properties.items():
        verdicts = spec.get("enum") if isinstance(spec, dict) else None
        if isinstance(verdicts, list) and len(verdicts) > 1:
            first, second, *more = (str(verdict) for verdict in verdicts)
            after = [_filler(*item) for item in list(properties.items())[len(before) + 1 :]]
            head = "{" + "".join(part + ", " for part in before) + _quoted(name) + ': "'
            tail = '"' + "".join(", " + part for part in after) + "}"
            return VerdictFormat(first, second, more[0] if more else None, head, tail)
        before.append(_filler(name, spec))
    return VerdictFormat(tie=tie, before='{"verdict": "', after='"}')


def _filler(name: str, spec: Any) -> str:
    """Fill a property that is not the verdict: words for a string, 0 for a number, and so on."""
    kind = spec.get("type") if isinstance(spec, dict) else None
    values: dict[Any, Any] = {"number": 0, "integer": 0, "boolean": False, "array": []}
    return f"{_quoted(name)}: {orjson.dumps(values.get(kind, 'as the tags say')).decode()}"


def _quoted(name: str) -> str:
    return orjson.dumps(name).decode()


# Scores and rankings


@dataclass(frozen=True, slots=True)
class Rubric:
    """The criteria to score, on a scale from `lowest` to `highest`."""

    criteria: tuple[str, ...]
    lowest: int
    highest: int


def rubric_in(request: ChatRequest) -> Rubric | None:
    """Return the rubric that a request asks to be filled in; None if it asks for something else.

    With a JSON schema: its integer properties. Otherwise a prompt that asks for scores
    "from 1 to 10", and lists its criteria as lines "- name: ...".
    """
    criteria = _integer_properties(request.response_format)
    # The plain search first: most prompts ask for no scores.
    scale = _SCALE.search(request.text) if criteria or "core" in request.text else None
    if not criteria and scale:
        criteria = tuple(dict.fromkeys(_CRITERION.findall(request.text)))
    if not criteria:
        return None
    lowest, highest = (int(end) for end in scale.groups()) if scale else (1, 10)
    return Rubric(criteria, lowest, highest)


def score_card(
    rubric: Rubric, candidate: Candidate, weights: JudgeWeights, request: ChatRequest, sample: int
) -> str:
    """Return the scores of one text as JSON, the same by every criterion but for rounding.

    score = middle + points * (utility - length_bias * ln 600), with a ninth of the scale for one
    unit, rounded up or down at random so that its mean is kept, and kept on the scale.
    """
    (utility,) = utilities([candidate], weights, request.key, sample)
    utility -= weights.length_bias * math.log(_TYPICAL_LENGTH)
    span = rubric.highest - rubric.lowest
    exact = rubric.lowest + span / 2 + span / 9 * utility
    card: dict[str, Any] = {"reasons": "As the tag says."}
    for criterion in rubric.criteria:
        round_up = uniforms(request.key, f"score {criterion}", sample)[0]
        score = math.floor(exact + round_up)
        card[criterion] = max(rubric.lowest, min(rubric.highest, score))
    return orjson.dumps(card).decode()


def ranked_count(request: ChatRequest) -> int | None:
    """Return the number of texts to rank ("Rank the answers 1 to 4"); None without a ranking."""
    counts = _RANK.findall(request.text)
    return int(counts[-1]) if counts else None


def ranking(
    candidates: Sequence[Candidate],
    weights: JudgeWeights,
    request: ChatRequest,
    sample: int,
    *,
    tied: bool,
) -> str:
    """Return reasons and the ranking by utility, such as `2 > 3 > 1`; `tied`: the first two."""
    utility = utilities(candidates, weights, request.key, sample)
    order = sorted(range(len(candidates)), key=lambda place: -utility[place])
    words = [str(place + 1) for place in order]
    head = " = ".join(words[:2]) if tied else " > ".join(words[:2])
    return "As the tags say.\n" + " > ".join([head, *words[2:]])


def utilities(
    candidates: Sequence[Candidate], weights: JudgeWeights, key: bytes, sample: int
) -> list[float]:
    """Return the utility of each text by itself, in the order shown.

    sharpness * quality + length_bias * ln(length) + noise, the noise standard Gumbel and fixed by
    request and place. The difference of two Gumbel draws is standard logistic, so two utilities
    compare as `truth.p_first` says (Luce 1959; Yellott 1977). In a list of k texts the one at
    place i of 0 to k - 1 gains position_bias * (k - 1 - i) / (k - 1): of two, the first gains all.
    """
    last = len(candidates) - 1
    return [
        weights.sharpness * candidate.quality
        + weights.length_bias * math.log(max(candidate.length, 1))
        + (weights.position_bias * (last - place) / last if last else 0.0)
        + _gumbel_quantile(uniforms(key, f"utility {place}", sample)[0])
        for place, candidate in enumerate(candidates)
    ]


def _gumbel_quantile(uniform: float) -> float:
    return -math.log(-math.log(uniform))


def checklist_answer(request: ChatRequest, weights: JudgeWeights, sample: int) -> str | None:
    """Return the criteria that a request asks to be written, or yes or no to each of those that it
    names, by its JSON schema; None if it asks for neither.

    The criteria rise in what they ask: the n-th of N is met from a utility of 6 (n / (N + 1) - 1/2)
    on, at a length of 600 characters.
    """
    properties = _properties(request.response_format)
    if properties.get("criteria", {}).get("type") == "array":
        written = [
            {"criterion": f"{name} quality", "weight": 5 - n} for n, name in enumerate(_STEPS)
        ]
        return orjson.dumps({"criteria": written}).decode()
    asked = [name for name, spec in properties.items() if spec.get("enum") == ["yes", "no"]]
    if not asked:
        return None
    (candidate,) = _last(candidates_in(request.text), 1)
    (utility,) = utilities([candidate], weights, request.key, sample)
    utility -= weights.length_bias * math.log(_TYPICAL_LENGTH)
    card = {"reasons": "As the tag says."}
    for n, name in enumerate(asked, 1):
        card[name] = "yes" if utility > 6 * (n / (len(asked) + 1) - 0.5) else "no"
    return orjson.dumps(card).decode()


def _integer_properties(response_format: dict[str, Any] | None) -> tuple[str, ...]:
    properties = _properties(response_format)
    return tuple(name for name, spec in properties.items() if spec.get("type") == "integer")


def _properties(response_format: dict[str, Any] | None) -> dict[str, dict[str, Any]]:
    schema: Any = (response_format or {}).get("json_schema")
    schema = schema.get("schema") if isinstance(schema, dict) else None
    properties = schema.get("properties") if isinstance(schema, dict) else None
    if not isinstance(properties, dict):
        return {}
    return {name: spec for name, spec in properties.items() if isinstance(spec, dict)}
