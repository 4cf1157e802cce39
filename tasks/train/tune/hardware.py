"""How the machine at hand is used best."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from prefline.params import TunedParams

_PAIRS_AT_ONCE = {"cpu": 8, "cuda": 16}


def hardware_arguments(params: TunedParams, pairs: int, device: str) -> dict[str, Any]:
    """Arguments of TRL's trainers that depend on the machine; `device` is cpu or cuda.

    On a GPU: 16-bit floats, gradients recomputed, and as many pairs at once as fit, found by
    trying. However many that are, a step of the optimiser is over `pairs_per_step`.
    """
    on_gpu = device != "cpu"
    at_once = min(params.pairs_per_step, _PAIRS_AT_ONCE["cuda" if on_gpu else "cpu"])
    steps = math.ceil(pairs / params.pairs_per_step * params.epochs)
    return {
        "use_cpu": not on_gpu,
        "bf16": on_gpu,
        "gradient_checkpointing": on_gpu,
        "auto_find_batch_size": on_gpu,
        "per_device_train_batch_size": at_once,
        "gradient_accumulation_steps": max(1, params.pairs_per_step // at_once),
        "warmup_steps": round(params.warmup_share * steps),
    }


def shared_arguments(params: TunedParams, work: str) -> Mapping[str, Any]:
    """Arguments of TRL's trainers that every method has."""
    return {
        "output_dir": work,
        "num_train_epochs": params.epochs,
        "learning_rate": params.learning_rate,
        "lr_scheduler_type": "linear",
        "max_length": params.max_tokens,
        "seed": params.seed,
        "data_seed": params.seed,
        "save_strategy": "steps",
        "save_steps": params.checkpoint_steps,
        "save_total_limit": 2,
        "logging_steps": 1,
        "logging_first_step": True,
        "report_to": "none",
        "disable_tqdm": True,
        "dataloader_num_workers": 0,
    }


def device_of_this_machine() -> str:
    """cuda where Torch has a GPU, else cpu."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"
