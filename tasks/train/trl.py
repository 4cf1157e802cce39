"""Arguments and data for TRL's trainers, and what they log."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from prefline.config import LoraParams, TunedParams
from prefline.errors import TableError
from prefline.ids import content_hash
from prefline.reward.version import Preferences
from prefline.stats import Floats, Ints
from prefline.tables.chat_template import differ_within

Row = dict[str, Any]
_COLUMNS = ("prompt", "chosen", "rejected", "tools")
LABELS = ("pair_id", "prompt_id", "chosen_id", "p_chosen")
_MAX_NOISE = 0.499  # labels that are wrong as often as right carry no information
_PAIRS_AT_ONCE = {"cpu": 8, "cuda": 16}
# TRL's names of logged figures, and ours.
_FIGURES = {
    "loss": "loss",
    "rewards/accuracies": "accuracy",
    "accuracy": "accuracy",
    "rewards/margins": "margin",
    "margin": "margin",
    "logps/chosen": "logp_chosen",
    "logps/rejected": "logp_rejected",
    "grad_norm": "gradient",
}
_LAST_STEPS = 10  # that the last figures are a mean of
_SECONDS_BETWEEN_LINES = 30.0


# Data


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """Pairs to train on, in their order.

    `conversations` is a `datasets.Dataset` of prompt, chosen and rejected in TRL's conversational
    form, with the tools where a version has some; `labels` has the columns `LABELS`.
    """

    conversations: Any
    labels: pa.Table

    def __len__(self) -> int:
        return self.labels.num_rows

    def take(self, places: Ints) -> TrainingSet:
        """Return the pairs at some places."""
        return TrainingSet(self.conversations.select(places), self.labels.take(places))


def conversations_at(rows: Preferences, places: Ints, cache: Path) -> Any:
    """Return the conversations of a `TrainingSet`, those at some places of a version. `datasets`
    keeps all of them as Arrow files in `cache`, which are mapped into memory."""
    from datasets import Dataset

    known = pq.read_schema(rows.files[0]).names
    columns = [name for name in _COLUMNS if name in known]
    files = [str(path) for path in rows.files]
    return Dataset.from_parquet(files, columns=columns, cache_dir=str(cache)).select(places)


def draw_pairs(rows: Preferences, params: TunedParams) -> Ints:
    """Draw the pairs to train on: of each prompt at most `pairs_per_prompt`, the lowest hashes.

    Return their places, in an order that depends on the seed, and not on that of the rows.
    """
    columns = rows.columns("pair_id", "prompt_id")
    hashes = (
        int(content_hash([params.seed, pair])[:16], 16)
        for batch in columns.to_batches()
        for pair in batch["pair_id"].to_pylist()
    )
    order = np.argsort(np.fromiter(hashes, np.uint64, len(rows)), kind="stable")
    if params.pairs_per_prompt is None:
        return order
    prompt = columns["prompt_id"].combine_chunks().dictionary_encode().indices.to_numpy()[order]
    # The pairs of a prompt one after another, each prompt's in the order of their hashes.
    by_prompt = np.argsort(prompt, kind="stable")
    _, starts, counts = np.unique(prompt[by_prompt], return_index=True, return_counts=True)
    within = np.arange(len(order)) - np.repeat(starts, counts)
    return order[np.sort(by_prompt[within < params.pairs_per_prompt])]


def told_apart(
    rows: Iterable[Row], encode: Callable[[Row, str], Sequence[int]], max_tokens: int
) -> Ints:
    """Return the places of the pairs whose conversations differ within their first `max_tokens`
    tokens; `encode` gives those of a row's side. Of the others a trainer that cuts at that length
    sees the same twice, and learns nothing.

    Raises `TableError` if none is left.
    """
    apart = [
        differ_within(encode(row, "chosen"), encode(row, "rejected"), max_tokens) for row in rows
    ]
    if apart and not any(apart):
        raise TableError(
            f"the two answers of every pair are the same in their first {max_tokens:,} tokens",
            "raise train.max_tokens, so that answers are not cut off before they differ",
        )
    return np.flatnonzero(apart)


def encoder_of(tokenizer: Any) -> Callable[[Row, str], Sequence[int]]:
    """Return what gives the tokens of a row's side under the tokenizer's chat template."""

    def encode(row: Row, side: str) -> Sequence[int]:
        tokens: Sequence[int] = tokenizer.apply_chat_template(
            [*row["prompt"], *row[side]], tools=row.get("tools"), tokenize=True, return_dict=False
        )
        return tokens

    return encode


def label_noise(p_chosen: Floats) -> float:
    """Return the share of wrong labels by the calibrated probabilities: the mean 1 - p_chosen."""
    wrong: float = sum((1.0 - p_chosen).tolist())
    return min(wrong / max(len(p_chosen), 1), _MAX_NOISE)


# Arguments


@dataclass(frozen=True, slots=True)
class Machine:
    """The hardware of a training: `device`, and whether it computes faster in bfloat16."""

    device: Literal["cpu", "cuda"]
    half: bool


def this_machine() -> Machine:
    """Return a GPU where Torch has one, else the processor."""
    import torch

    if torch.cuda.is_available():
        return Machine("cuda", torch.cuda.is_bf16_supported())
    return Machine(
        "cpu", torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    )


def hardware_arguments(params: TunedParams, pairs: int, machine: Machine) -> dict[str, Any]:
    """Return the arguments of TRL's trainers that depend on the machine.

    On a GPU gradients are recomputed, and the batch size is found by trying. However large it is,
    a step of the optimiser is over `pairs_per_step`.
    """
    on_gpu = machine.device == "cuda"
    batch_size = min(params.pairs_per_step, _PAIRS_AT_ONCE[machine.device])
    steps = math.ceil(pairs / params.pairs_per_step * params.epochs)
    return {
        "use_cpu": not on_gpu,
        "bf16": machine.half,
        "activation_checkpointing": on_gpu,
        "auto_find_batch_size": on_gpu,
        "per_device_train_batch_size": batch_size,
        "gradient_accumulation_steps": max(1, params.pairs_per_step // batch_size),
        "warmup_steps": round(params.warmup_share * steps),
    }


def shared_arguments(params: TunedParams, checkpoints: str) -> Mapping[str, Any]:
    """Return the arguments of TRL's trainers that every method has."""
    return {
        "output_dir": checkpoints,
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


def lora_config(lora: LoraParams | None, task: Literal["CAUSAL_LM", "SEQ_CLS"]) -> Any:
    """Return PEFT's configuration, on every linear layer but the output; None tunes all weights."""
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


# Logs


def training_curve(history: Iterable[Mapping[str, Any]]) -> list[dict[str, float]]:
    """Return one point a logged step: `step`, `loss`, and the method's other figures."""
    points: dict[int, dict[str, float]] = {}
    for entry in history:
        figures = {ours: float(entry[name]) for name, ours in _FIGURES.items() if name in entry}
        if "loss" in figures:
            points[int(entry["step"])] = {"step": float(entry["step"])} | figures
    return [points[step] for step in sorted(points)]


def last_figures(curve: list[dict[str, float]]) -> dict[str, float]:
    """Return the mean of each figure over the last steps."""
    last = curve[-_LAST_STEPS:]
    names = [name for name in (last[-1] if last else {}) if name != "step"]
    return {f"last_{name}": sum(point[name] for point in last) / len(last) for name in names}


def print_progress(trainer: Any) -> None:
    """Let a trainer print its progress on a line every 30 seconds, in place of one each step."""
    from transformers import PrinterCallback, TrainerCallback

    class Progress(TrainerCallback):  # type: ignore[misc]  # Transformers has no types
        def __init__(self) -> None:
            self._printed = time.monotonic()

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
            del args, control
            now = time.monotonic()
            if not state.is_world_process_zero or now - self._printed < _SECONDS_BETWEEN_LINES:
                return
            self._printed = now
            loss = f", loss {float(logs['loss']):.3f}" if "loss" in (logs or {}) else ""
            sys.stderr.write(f"train: step {state.global_step}/{state.max_steps}{loss}\n")

    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(Progress())
