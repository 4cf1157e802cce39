"""A sample as one dialogue with its model: the draft, then rounds of critique and revision."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from prefline.config import GenerateParams
from prefline.config.principles import Principle, read_principles
from prefline.errors import InputError
from prefline.ids import content_id
from prefline.llm import Failure, Request, Steps
from prefline.reward.models import HeadReward
from prefline.sources import given_file
from prefline.tables import Rejection
from prefline.tables.prompts import Prompt
from tasks.generate.best_of import pick
from tasks.generate.candidate import REVISED, Candidate, Ended, Unmade
from tasks.generate.draft import generation_requests
from tasks.generate.revision import Round, draw_round, revise


def read_revision_principles(params: GenerateParams, root: Path) -> tuple[Principle, ...]:
    """The principles that answers are revised by; none where params ask for no revision.

    Raises `InputError` for a file outside of data/principles, and for a principle that does not
    say what to look for or how to mend it.
    """
    if params.revision is None:
        return ()
    path = given_file(root, params.revision.principles, "data/principles")
    principles = read_principles(path)
    for one in principles:
        for field in ("critique", "revise"):
            if not getattr(one, field):
                raise InputError(
                    f"{path.name}: principle {one.id!r} has no field '{field}'",
                    "a revision needs both: what to look for, and how to mend it",
                )
    return principles


def samples(
    prompts: Iterable[Prompt],
    params: GenerateParams,
    principles: Sequence[Principle] = (),
    picker: HeadReward | None = None,
) -> Iterator[Steps[Ended]]:
    """One dialogue for each prompt, model and sample, in that order; where a reward head picks, one
    for each prompt.

    A sample whose draft failed ends as one rejection. Any other ends as its draft and, for each
    round, a revision or a rejection that says why there is none. A round goes on from the latest
    answer, whatever became of the rounds before it.
    """
    for prompt in prompts:
        drafts = generation_requests([prompt], params)
        dialogues = (_sample(draft, params, principles) for draft in drafts)
        if picker is None or params.best_of is None:
            yield from dialogues
        else:
            yield pick(prompt, dialogues, picker, params.best_of)


def _sample(
    draft: Request, params: GenerateParams, principles: Sequence[Principle]
) -> Steps[Ended]:
    outcome = yield draft
    if isinstance(outcome, Failure):
        return [_failed_draft(outcome)]
    answers, unmade = [Candidate(outcome, [outcome])], list[Rejection]()
    for number in range(1, 1 + (params.revision.rounds if params.revision else 0)):
        one = draw_round(number, draft, principles, params)
        came = yield from revise(answers, one)
        if isinstance(came, Candidate):
            answers.append(came)
        else:
            answers[-1].calls.extend(came.calls)
            unmade.append(_unmade(one, came))
    return [*answers, *unmade]


def _failed_draft(failure: Failure) -> Rejection:
    """A call without a reply; its id names prompt, model and sample."""
    request = failure.request
    identity = content_id(request.tag, request.model, request.sample_index)
    detail = f"{request.model}, sample {request.sample_index}: {failure.detail}"
    return Rejection("generate", "response", identity, failure.reason, detail)


def _unmade(one: Round, came: Unmade) -> Rejection:
    """A revision that came to nothing; its id names prompt, model, sample and round."""
    draft = one.draft
    identity = content_id(draft.tag, draft.model, draft.sample_index, REVISED, one.number)
    detail = (
        f"{draft.model}, sample {draft.sample_index}, round {one.number} by {one.principle.id!r}: "
        f"{came.detail}"
    )
    return Rejection("generate", "response", identity, came.reason, detail)
