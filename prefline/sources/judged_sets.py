"""Public sets of judged answers, each a layout: what its columns mean, declared once.

A row gives a prompt, answers and verdicts on pairs of them. `LAYOUTS` of `prefline.config` names
the declarations below; docs/formats.md lists their columns and where each set is. Another package
adds one by an entry point of the group `prefline.layouts`.
"""

from __future__ import annotations

import difflib
import itertools
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from prefline.config import LAYOUTS
from prefline.errors import InputError
from prefline.sources.rows import Row, cell_text
from prefline.tables.messages import Conversation, Message

Side = Literal["first", "second", "tie"]
Labels = Literal["people", "a model", "right answers"]

_TURN = re.compile(r"(?:\A\s*|\n\n)(Human|Assistant):")
_ROLES = {"Human": "user", "Assistant": "assistant", "human": "user", "gpt": "assistant"}
_FIRST_SECOND: Mapping[str, Side] = {"0": "first", "1": "second"}


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, and who wrote it if the set says so."""

    text: str
    model: str | None = None


@dataclass(frozen=True, slots=True)
class SetVerdict:
    """A verdict on two answers by their places in the row, and whose it is if the set says so."""

    first: int
    second: int
    side: Side
    annotator: str | None = None


@dataclass(frozen=True, slots=True)
class JudgedRow:
    """A row of a set: what was asked, the answers, and the verdicts on pairs of them."""

    messages: Conversation
    answers: tuple[Answer, ...]
    verdicts: tuple[SetVerdict, ...]
    category: str | None = None


@dataclass(frozen=True, slots=True)
class UnusableRow:
    """A row that is no pair: the reason in one word, and the detail without the row's place."""

    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class SetLayout:
    """The declaration of a layout: whose labels they are, where the set is, the columns that a row
    must have, and how it is read."""

    name: str
    labels: Labels
    source: str
    columns: tuple[str, ...]
    read: Callable[[Cells], JudgedRow | UnusableRow]


def read_judged(layout: str, rows: Iterator[Row]) -> Iterator[tuple[str, JudgedRow | UnusableRow]]:
    """Yield what the rows of a set say, each with its place.

    Raises `InputError` that names the place, the layout and the column for a row of another shape.
    """
    for place, row in rows:
        yield place, read_judged_row(layout, place, row)


def read_judged_row(layout: str, place: str, row: Mapping[str, Any]) -> JudgedRow | UnusableRow:
    """Return what one row of a set says; see `read_judged`."""
    declared: SetLayout = LAYOUTS.get(layout)
    cells = Cells(declared, place, row)
    for column in declared.columns:
        if column not in row:
            raise cells.missing(column)
    return declared.read(cells)


def transcript_turns(text: str) -> Conversation | None:
    """Return the turns of a dialogue as Anthropic's HH has it: each begins with a blank line and
    "Human:" or "Assistant:". None for text that does not begin with one."""
    before, *parts = _TURN.split(text.replace("\r\n", "\n"))
    if before or not parts:
        return None
    return tuple(
        Message(role=_ROLES[speaker], content=content.strip())
        for speaker, content in zip(parts[::2], parts[1::2], strict=True)
    )


