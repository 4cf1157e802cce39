"""What judges are asked, as hashes: two judges that are asked the same have the same one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from prefline.config import ConstitutionJudge, ImportedJudge, Judge, VerifierJudge
from prefline.ids import content_hash
from prefline.tables.messages import Message
from prefline.tables.prompts import Prompt
from prefline.verifiers import RULES
from tasks.judge.comparisons import Comparison, Response
from tasks.judge.kit import Kit
from tasks.judge.methods import METHODS

_SAMPLE = Comparison(
    Prompt("prompt", (Message(role="user", content="a question"),), "", "", "", None,
           "the right answer", None),
    Response("first", "one answer", "stop"),
    Response("second", "another answer", "stop"),
)  # fmt: skip


def asked_of(judges: Iterable[Judge], kits: Iterable[Kit]) -> dict[str, dict[str, str]]:
    """The method of each judge by its name, and the hash of what it is asked: its instructions
    with principles, criteria and examples, and not which model it is."""
    return {
        judge.name: {"method": judge.method, "wording": content_hash(_wording(judge, kit))}
        for judge, kit in zip(judges, kits, strict=True)
    }


def _wording(judge: Judge, kit: Kit) -> Any:
    if isinstance(judge, VerifierJudge):
        return {"rules": RULES}
    if isinstance(judge, ImportedJudge):
        return {"verdicts": judge.verdicts}
    if kit.reward is not None:
        return {"model": kit.reward.trained.name}
    if isinstance(judge, ConstitutionJudge):
        judge = judge.model_copy(update={"draw": "all"})  # every principle belongs to the question
    weights = [(one.name, one.weight) for one in getattr(judge, "criteria", ())]
    return {"asked": list(_first_messages(judge, kit)), "weights": weights}


def _first_messages(judge: Judge, kit: Kit) -> Iterator[list[Any]]:
    """What a judge is shown first, of a comparison that is always the same."""
    for hearing in METHODS[judge.method].hearings(judge, kit, [_SAMPLE]):
        yield list(next(hearing).messages)
        hearing.close()
