"""A sample as one conversation with its model: the draft, then rounds of critique and revision."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from prefline.config import GenerateParams
from prefline.config.principles import Principle, read_principles
from prefline.errors import InputError
from prefline.ids import content_id, seed_from
from prefline.llm import Failure, Reply, Request, Sampling, Steps
from prefline.reward.models import HeadReward
from prefline.sources import watched_file
from prefline.tables import Rejection
from prefline.tables.messages import with_system
from prefline.tables.prompts import Prompt
from tasks.generate.best_of import keep_best
from tasks.generate.candidates import (
    REASONING_ONLY,
    REVISED,
    Candidate,
    FailedRevision,
    SampleResult,
    no_answer,
)
from tasks.generate.revision import RevisionRound, draw_round, revise


def read_revision_principles(params: GenerateParams, root: Path) -> tuple[Principle, ...]:
    """Return the principles that answers are revised by; none where params ask for no revision.

    Raises `InputError` for a file outside of data/principles, and for a principle that does not
    say what to look for or how to mend it.
    """
    if params.revision is None:
        return ()
    path = watched_file(root, params.revision.principles, "data/principles")
    principles = read_principles(path)
    for principle in principles:
        for field in ("critique", "revise"):
            if not getattr(principle, field):
                raise InputError(
                    f"{path.name}: principle {principle.id!r} has no field '{field}'",
                    "a revision needs both: what to look for, and how to mend it",
                )
    return principles


def sample_conversations(
    prompts: Iterable[Prompt],
    params: GenerateParams,
    principles: Sequence[Principle] = (),
    reward: HeadReward | None = None,
) -> Iterator[Steps[SampleResult]]:
    """Return one conversation for each prompt, model and sample, in that order; where a `reward`
    head picks answers, one for each prompt.

    A sample whose draft failed ends as one rejection. Any other ends as its draft and, for each
    round, a revision or a rejection that says why there is none. A round goes on from the latest
    answer, whatever became of the rounds before it.
    """
    for prompt in prompts:
        drafts = generation_requests([prompt], params)
        conversations = (_converse(draft, params, principles) for draft in drafts)
        if reward is None or params.best_of is None:
            yield from conversations
        else:
            yield keep_best(prompt, conversations, reward, params.best_of)


def generation_requests(prompts: Iterable[Prompt], params: GenerateParams) -> Iterator[Request]:
    """Return the request for the draft of each prompt, model and sample, in that order; tagged with
    the prompt's id.

    Each sample has a seed of its own, drawn from the prompt's id, so that the same params
    give the same requests on any machine.
    """
    for prompt in prompts:
        messages = with_system(prompt.messages, params.system_prompt)
        for endpoint in params.endpoints:
            for index in range(params.samples_per_prompt):
                seed = seed_from(params.seed, prompt.prompt_id, endpoint.model, index)
                yield Request(
                    model=endpoint.model,
                    messages=messages,
                    sampling=Sampling(params.temperature, params.top_p, params.max_tokens, seed),
                    sample_index=index,
                    tag=prompt.prompt_id,
                    tools=prompt.tools,
                )


def _converse(
    draft: Request, params: GenerateParams, principles: Sequence[Principle]
) -> Steps[SampleResult]:
    outcome = yield draft
    if isinstance(outcome, Failure):
        return [_draft_rejection(draft, outcome.reason, outcome.detail)]
    if outcome.finish_reason == REASONING_ONLY:
        detail = no_answer(outcome, "generate.max_tokens")
        return [_draft_rejection(draft, REASONING_ONLY, detail, outcome)]
    answers, rejections = [Candidate(outcome, [outcome])], list[Rejection]()
    for number in range(1, 1 + (params.revision.rounds if params.revision else 0)):
        revision_round = draw_round(number, draft, principles, params)
        revision = yield from revise(answers, revision_round)
        if isinstance(revision, Candidate):
            answers.append(revision)
        else:
            answers[-1].calls.extend(revision.calls)
            rejections.append(_revision_rejection(revision_round, revision))
    return [*answers, *rejections]


def _draft_rejection(
    draft: Request, reason: str, detail: str, reply: Reply | None = None
) -> Rejection:
    """Return the rejection of a draft without an answer; its id names prompt, model and sample.
    A `reply` without one was paid for all the same."""
    identity = content_id(draft.tag, draft.model, draft.sample_index)
    detail = f"{draft.model}, sample {draft.sample_index}: {detail}"
    key, cost = (reply.request.key, reply.cost_usd) if reply else (None, None)
    return Rejection("generate", "response", identity, reason, detail, key, cost)


def _revision_rejection(revision_round: RevisionRound, failed: FailedRevision) -> Rejection:
    """Return the rejection of a revision; its id names prompt, model, sample and round."""
    draft, number = revision_round.draft, revision_round.number
    identity = content_id(draft.tag, draft.model, draft.sample_index, REVISED, number)
    detail = (
        f"{draft.model}, sample {draft.sample_index}, round {number} by "
        f"{revision_round.principle.id!r}: {failed.detail}"
    )
    return Rejection("generate", "response", identity, failed.reason, detail)
