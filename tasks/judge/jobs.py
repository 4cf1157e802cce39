"""Judge jobs: which judge is asked about which pair, in which order, by which question."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import tee
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from prefline.config import ComparingJudge, Judge, JudgeParams, ModelJudge, OrderedJudge
from prefline.errors import InputError
from prefline.ids import content_hash
from prefline.sources import watched_file
from prefline.stats import Bools, Ints
from prefline.tables.messages import Message
from prefline.tables.prompts import Prompt
from tasks.judge.comparisons import Comparison, Plan, Response
from tasks.judge.context import Example, JudgeContext, read_examples
from tasks.judge.judge_prompt import read_judge_prompt
from tasks.judge.methods import JudgedRows, method_of
from tasks.judge.methods.verifier import verify
from tasks.judge.results import JudgeResult, JudgeTask
from tasks.judge.self_preference import exactly_one_is_own
from tasks.judge.votes import count_votes, vote_tasks

_SAMPLE = Comparison(
    Prompt("prompt", (Message(role="user", content="a question"),), "", "", "", None,
           "the right answer", None),
    Response("first", "one answer", "stop"),
    Response("second", "another answer", "stop"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class JudgeJob:
    """A judge, what it is given, and the comparisons that it is asked about."""

    judge: Judge
    context: JudgeContext
    plan: Plan

    def tasks(self) -> Iterator[JudgeTask]:
        """Yield the conversations with the judge, those for the votes on one question one after the
        other."""
        if self.n_votes == 1:
            return self._tasks(self.plan)
        assert isinstance(self.judge, ModelJudge)
        # Read once: the votes go through the plan side by side.
        streams = [self._tasks(plan) for plan in tee(self.plan, self.n_votes)]
        return vote_tasks(streams, self.judge.temperature)

    def collect(
        self, converse: Callable[[Iterator[JudgeTask]], Iterator[JudgeResult]]
    ) -> Iterator[JudgeResult]:
        """Yield what comes of the conversations, which `converse` has in their order; votes
        counted."""
        results = converse(self.tasks())
        return results if self.n_votes == 1 else count_votes(self.judge, results, self.n_votes)

    def columns(self) -> Iterator[JudgedRows] | None:
        """Return what a judge that asks nobody says, in columns; None for one that has tasks."""
        return method_of(self.judge).judge_columns(self.judge, self.context, self.plan)

    def _tasks(self, plan: Iterable[Comparison]) -> Iterator[JudgeTask]:
        return method_of(self.judge).judge_tasks(self.judge, self.context, plan)

    @property
    def n_votes(self) -> int:
        """Times that each question is asked."""
        return self.judge.votes if isinstance(self.judge, ModelJudge) else 1

    def asked_once(self) -> JudgeJob:
        """Return the same job without a second call where a reply was cut off."""
        if not isinstance(self.judge, ModelJudge):
            return self
        return replace(self, judge=self.judge.model_copy(update={"ask_again": False}))

    @property
    def calls(self) -> int:
        """The largest number of calls that these take, second ones for replies that were cut off
        (`ask_again`) aside."""
        return self.n_votes * method_of(self.judge).calls(self.judge, self.context, self.plan)

    @property
    def is_adaptive(self) -> bool:
        """True if it can be asked question by question: a model that compares two answers."""
        return isinstance(self.judge, ModelJudge) and method_of(self.judge).one_task_per_order


def read_context(
    judge: Judge, params: JudgeParams, root: Path, responses: Iterable[Mapping[str, Any]]
) -> JudgeContext:
    """Read a judge's files from the project at `root`; `responses` are the run's rows.

    Raises `InputError` for a file that is not as it should be, and for one outside of the
    folder that DVC watches for it; `TableError` for a folder without a trained model.
    """
    material = method_of(judge).read(judge, root, responses)
    examples: tuple[Example, ...] = ()
    if isinstance(judge, ComparingJudge) and judge.examples:
        path = watched_file(root, judge.examples, "data/examples")
        examples = read_examples(path)
        if not judge.ties and any(example.verdict == "tie" for example in examples):
            raise InputError(
                f"{path.name}: an example is a tie, which judge {judge.name} is not offered",
                "set `ties: true` for it, or take that example out",
            )
    prompt = None
    if isinstance(judge, ModelJudge) and judge.prompt is not None:
        prompt = read_judge_prompt(root, judge.prompt, judge.method, method_of(judge).slots)
        if judge.method == "reasoned" and not all(example.reasons for example in examples):
            raise InputError(
                f"judge {judge.name}: an example has no reasons, which {judge.prompt} asks for",
                "give every example `reasons`, or write examples into the prompt",
            )
    return JudgeContext(params.seed, params.families, examples, material, prompt)


def plan_comparisons(
    comparisons: Iterable[Comparison], judge: Judge, context: JudgeContext
) -> Iterator[Comparison]:
    """Yield what one judge is asked, in the comparisons' order.

    A pair to which its method does not apply is left out; one in which the order plays no part is
    asked for once.
    """
    asked = [comparison for comparison in comparisons if is_asked(judge, context, comparison)]
    if is_drawn(judge, len(asked)):
        keys = [draw_key(judge, context, comparison) for comparison in asked]
        decided = [is_decided(comparison) for comparison in asked]
        kept = draw(judge, np.array(keys, np.uint64), np.array(decided, bool))
        asked = [asked[place] for place in kept.tolist()]
    both_orders = sees_both_orders(judge)
    for comparison in asked:
        yield comparison
        if both_orders:
            yield comparison.swapped()


def is_asked(judge: Judge, context: JudgeContext, comparison: Comparison) -> bool:
    """Return whether a judge can be asked about a pair, as far as params let it."""
    if not method_of(judge).applies(context, comparison):
        return False
    if not isinstance(judge, ModelJudge) or judge.own_family != "skip":
        return True
    return not exactly_one_is_own(judge, context.families, comparison)


def sees_both_orders(judge: Judge) -> bool:
    """Return whether a judge's plan has each comparison in both orders."""
    one_order = not isinstance(judge, OrderedJudge) or judge.orders != "both"
    return method_of(judge).one_task_per_order and not one_order


