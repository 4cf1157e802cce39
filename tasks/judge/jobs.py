"""Judge jobs: which judge is asked about which pair, in which order, by which question."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from prefline.config import ComparingJudge, Judge, JudgeParams, ModelJudge, OrderedJudge
from prefline.errors import InputError
from prefline.ids import content_hash
from prefline.sources import watched_file
from prefline.tables.messages import Message
from prefline.tables.prompts import Prompt
from tasks.judge.comparisons import Comparison, Response
from tasks.judge.context import Example, JudgeContext, read_examples
from tasks.judge.judge_prompt import read_judge_prompt
from tasks.judge.methods import method_of
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
    plan: Sequence[Comparison]

    def tasks(self) -> Iterator[JudgeTask]:
        """Yield the conversations with the judge, those for the votes on one question one after the
        other."""
        if self.n_votes == 1:
            return self._tasks()
        assert isinstance(self.judge, ModelJudge)
        streams = [self._tasks() for _ in range(self.n_votes)]
        return vote_tasks(streams, self.judge.temperature)

    def collect(
        self, converse: Callable[[Iterator[JudgeTask]], Iterator[JudgeResult]]
    ) -> Iterator[JudgeResult]:
        """Yield what comes of the conversations, which `converse` has in their order; votes
        counted."""
        results = converse(self.tasks())
        return results if self.n_votes == 1 else count_votes(self.judge, results, self.n_votes)

    def _tasks(self) -> Iterator[JudgeTask]:
        return method_of(self.judge).judge_tasks(self.judge, self.context, self.plan)

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
    comparisons: Sequence[Comparison], judge: Judge, context: JudgeContext
) -> Iterator[Comparison]:
    """Yield what one judge is asked, in the order of the pairs' ids.

    A pair to which its method does not apply is left out; one in which the order plays no part is
    asked for once.
    """
    method = method_of(judge)
    applicable = [comparison for comparison in comparisons if method.applies(context, comparison)]
    if not isinstance(judge, ModelJudge):
        yield from applicable
        return
    if judge.own_family == "skip":
        applicable = [
            comparison
            for comparison in applicable
            if not exactly_one_is_own(judge, context.families, comparison)
        ]
    both_orders = isinstance(judge, OrderedJudge) and judge.orders == "both"
    for comparison in _draw(applicable, judge, context.seed):
        yield comparison
        if method.one_task_per_order and both_orders:
            yield comparison.swapped()


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


def _draw(comparisons: list[Comparison], judge: ModelJudge, seed: int) -> list[Comparison]:
    """Draw `max_pairs` pairs by hash with `seed`.

    A share of `gold_share` of them, as far as there are that many, is from those that a verifier
    decides, since only these show how often the judge is right.
    """
    if judge.max_pairs is None or judge.max_pairs >= len(comparisons):
        return comparisons
    drawn = sorted(comparisons, key=lambda pair: content_hash([seed, judge.name, pair.pair_id]))
    decided = [pair for pair in drawn if _is_decided(pair)]
    gold = decided[: round(judge.gold_share * judge.max_pairs)]
    gold_ids = {pair.pair_id for pair in gold}
    others = [pair for pair in drawn if pair.pair_id not in gold_ids]
    kept = gold + others[: judge.max_pairs - len(gold)]
    return sorted(kept, key=lambda pair: (pair.prompt.prompt_id, pair.pair_id))


def _is_decided(comparison: Comparison) -> bool:
    return comparison.prompt.verifier is not None and verify(comparison).side in ("first", "second")
