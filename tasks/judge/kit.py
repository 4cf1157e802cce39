"""What a judge is given besides the answers: principles, judged examples, imported verdicts, a
trained reward model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from prefline.config import (
    ComparingJudge,
    ConstitutionJudge,
    ImportedJudge,
    Judge,
    JudgeParams,
    RewardModelJudge,
)
from prefline.config.principles import Principle, read_principles
from prefline.errors import InputError
from prefline.reward.models import Reward, read_reward
from prefline.sources import given_file
from tasks.judge.examples import Example, read_examples
from tasks.judge.imports import Imported, read_imported


@dataclass(frozen=True, slots=True)
class Kit:
    """What one judge is given, empty where it needs none; `seed` is that of its draws, and
    `families` says of which family a model is where its name does not."""

    seed: int = 0
    families: Mapping[str, str] = field(default_factory=dict)
    principles: tuple[Principle, ...] = ()
    examples: tuple[Example, ...] = ()
    imported: Imported = field(default_factory=Imported)
    reward: Reward | None = None


def read_kit(
    judge: Judge, params: JudgeParams, root: Path, responses: Iterable[Mapping[str, Any]]
) -> Kit:
    """Read a judge's files from the project at `root`.

    Raises `InputError` for a file that is not as it should be, and for one outside of the
    folder that DVC watches for it; `TableError` for a folder without a trained model.
    """
    kit = Kit(params.seed, params.families)
    if isinstance(judge, ImportedJudge):
        path = given_file(root, judge.path, "data/imported/judgments")
        kit = replace(kit, imported=read_imported(judge, path, responses))
    if isinstance(judge, RewardModelJudge):
        path = given_file(root, judge.path, "data/imported/models")
        kit = replace(kit, reward=read_reward(path, judge.endpoint))
    if isinstance(judge, ConstitutionJudge):
        path = given_file(root, judge.principles, "data/principles")
        kit = replace(kit, principles=read_principles(path))
    if isinstance(judge, ComparingJudge) and judge.examples:
        path = given_file(root, judge.examples, "data/examples")
        kit = replace(kit, examples=read_examples(path))
        if not judge.ties and any(one.verdict == "tie" for one in kit.examples):
            raise InputError(
                f"{path.name}: an example is a tie, which judge {judge.name} is not offered",
                "set `ties: true` for it, or take that example out",
            )
    return kit