def is_drawn(judge: Judge, n_pairs: int) -> bool:
    """Return whether a judge is asked about some of so many pairs only (`max_pairs`)."""
    most = judge.max_pairs if isinstance(judge, ModelJudge) else None
    return most is not None and most < n_pairs


def draw_key(judge: Judge, context: JudgeContext, comparison: Comparison) -> int:
    """Return the number by whose order a judge's pairs are drawn: 64 bits of a hash with the
    seed."""
    return int(content_hash([context.seed, judge.name, comparison.pair_id])[:16], 16)


def is_decided(comparison: Comparison) -> bool:
    """Return whether the prompt's own check tells which response is better."""
    return comparison.prompt.verifier is not None and verify(comparison).side in ("first", "second")


def draw(judge: Judge, keys: npt.NDArray[np.uint64], decided: Bools) -> Ints:
    """Return the places of the `max_pairs` pairs that a judge is asked about, ascending, of pairs
    with these draw keys (n,).

    A share of `gold_share` of them, as far as there are that many, is from those that a verifier
    has `decided` (n,), since only these show how often the judge is right.
    """
    assert isinstance(judge, ModelJudge)
    assert judge.max_pairs is not None
    drawn = np.argsort(keys, kind="stable")
    gold = drawn[decided[drawn]][: round(judge.gold_share * judge.max_pairs)]
    is_gold = np.zeros(len(keys), bool)
    is_gold[gold] = True
    others = drawn[~is_gold[drawn]][: judge.max_pairs - len(gold)]
    return np.sort(np.concatenate([gold, others]))


def question_hashes(
    judges: Iterable[Judge], contexts: Iterable[JudgeContext]
) -> dict[str, dict[str, str]]:
    """Return the method of each judge by its name, and the hash of what it is asked: its
    instructions with principles, criteria and examples, and not which model it is; with the file
    of its own prompt and that file's SHA-256, if it has one."""
    return {
        judge.name: {"method": judge.method, "wording": content_hash(_wording(judge, context))}
        | _prompt_file(context)
        for judge, context in zip(judges, contexts, strict=True)
    }


def _prompt_file(context: JudgeContext) -> dict[str, str]:
    prompt = context.prompt
    return {"prompt": prompt.path, "prompt_sha256": prompt.sha256} if prompt else {}


def _wording(judge: Judge, context: JudgeContext) -> Any:
    wording = method_of(judge).wording(judge, context, _SAMPLE)
    if context.prompt is not None:  # not all of it is in the first call
        wording = {"prompt": context.prompt.content, "of": wording}
    if isinstance(judge, ModelJudge) and judge.votes > 1:  # the share of some is no log-probability
        return {"votes": judge.votes, "temperature": judge.temperature, "of": wording}
    return wording
