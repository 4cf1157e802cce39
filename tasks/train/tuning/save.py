"""The tuned model's files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefline.llm.local.gguf import ARCHITECTURE, write_gguf
from prefline.reward.base import base_weights

WEIGHTS, POLICY = "hf", "policy.gguf"


def save_model(trainer: Any, base: str, root: Path, draft: Path) -> None:
    """Write `hf/`, adapters merged so that anything can load it, and for a policy whose base is a
    GGUF of a known architecture `policy.gguf` too."""
    model = trainer.accelerator.unwrap_model(trainer.model)
    merged = model.merge_and_unload() if hasattr(model, "merge_and_unload") else model
    merged.config.use_cache = True  # training with recomputed gradients turns it off
    merged.save_pretrained(draft / WEIGHTS)
    trainer.processing_class.save_pretrained(draft / WEIGHTS)
    template = base_weights(base, root)
    is_policy = "CausalLM" in type(merged).__name__
    if template is not None and is_policy and merged.config.model_type == ARCHITECTURE:
        weights = {name: one.float().cpu().numpy() for name, one in merged.state_dict().items()}
        write_gguf(weights, template, draft / POLICY)
