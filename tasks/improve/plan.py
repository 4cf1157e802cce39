"""What params are in a round: pure."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from prefline.config import DpoParams, Endpoint, Params
from prefline.errors import ParamsError
from tasks.improve.policy import Policy


@dataclass(frozen=True, slots=True)
class Start:
    """What the rounds began with, as `params.yaml` had it: later rounds change these keys."""

    endpoint: dict[str, Any]
    base: str
    seed: int
    turn: int

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def start_of(params: Params) -> Start:
    """What rounds under these params begin with.

    Raises `ParamsError` unless one policy writes and is trained.
    """
    if len(params.generate.endpoints) != 1:
        raise ParamsError(
            f"rounds have one policy, and generate.endpoints has {len(params.generate.endpoints)}",
            "name the one that is to be trained under generate.endpoints, or in improve.set",
        )
    if not isinstance(params.train, DpoParams):
        raise ParamsError(
            f"rounds train a policy, and train.method is {params.train.method}",
            "set train to method dpo in params.yaml, or in improve.set",
        )
    endpoint = _as_written(params.generate.endpoints[0])
    return Start(endpoint, params.train.base, params.generate.seed, params.sample.round)


def params_of_round(
    number: int, start: Start, params: Params, previous: Policy | None
) -> dict[str, Any]:
    """The keys that a round sets: whose responses are judged, from which weights training begins,
    and seeds and prompts of its own. `previous` is the policy that the round before trained, None
    in the first."""
    turn = number - 1
    found = dict(params.improve.set) | {
        "sample.round": start.turn + turn,
        "generate.seed": start.seed + turn,
        "generate.endpoints": [start.endpoint],
        "evaluate.policy.endpoint": start.endpoint,
        "evaluate.policy.previous": None,
    }
    if previous is None:
        return _with_base(found, start.base)
    served = _as_written(Endpoint(model=previous.name, weights=previous.weights))
    found |= {"generate.endpoints": [served], "evaluate.policy.previous": served}
    return _with_base(found, previous.weights)


def _as_written(endpoint: Endpoint) -> dict[str, Any]:
    """The keys that a person would write, and not every default."""
    return endpoint.model_dump(mode="json", exclude_unset=True)


def _with_base(found: dict[str, Any], base: str) -> dict[str, Any]:
    """The same with the weights that training begins from, which `set` may have given with the rest
    of the section."""
    if isinstance(found.get("train"), dict):
        return found | {"train": found["train"] | {"base": base}}
    return found | {"train.base": base}