@dataclass(frozen=True, slots=True)
class Cells:
    """The cells of a row of a set; `place` locates it in messages."""

    layout: SetLayout
    place: str
    row: Mapping[str, Any]

    def get(self, column: str) -> Any:
        """Return a cell, None for an empty one; NaN is how some writers say so."""
        value = self.row.get(column)
        return None if isinstance(value, float) and math.isnan(value) else value

    def text(self, column: str) -> str:
        """Return a cell of text. Raises `InputError` for anything else."""
        value = self.get(column)
        if not isinstance(value, str):
            kind = "empty" if value is None else f"{type(value).__name__}, not text"
            raise self.error(column, f"is {kind}")
        return value

    def items(self, column: str) -> Sequence[Any]:
        """Return a cell that holds a list, or one as JSON. Raises `InputError` for others."""
        value = self.get(column)
        if isinstance(value, str):
            try:
                value = orjson.loads(value)
            except orjson.JSONDecodeError:
                value = None
        if not isinstance(value, Sequence) or isinstance(value, str):
            raise self.error(column, "is no list")
        return value

    def number(self, column: str) -> float:
        """Return a cell that holds a number. Raises `InputError` for others."""
        value = self.get(column)
        try:
            return float(value)
        except (TypeError, ValueError) as error:
            raise self.error(column, f"is {value!r}, not a number") from error

    def side(self, column: str, words: Mapping[str, Side]) -> Side:
        """Return the side that a cell names by one of these words. Raises `InputError`."""
        word = str(self.get(column)).lower()
        if word not in words:
            word = cell_text(self.get(column))
        if word not in words:
            raise self.error(column, f"is {self.get(column)!r}, not one of {', '.join(words)}")
        return words[word]

    def messages(self, column: str) -> Conversation | UnusableRow:
        """Return a cell of text as one turn of the user, and a list as turns."""
        if isinstance(self.get(column), str) and not self.row[column].lstrip().startswith("[{"):
            return (Message(role="user", content=self.row[column]),)
        return self.turns(column, self.items(column))

    def turns(self, column: str, items: Sequence[Any]) -> Conversation | UnusableRow:
        """Return messages of a role and a text; the text of parts is joined.

        Raises `InputError` for what is no message.
        """
        turns = []
        for item in items:
            role = item.get("role") if isinstance(item, Mapping) else None
            content: Any = item.get("content") if isinstance(item, Mapping) else None
            if isinstance(content, Sequence) and not isinstance(content, str):
                if any(part.get("type") != "text" for part in content):
                    return UnusableRow("not_text", "a message has more than text")
                content = "".join(part.get("text") or "" for part in content)
            if role not in ("system", "user", "assistant") or not isinstance(content, str):
                raise self.error(column, f"holds {str(item)[:80]!r}, not {{role, content}}")
            turns.append(Message(role=role, content=content))
        return tuple(turns)

    def missing(self, column: str) -> InputError:
        """Return the error for a row without a column of the layout."""
        near = difflib.get_close_matches(column, self.row, 1)
        meant = f"; {near[0]!r} is near" if near else ""
        return InputError(
            f"{self.place}: there is no column {column!r}, which the layout {self.layout.name} "
            f"has{meant}",
            f"take the set as it is published ({self.layout.source}), or name another layout; "
            "docs/formats.md lists the columns of each",
        )

    def error(self, column: str, problem: str) -> InputError:
        """Return an error about a cell."""
        return InputError(
            f"{self.place}: field {column!r} {problem} (layout {self.layout.name})",
            f"mend or drop that row; {self.layout.source} has the set as it is published",
        )


# Readers of a kind of row, and the sets that have it


def _pair(
    prompt: Conversation,
    answers: Sequence[Answer],
    verdicts: Sequence[tuple[Side, str | None]],
    category: str | None = None,
) -> JudgedRow:
    """Return a row of two answers, and who says which is better."""
    said = tuple(SetVerdict(0, 1, side, annotator) for side, annotator in verdicts)
    return JudgedRow(prompt, tuple(answers), said, category)


def _dialogues(
    dialogues: Sequence[Conversation | UnusableRow],
    verdict: tuple[Side, str | None],
    models: Sequence[str | None] = (None, None),
    category: str | None = None,
) -> JudgedRow | UnusableRow:
    """Return two whole dialogues, which differ in their last answer alone, as a row."""
    whole: list[Conversation] = []
    for turns in dialogues:
        if isinstance(turns, UnusableRow):
            return turns
        if not turns or turns[-1]["role"] != "assistant":
            return UnusableRow("no_answer", "a dialogue ends without an answer")
        whole.append(turns)
    if not whole[0][:-1]:
        return UnusableRow("no_prompt", "nothing comes before the answer")
    if whole[0][:-1] != whole[1][:-1]:
        return UnusableRow("diverging_dialogue", "the two differ before their last turn")
    answers = [
        Answer(turns[-1]["content"], model) for turns, model in zip(whole, models, strict=True)
    ]
    return _pair(whole[0][:-1], answers, [verdict], category)


