"""The params of a round, and the policy that a round hands to the next."""

from __future__ import annotations

import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from prefline.atomic import atomic_write
from prefline.config import Endpoint, Params
from prefline.config.learning import TRAINERS
from prefline.errors import ParamsError
from prefline.reward.models import NOTE, POLICY, read_trained


@dataclass(frozen=True, slots=True)
class Start:
    """The keys of `params.yaml` that rounds change, as they were at the start."""

    endpoint: dict[str, Any]
    base: str
    seed: int
    turn: int

    def as_dict(self) -> dict[str, Any]:
        """Return the keys for JSON."""
        return asdict(self)


def start_of(params: Params) -> Start:
    """Return the start of rounds under these params.

    Raises `ParamsError` unless one policy writes and is trained.
    """
    if len(params.generate.endpoints) != 1:
        raise ParamsError(
            f"rounds have one policy, and generate.endpoints has {len(params.generate.endpoints)}",
            "name the one to be trained under generate.endpoints, or in improve.set",
        )
    base = getattr(params.train, "base", None)
    if TRAINERS.get(params.train.method).produces != "policy" or not isinstance(base, str):
        raise ParamsError(
            f"rounds train a policy, and train.method is {params.train.method}",
            "set train to method dpo in params.yaml, or in improve.set",
        )
    endpoint = _as_written(params.generate.endpoints[0])
    return Start(endpoint, base, params.generate.seed, params.sample.round)


def params_of_round(
    number: int, start: Start, params: Params, previous: Policy | None
) -> dict[str, Any]:
    """Return the keys that a round sets: the judged policy, the base of training, and its own seeds
    and prompts. `previous` is the policy that the round before trained, None in the first."""
    turn = number - 1
    keys = dict(params.improve.set) | {
        "sample.round": start.turn + turn,
        "generate.seed": start.seed + turn,
        "generate.endpoints": [start.endpoint],
        "evaluate.policy.endpoint": start.endpoint,
        "evaluate.policy.previous": None,
    }
    if previous is None:
        return _with_base(keys, start.base)
    served = _as_written(Endpoint(model=previous.name, weights=previous.weights))
    keys |= {"generate.endpoints": [served], "evaluate.policy.previous": served}
    return _with_base(keys, previous.weights)


def _as_written(endpoint: Endpoint) -> dict[str, Any]:
    """Return the keys that a person would write, without defaults."""
    return endpoint.model_dump(mode="json", exclude_unset=True)


def _with_base(keys: dict[str, Any], base: str) -> dict[str, Any]:
    """Add the base of training; `improve.set` may hold the whole section `train`."""
    if isinstance(keys.get("train"), dict):
        return keys | {"train": keys["train"] | {"base": base}}
    return keys | {"train.base": base}


_KEPT = (POLICY, NOTE, "README.md")


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy: the name that its replies are kept under, and the path of its weights in the
    project."""

    name: str
    weights: str


def keep_policy(model: Path, rounds: Path, root: Path) -> Policy:
    """Copy the policy in `model` to a folder of its own in `rounds`, named by its content, where
    the next round does not delete it.

    Raises `TableError` if there is no trained model, and `ParamsError` for one that the pipeline
    cannot serve itself.
    """
    trained = read_trained(model)
    if not (model / POLICY).is_file():
        raise ParamsError(
            f"{model} has no {POLICY}, so the pipeline cannot serve the policy to the next round",
            "rounds need a base of the architecture llama that comes from a GGUF; for any other, "
            "serve data/model/hf yourself and run the pipeline round by round (docs/learning.md)",
        )
    folder = rounds / trained.name
    folder.mkdir(parents=True, exist_ok=True)
    for name in _KEPT:
        with (model / name).open("rb") as source, atomic_write(folder / name) as target:
            shutil.copyfileobj(source, target)
    return Policy(trained.name, str((folder / POLICY).relative_to(root)))


def kept_policy(name: str, rounds: Path, root: Path) -> Policy:
    """Return a policy that an earlier round has kept, by its name."""
    return Policy(name, str((rounds / name / POLICY).relative_to(root)))
