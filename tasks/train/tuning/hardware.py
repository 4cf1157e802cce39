"""How the machine at hand is used best."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from prefline.config import TunedParams

_PAIRS_AT_ONCE = {"cpu": 8, "cuda": 16}


@dataclass(frozen=True, slots=True)
class Machine:
    """What a training runs on: `device` is cpu or cuda, `half` says that it computes with 16-bit
    floats (bfloat16) faster than with whole ones."""

    device: Literal["cpu", "cuda"]
    half: bool


def this_machine() -> Machine:
    """A GPU where Torch has one; of a processor, whether it has instructions for bfloat16."""
    import torch

    if torch.cuda.is_available():
        return Machine("cuda", torch.cuda.is_bf16_supported())
    return Machine(
        "cpu", torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    )


def hardware_arguments(params: TunedParams, pairs: int, machine: Machine) -> dict[str, Any]:
    """Arguments of TRL's trainers that depend on the machine.

    On a GPU gradients are recomputed, and as many pairs at once are taken as fit, found by trying.
    However many that are, a step of the optimiser is over `pairs_per_step`.
    """
    on_gpu = machine.device == "cuda"
    at_once = min(params.pairs_per_step, _PAIRS_AT_ONCE[machine.device])
    steps = math.ceil(pairs / params.pairs_per_step * params.epochs)
    return {
        "use_cpu": not on_gpu,
        "bf16": machine.half,
        "activation_checkpointing": on_gpu,
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