@dataclass(frozen=True, slots=True)
class Sided:
    """Reads a prompt, two answers and a word that names the better one."""

    prompt: str
    answers: tuple[str, str]
    label: str
    words: Mapping[str, Side]
    models: tuple[str, str] | None = None
    category: str | None = None

    def __call__(self, cells: Cells) -> JudgedRow | UnusableRow:
        """Return the row."""
        prompt = cells.messages(self.prompt)
        if isinstance(prompt, UnusableRow):
            return prompt
        names = [_optional(cells, name) for name in self.models or ()] or [None, None]
        answers = [
            Answer(cells.text(column), model)
            for column, model in zip(self.answers, names, strict=True)
        ]
        side = cells.side(self.label, self.words)
        category = _optional(cells, self.category) if self.category else None
        return _pair(prompt, answers, [(side, None)], category)


def _optional(cells: Cells, column: str) -> str | None:
    value = cells.get(column)
    return None if value is None else cell_text(value)


def _hh_rlhf(cells: Cells) -> JudgedRow | UnusableRow:
    turns = []
    for column in ("chosen", "rejected"):
        found = transcript_turns(cells.text(column))
        if found is None:
            raise cells.error(column, f"begins with {cells.text(column)[:40]!r}, not with a turn")
        turns.append(found)
    return _dialogues(turns, ("first", None))


def _helpsteer3(cells: Cells) -> JudgedRow | UnusableRow:
    """From -3, the first is much better, to 3, the second is."""
    prompt = cells.turns("context", cells.items("context"))
    if isinstance(prompt, UnusableRow):
        return prompt
    score = cells.number("overall_preference")
    side: Side = "tie" if score == 0 else "first" if score < 0 else "second"
    answers = [Answer(cells.text(column)) for column in ("response1", "response2")]
    return _pair(prompt, answers, [(side, None)], _optional(cells, "domain"))


def _binarized(cells: Cells) -> JudgedRow | UnusableRow:
    dialogues = [cells.turns(name, cells.items(name)) for name in ("chosen", "rejected")]
    equal = cells.get("score_chosen") is not None and (
        cells.get("score_chosen") == cells.get("score_rejected")
    )
    return _dialogues(dialogues, ("tie" if equal else "first", None))


def _by_score(
    prompt: Conversation,
    scored: Sequence[tuple[Answer, float]],
    category: str | None = None,
) -> JudgedRow:
    """Return a row with a verdict on every two answers: the higher score is better."""
    sides = {1: "first", -1: "second", 0: "tie"}
    verdicts = [
        SetVerdict(i, j, sides[(a > b) - (a < b)])  # type: ignore[arg-type]
        for (i, (_, a)), (j, (_, b)) in itertools.combinations(enumerate(scored), 2)
        if not (math.isnan(a) or math.isnan(b))
    ]
    return JudgedRow(prompt, tuple(answer for answer, _ in scored), tuple(verdicts), category)


def _listed(cells: Cells, column: str, text: str, score: str) -> list[tuple[Answer, float]]:
    found = []
    for place, item in enumerate(cells.items(column)):
        entry = Cells(cells.layout, f"{cells.place}, {column}[{place}]", item)
        for name in (text, score):
            if name not in item:
                raise entry.missing(name)
        answer = Answer(entry.text(text), _optional(entry, "model"))
        found.append((answer, math.nan if entry.get(score) is None else entry.number(score)))
    return found


def _ultrafeedback(cells: Cells) -> JudgedRow | UnusableRow:
    prompt = (Message(role="user", content=cells.text("instruction")),)
    scored = _listed(cells, "completions", "response", "overall_score")
    if not scored:
        return UnusableRow("no_answer", "there are no completions")
    return _by_score(prompt, scored, _optional(cells, "source"))


def _nectar(cells: Cells) -> JudgedRow | UnusableRow:
    """A rank of 1 is the best."""
    turns = transcript_turns(cells.text("prompt"))
    if turns is None:
        raise cells.error("prompt", "does not begin with a turn")
    while turns and turns[-1] == Message(role="assistant", content=""):
        turns = turns[:-1]
    if not turns:
        return UnusableRow("no_prompt", "nothing comes before the answers")
    ranked = _listed(cells, "answers", "answer", "rank")
    return _by_score(turns, [(answer, -rank) for answer, rank in ranked])


_WINNER: Mapping[str, Side] = {
    "model_a": "first", "model_b": "second", "tie": "tie", "tie (bothbad)": "tie",
    "both_bad": "tie",
}  # fmt: skip


