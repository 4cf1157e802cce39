"""KL divergence of a trained policy from its base, on answers of its own at temperature 1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from prefline.reward.bars import without_bars
from prefline.reward.likelihood import token_log_probs
from prefline.tables.messages import answered
from prefline.tables.prompts import Prompt
from tasks.evaluate.kl import kl


def divergence(
    prompts: Sequence[Prompt],
    rows: Sequence[Mapping[str, Any]],
    folder: Path,
    base: tuple[str, Path],
    seed: int,
) -> dict[str, Any]:
    """The estimates, by the weights in `folder` and those of `base`, a base's name and the folder
    that it is found from. Raises what loading a base does."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from prefline.reward.base import load_policy

    without_bars()
    by_id = {prompt.prompt_id: prompt for prompt in prompts}
    said = [answered(by_id[row["prompt_id"]].messages, row["text"]) for row in rows]
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tuned = AutoModelForCausalLM.from_pretrained(folder, dtype="float32")
    ours = list(token_log_probs(tuned, tokenizer, said))
    del tuned  # one model in memory at a time
    model, _ = load_policy(*base)
    theirs = list(token_log_probs(model, tokenizer, said))
    return kl([row["prompt_id"] for row in rows], ours, theirs, seed).as_dict()
