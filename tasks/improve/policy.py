"""The policy that a round has trained, kept where the next round's training does not delete it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from prefline.atomic import atomic_write
from prefline.errors import ParamsError
from prefline.reward.trained import NOTE, read_trained

WEIGHTS = "policy.gguf"
_KEPT = (WEIGHTS, NOTE, "README.md")


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy by the name that its replies are kept under, and its weights from the project's
    folder."""

    name: str
    weights: str


def keep_policy(model: Path, rounds: Path, root: Path) -> Policy:
    """Copy the policy in `model` to a folder of its own in `rounds`, whose name tells its content.

    Raises `TableError` if there is no trained model, and `ParamsError` for one that the line
    cannot serve itself.
    """
    trained = read_trained(model)
    if not (model / WEIGHTS).is_file():
        raise ParamsError(
            f"{model} has no {WEIGHTS}, so the line cannot serve the policy to the next round",
            "rounds need a base of the architecture llama that comes from a GGUF; for any other, "
            "serve data/model/hf yourself and run the line round by round (docs/learning.md)",
        )
    folder = rounds / trained.name
    folder.mkdir(parents=True, exist_ok=True)
    for name in _KEPT:
        with (model / name).open("rb") as source, atomic_write(folder / name) as target:
            shutil.copyfileobj(source, target)
    return Policy(trained.name, str((folder / WEIGHTS).relative_to(root)))


def kept_policy(name: str, rounds: Path, root: Path) -> Policy:
    """A policy that an earlier round has kept, by its name."""
    return Policy(name, str((rounds / name / WEIGHTS).relative_to(root)))