def _arena(cells: Cells) -> JudgedRow | UnusableRow:
    return _battle(cells, None)


def _battle(cells: Cells, turns: int | None) -> JudgedRow | UnusableRow:
    """Return a battle of two models; of longer dialogues the first `turns` turns, None for all."""
    dialogues = []
    for side in "ab":
        dialogue = cells.messages(f"conversation_{side}")
        if isinstance(dialogue, tuple) and turns is not None:
            dialogue = dialogue[: 2 * turns]
        dialogues.append(dialogue)
    said = cells.side("winner", _WINNER)
    models = (_optional(cells, "model_a"), _optional(cells, "model_b"))
    return _dialogues(
        dialogues, (said, _optional(cells, "judge")), models, _optional(cells, "language")
    )


def _arena_55k(cells: Cells) -> JudgedRow | UnusableRow:
    """Prompts and answers are JSON lists of the turns, and each outcome has a column of its own."""
    dialogues = []
    for side in "ab":
        asked, answered = cells.items("prompt"), cells.items(f"response_{side}")
        if None in (*asked, *answered):
            return UnusableRow("empty", "a turn has no text")
        if len(asked) != len(answered):
            return UnusableRow("no_answer", "a turn has no answer")
        turns = [
            Message(role=role, content=str(text))
            for pair in zip(asked, answered, strict=True)
            for role, text in zip(("user", "assistant"), pair, strict=True)
        ]
        dialogues.append(tuple(turns))
    won = {name: cells.number(f"winner_{name}") == 1 for name in ("model_a", "model_b", "tie")}
    if sum(won.values()) != 1:
        raise cells.error("winner_model_a", "and the other outcomes do not name one winner")
    side = _WINNER[next(name for name, is_so in won.items() if is_so)]
    models = (_optional(cells, "model_a"), _optional(cells, "model_b"))
    return _dialogues(dialogues, (side, None), models)


def _mt_bench(cells: Cells) -> JudgedRow | UnusableRow:
    """A verdict on turn 1 is on the first answers alone."""
    return _battle(cells, int(cells.number("turn")))


def _pandalm(cells: Cells) -> JudgedRow | UnusableRow:
    """Three annotators, each with 1, 2, or 0 for a tie."""
    words: Mapping[str, Side] = {"0": "tie", "1": "first", "2": "second"}
    question = "\n\n".join(filter(None, (cells.text("instruction"), cells.get("input"))))
    names = ("annotator1", "annotator2", "annotator3")
    verdicts = [(cells.side(name, words), name) for name in names if cells.get(name) is not None]
    models = (_optional(cells, "cmp_key") or "").split("_")
    answers = [
        Answer(cells.text(f"response{n + 1}"), models[n] if len(models) == 2 else None)  # noqa: PLR2004
        for n in range(2)
    ]
    prompt = (Message(role="user", content=question),)
    return _pair(prompt, answers, verdicts, _optional(cells, "motivation_app"))


def _reward_bench(cells: Cells) -> JudgedRow | UnusableRow:
    prompt = cells.messages("prompt")
    if isinstance(prompt, UnusableRow):
        return prompt
    answers = [
        Answer(cells.text(side), _optional(cells, f"{side}_model"))
        for side in ("chosen", "rejected")
    ]
    return _pair(prompt, answers, [("first", None)], _optional(cells, "subset"))


def _reward_bench_2(cells: Cells) -> JudgedRow | UnusableRow:
    """Every right answer is better than every wrong one; nothing is said among right ones."""
    right, wrong = (list(map(str, cells.items(name))) for name in ("chosen", "rejected"))
    models = list(cells.items("models")) if cells.get("models") is not None else []
    texts = [*right, *wrong]
    if len(models) != len(texts):  # of some subsets they are not named one by one
        models = [None] * len(texts)
    verdicts = tuple(
        SetVerdict(i, len(right) + j, "first") for i in range(len(right)) for j in range(len(wrong))
    )
    prompt = (Message(role="user", content=cells.text("prompt")),)
    answers = tuple(map(Answer, texts, models))
    return JudgedRow(prompt, answers, verdicts, _optional(cells, "subset"))


def _hub(path: str) -> str:
    return f"https://huggingface.co/datasets/{path}"


