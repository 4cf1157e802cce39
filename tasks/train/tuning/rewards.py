"""A reward model: a language model with one output, trained on pairs (Bradley-Terry), by TRL."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from prefline.config import RewardModelParams
from prefline.reward.base import load_scorer
from tasks.train.tuning.hardware import hardware_arguments, shared_arguments, this_machine
from tasks.train.tuning.lora import lora_config
from tasks.train.tuning.pairs import Row, dataset_of


def reward_trainer(rows: Sequence[Row], params: RewardModelParams, root: Path, work: Path) -> Any:
    """TRL's trainer for a reward model, ready to train. Raises `InputError` for a base that cannot
    be loaded."""
    import torch
    from trl import RewardConfig, RewardTrainer

    torch.manual_seed(params.seed)  # the new output is drawn
    model, tokenizer = load_scorer(params.base, root)
    arguments = RewardConfig(
        **shared_arguments(params, str(work)),
        **hardware_arguments(params, len(rows), this_machine()),
        center_rewards_coefficient=params.center_rewards,
    )
    return RewardTrainer(
        model=model,
        args=arguments,
        train_dataset=dataset_of(rows),
        processing_class=tokenizer,
        peft_config=lora_config(params.lora, "SEQ_CLS"),
    )
