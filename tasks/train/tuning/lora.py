"""Low-rank adapters, by PEFT."""

from __future__ import annotations

from typing import Any, Literal

from prefline.config import LoraParams


def lora_config(lora: LoraParams | None, task: Literal["CAUSAL_LM", "SEQ_CLS"]) -> Any:
    """PEFT's configuration, on every linear layer but the output; None tunes all weights."""
    if lora is None:
        return None
    from peft import LoraConfig

    return LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules="all-linear",
        task_type=task,
        # The new output of a reward model is trained whole, and saved with the adapters.
        modules_to_save=["score"] if task == "SEQ_CLS" else None,
    )
