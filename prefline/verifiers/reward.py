"""The check of a prompt as a reward, for trainers that sample themselves: verl, and TRL's GRPO.

Both read rows of the publish format `verl`, whose `reward_model.ground_truth` is the check:

    verl   custom_reward_function.path: pkg://prefline.verifiers.reward, name: compute_score
    TRL    GRPOTrainer(..., reward_funcs=prefline.verifiers.reward.check_reward)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from prefline.llm.completion import split_reasoning
from prefline.verifiers.verifier import check, parse_verifier


def compute_score(
    data_source: str,  # noqa: ARG001 - the names by which verl calls it
    solution_str: str,
    ground_truth: str,
    extra_info: Mapping[str, Any] | None = None,  # noqa: ARG001
    **_others: Any,
) -> float:
    """Return 1 for a reply that passes the check `ground_truth`, else 0, as verl asks for.

    What was thought before the reply is not looked at. Raises `InputError` for what is no check.
    """
    return float(_passes(ground_truth, solution_str) or 0)


def check_reward(
    completions: Sequence[str | Sequence[Mapping[str, str]]],
    reward_model: Sequence[Mapping[str, str]],
    **_others: Any,
) -> list[float | None]:
    """Return the reward of each completion, 1 or 0, as TRL's trainers ask for; None, which they
    pass over, where the check could not be made."""
    replies = [one if isinstance(one, str) else one[-1]["content"] for one in completions]
    return [
        _passes(check["ground_truth"], reply)
        for check, reply in zip(reward_model, replies, strict=True)
    ]


def _passes(specification: str, reply: str) -> float | None:
    text, _ = split_reasoning(reply)
    result = check(parse_verifier(specification), text.strip())
    return None if result.undecided else float(result.passed)
