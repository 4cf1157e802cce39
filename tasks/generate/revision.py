"""One round of critique and revision (Constitutional AI, Bai et al. 2022, arXiv 2212.08073)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from prefline.config import GenerateParams, RevisionParams
from prefline.config.principles import Principle, draw_principle
from prefline.ids import seed_from
from prefline.llm import Failure, Request, Sampling, Steps
from tasks.generate.candidate import Candidate, Unmade
from tasks.generate.sheets import Sheet, critique_sheet, revision_sheet

_NO_CRITIQUE = ("refusal", "content_filter")


@dataclass(frozen=True, slots=True)
class Round:
    """A round of one sample: `draft` is its first request, `principle` what is gone by."""

    number: int
    draft: Request
    principle: Principle
    params: GenerateParams
    revision: RevisionParams

    def ask(self, what: str, sheet: Sheet) -> Request:
        """The model that drafted, asked for a critique or a revision; with a seed of its own."""
        draft, given = self.draft, self.params
        seed = seed_from(given.seed, what, draft.tag, draft.model, draft.sample_index, self.number)
        most = self.revision.max_tokens or given.max_tokens
        sampling = Sampling(self.revision.temperature, given.top_p, most, seed)
        return Request(draft.model, (sheet.message,), sampling, draft.sample_index, tag=draft.tag)

    def failed(self, what: str, failure: Failure) -> Unmade:
        """A call without a reply, as a revision that came to nothing."""
        return Unmade(failure.reason, f"{what}: {failure.detail}")


def draw_round(
    number: int, draft: Request, principles: Sequence[Principle], params: GenerateParams
) -> Round:
    """A round by a principle that is drawn by hash for this sample and round."""
    assert params.revision is not None
    place = (params.seed, draft.tag, draft.model, draft.sample_index, number)
    return Round(number, draft, draw_principle(principles, *place), params, params.revision)


def revise(answers: Sequence[Candidate], one: Round) -> Steps[Candidate | Unmade]:
    """Criticise the last of a sample's answers and write it anew; `answers` are all so far."""
    parent = answers[-1]
    if parent.flaw is not None:
        return Unmade("not_revised", f"response {parent.response_id} {parent.flaw}")
    asked, principle = one.draft.messages, one.principle
    critique = yield one.ask("critique", critique_sheet(asked, parent.text, principle))
    if isinstance(critique, Failure):
        return one.failed("critique", critique)
    said = critique.text.strip()
    if not said or critique.finish_reason in _NO_CRITIQUE:
        return Unmade("no_critique", f"the reply was {critique.text[:200]!r}", (critique,))
    sheet = revision_sheet(asked, parent.text, said, principle)
    revision = yield one.ask("revision", sheet)
    if isinstance(revision, Failure):
        failed = one.failed("revision", revision)
        return Unmade(failed.reason, failed.detail, (critique,))
    calls = [critique, revision]
    return _made(answers, Candidate(revision, calls, parent, principle.id), sheet)


def _made(answers: Sequence[Candidate], revision: Candidate, sheet: Sheet) -> Candidate | Unmade:
    """The revision, unless it says nothing, nothing that the sample has not said before, or
    copies the sheet, as small models do: what no reader was to see must not be learnt."""
    paid = tuple(revision.calls)
    if not revision.text:
        ended = revision.reply.finish_reason
        return Unmade("empty_revision", f"its finish_reason is {ended!r}", paid)
    copied = sheet.mark_in(revision.text)
    if copied is not None:
        return Unmade("copied_marks", f"the revision holds {copied!r}", paid)
    same = [one for one in answers if one.text == revision.text]
    if same:
        return Unmade("unchanged_revision", f"the text of response {same[0].response_id}", paid)
    return revision
