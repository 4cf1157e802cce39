"""Tune a whole language model on preferences by TRL: a reward model, or a policy by DPO.

A killed training continues from its last checkpoint (the extra `train`).
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from prefline.config import DpoParams, RewardModelParams, TunedParams
from prefline.errors import ParamsError
from prefline.ids import content_hash, content_id
from prefline.llm.local.gguf import ARCHITECTURE, write_gguf
from prefline.reward.language_models import (
    base_gguf,
    disable_progress_bars,
    load_policy,
    load_reward_model,
    require_train_extra,
)
from prefline.reward.models import POLICY, WEIGHTS
from prefline.stats import Floats
from tasks.train.trainers import Trainer, TrainingJob, TrainingResult, require_rows
from tasks.train.trl import (
    LABELS,
    TrainingSet,
    conversations_at,
    draw_pairs,
    encoder_of,
    hardware_arguments,
    label_noise,
    last_figures,
    lora_config,
    print_progress,
    shared_arguments,
    this_machine,
    told_apart,
    training_curve,
)

# The losses that take a share of flipped labels (TRL's `label_smoothing`).
_LOSSES_WITH_NOISE = ("robust", "exo_pair")
_LAST_FILE = "trainer_state.json"  # of a checkpoint
_LABELS_AT_ONCE = 10_000


def train_reward_model(job: TrainingJob[RewardModelParams]) -> TrainingResult:
    """Train a language model with one output on pairs (Bradley-Terry). Raises as `_tune` does."""
    return _tune(job, reward_trainer)


def train_dpo(job: TrainingJob[DpoParams]) -> TrainingResult:
    """Train a policy by DPO. Raises as `_tune` does, and `ParamsError` for losses TRL refuses."""
    with loss_errors(job.params):
        return _tune(job, dpo_trainer)


def _tune(
    job: TrainingJob[Any], make_trainer: Callable[[TrainingSet, Any, Path, Path], Any]
) -> TrainingResult:
    """Tune a model and write its files.

    Checkpoints are kept under `.prefline/training` of the project, by data and recipe: the same
    training continues from the last one after a kill, and they are removed once it has ended. On
    several GPUs start it as `accelerate launch -m flows.train`; the first process writes.

    Raises `WorkflowError` without the extra `train`, `TableError` for no preferences, and
    `InputError` for a base that cannot be loaded.
    """
    require_train_extra()
    require_rows(job.rows)
    params: TunedParams = job.params
    disable_progress_bars()
    places = draw_pairs(job.rows, params)
    labels = job.rows.columns(*LABELS).take(places)
    checkpoints = job.root / ".prefline" / "training" / _training_id(labels, params)
    conversations = conversations_at(job.rows, places, checkpoints / "data")
    trainer = make_trainer(TrainingSet(conversations, labels), params, job.root, checkpoints)
    print_progress(trainer)
    last = last_checkpoint(checkpoints)
    trainer.train(resume_from_checkpoint=str(last) if last else None)
    curve = training_curve(trainer.state.log_history)
    if trainer.is_world_process_zero():
        _save(trainer, params.base, job.root, job.draft)
        shutil.rmtree(checkpoints, ignore_errors=True)
    figures = {
        "pairs": len(trainer.train_dataset),
        "pairs_too_long": len(labels) - len(trainer.train_dataset),
        "prompts": len(labels["prompt_id"].unique()),
        "label_noise": label_noise(labels["p_chosen"].to_numpy()),
        "steps": int(trainer.state.global_step),
        **last_figures(curve),
    }
    return TrainingResult(params.base, figures, curve)


def _training_id(labels: pa.Table, params: TunedParams) -> str:
    """Return the id of a training: its pairs, their labels and its recipe."""
    columns = [name for name in LABELS if name != "prompt_id"]
    ordered = labels.select(columns).sort_by([(name, "ascending") for name in columns])
    blocks = ordered.combine_chunks().to_batches(max_chunksize=_LABELS_AT_ONCE)
    hashes = [content_hash(block.to_pydict()) for block in blocks]
    return content_id("training", hashes, params.model_dump(mode="json"))


def dpo_trainer(pairs: TrainingSet, params: DpoParams, root: Path, checkpoints: Path) -> Any:
    """Return TRL's trainer for a policy (DPO: Rafailov et al. 2023, arXiv 2305.18290).

    Raises `InputError` for a base that cannot be loaded.
    """
    from trl import DPOConfig, DPOTrainer

    model, tokenizer = load_policy(params.base, root)
    # TRL cuts conversations at that length; its RewardTrainer leaves longer ones out itself.
    pairs = pairs.take(told_apart(pairs.conversations, encoder_of(tokenizer), params.max_tokens))
    arguments = DPOConfig(
        **shared_arguments(params, str(checkpoints)),
        **hardware_arguments(params, len(pairs), this_machine()),
        **loss_arguments(pairs.labels["p_chosen"].to_numpy(), params),
        # The reference never changes, so each pair needs it once, and not once an epoch.
        precompute_ref_log_probs=True,
    )
    return DPOTrainer(
        model=model,
        args=arguments,
        train_dataset=pairs.conversations,
        processing_class=tokenizer,
        peft_config=lora_config(params.lora, "CAUSAL_LM"),
    )


@contextmanager
def loss_errors(params: DpoParams) -> Iterator[None]:
    """Raise `ParamsError` for a loss that TRL does not know or that does not go with others.

    TRL raises when its trainer is made, or at its first step.
    """
    try:
        yield
    except ValueError as error:
        if "loss" not in str(error).lower():
            raise
        raise ParamsError(
            f"TRL does not take the losses {', '.join(params.loss)}: {error}",
            "correct train.loss; the losses of DPOTrainer are in TRL's documentation",
        ) from error


def loss_arguments(p_chosen: Floats, params: DpoParams) -> Mapping[str, Any]:
    """Return loss, beta and, for losses that take it, the share of flipped labels.

    The share is that of the params, or else that of the calibrated labels.
    """
    arguments: dict[str, Any] = {"loss_type": list(params.loss), "beta": params.beta}
    if params.loss_weights is not None:
        arguments["loss_weights"] = list(params.loss_weights)
    if any(name in _LOSSES_WITH_NOISE for name in params.loss):
        noise = params.label_smoothing
        arguments["label_smoothing"] = label_noise(p_chosen) if noise is None else noise
    return arguments


def reward_trainer(
    pairs: TrainingSet, params: RewardModelParams, root: Path, checkpoints: Path
) -> Any:
    """Return TRL's trainer for a reward model.

    Raises `InputError` for a base that cannot be loaded.
    """
    import torch
    from trl import RewardConfig, RewardTrainer

    torch.manual_seed(params.seed)  # the new output is drawn
    model, tokenizer = load_reward_model(params.base, root)
    arguments = RewardConfig(
        **shared_arguments(params, str(checkpoints)),
        **hardware_arguments(params, len(pairs), this_machine()),
        center_rewards_coefficient=params.center_rewards,
    )
    return RewardTrainer(
        model=model,
        args=arguments,
        train_dataset=pairs.conversations,
        processing_class=tokenizer,
        peft_config=lora_config(params.lora, "SEQ_CLS"),
    )


def _save(trainer: Any, base: str, root: Path, draft: Path) -> None:
    """Write `hf/`, adapters merged so that anything can load it.

    A policy whose base is a GGUF of a known architecture gets `policy.gguf` too.
    """
    model = trainer.accelerator.unwrap_model(trainer.model)
    merged = model.merge_and_unload() if hasattr(model, "merge_and_unload") else model
    merged.config.use_cache = True  # training with recomputed gradients turns it off
    merged.save_pretrained(draft / WEIGHTS)
    trainer.processing_class.save_pretrained(draft / WEIGHTS)
    template = base_gguf(base, root)
    is_policy = "CausalLM" in type(merged).__name__
    if template is not None and is_policy and merged.config.model_type == ARCHITECTURE:
        state = merged.state_dict()
        weights = {name: tensor.float().cpu().numpy() for name, tensor in state.items()}
        write_gguf(weights, template, draft / POLICY)


def last_checkpoint(folder: Path) -> Path | None:
    """Return the newest whole checkpoint: a kill may have cut off the newest of all."""
    whole = [checkpoint for checkpoint in folder.glob("checkpoint-*") if _is_whole(checkpoint)]
    return max(whole, key=_step, default=None)


def _is_whole(checkpoint: Path) -> bool:
    try:
        state = json.loads((checkpoint / _LAST_FILE).read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return False
    return bool(state["global_step"] == _step(checkpoint))


def _step(checkpoint: Path) -> int:
    return int(checkpoint.name.rpartition("-")[2])


REWARD_MODEL = Trainer(
    name="reward_model",
    params=RewardModelParams,
    train=train_reward_model,
    produces="reward_model",
    card="A reward model: a language model with one output, the reward of a conversation. `hf/` "
    "is loaded by `AutoModelForSequenceClassification`.",
    needs_extra=True,
)
DPO = Trainer(
    name="dpo",
    params=DpoParams,
    train=train_dpo,
    produces="policy",
    card="A policy, trained on preferences. `hf/` is loaded by `AutoModelForCausalLM`, and served "
    "by `transformers serve` or vLLM; `policy.gguf`, where it is there, by llama.cpp.",
    needs_extra=True,
)