_PKU = ("prompt", "response_0", "response_1")
_BATTLE = ("model_a", "model_b", "winner", "conversation_a", "conversation_b")


def _pku(label: str) -> Sided:
    models = ("response_0_source", "response_1_source")
    return Sided("prompt", ("response_0", "response_1"), label, _FIRST_SECOND, models)


HH_RLHF = SetLayout(
    "hh_rlhf", "people", _hub("Anthropic/hh-rlhf"), ("chosen", "rejected"), _hh_rlhf
)
HELPSTEER3 = SetLayout(
    "helpsteer3", "people", _hub("nvidia/HelpSteer3"),
    ("context", "response1", "response2", "overall_preference"), _helpsteer3,
)  # fmt: skip
PKU_SAFERLHF = SetLayout(
    "pku_saferlhf", "people", _hub("PKU-Alignment/PKU-SafeRLHF"),
    (*_PKU, "better_response_id"), _pku("better_response_id"),
)  # fmt: skip
PKU_SAFERLHF_SAFER = SetLayout(
    "pku_saferlhf_safer", "people", _hub("PKU-Alignment/PKU-SafeRLHF"),
    (*_PKU, "safer_response_id"), _pku("safer_response_id"),
)  # fmt: skip
ULTRAFEEDBACK = SetLayout(
    "ultrafeedback", "a model", _hub("openbmb/UltraFeedback"),
    ("instruction", "completions"), _ultrafeedback,
)  # fmt: skip
ULTRAFEEDBACK_BINARIZED = SetLayout(
    "ultrafeedback_binarized", "a model", _hub("HuggingFaceH4/ultrafeedback_binarized"),
    ("chosen", "rejected"), _binarized,
)  # fmt: skip
NECTAR = SetLayout(
    "nectar", "a model", _hub("berkeley-nest/Nectar"), ("prompt", "answers"), _nectar
)
ARENA = SetLayout(
    "arena", "people", _hub("lmarena-ai/arena-human-preference-140k"), _BATTLE, _arena
)
ARENA_55K = SetLayout(
    "arena_55k", "people", _hub("lmarena-ai/arena-human-preference-55k"),
    ("prompt", "response_a", "response_b", "winner_model_a", "winner_model_b", "winner_tie"),
    _arena_55k,
)  # fmt: skip
MT_BENCH = SetLayout(
    "mt_bench", "people", _hub("lmsys/mt_bench_human_judgments"),
    (*_BATTLE, "judge", "turn"), _mt_bench,
)  # fmt: skip
PANDALM = SetLayout(
    "pandalm", "people", "https://github.com/WeOpenML/PandaLM, data/testset-v1.json",
    ("instruction", "response1", "response2", "annotator1", "annotator2", "annotator3"), _pandalm,
)  # fmt: skip
AUTO_J = SetLayout(
    "auto_j", "people", "https://github.com/GAIR-NLP/auto-j, data/test/testdata_pairwise.jsonl",
    ("prompt", "response 1", "response 2", "label"),
    Sided("prompt", ("response 1", "response 2"), "label", {**_FIRST_SECOND, "2": "tie"},
          category="scenario"),
)  # fmt: skip
LLMBAR = SetLayout(
    "llmbar", "right answers", "https://github.com/princeton-nlp/LLMBar, dataset.json",
    ("input", "output_1", "output_2", "label"),
    Sided("input", ("output_1", "output_2"), "label", {"1": "first", "2": "second"}),
)  # fmt: skip
JUDGE_BENCH = SetLayout(
    "judge_bench", "right answers", _hub("ScalerLab/JudgeBench"),
    ("question", "response_A", "response_B", "label"),
    Sided("question", ("response_A", "response_B"), "label",
          {"A>B": "first", "B>A": "second", "A=B": "tie"}, category="source"),
)  # fmt: skip
REWARD_BENCH = SetLayout(
    "reward_bench", "right answers", _hub("allenai/reward-bench"),
    ("prompt", "chosen", "rejected"), _reward_bench,
)  # fmt: skip
REWARD_BENCH_2 = SetLayout(
    "reward_bench_2", "right answers", _hub("allenai/reward-bench-2"),
    ("prompt", "chosen", "rejected"), _reward_bench_2,
)  # fmt: skip
