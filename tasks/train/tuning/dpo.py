"""Direct preference optimisation (Rafailov et al. 2023, arXiv 2305.18290), by TRL."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from prefline.config import DpoParams, TunedParams
from prefline.errors import ParamsError
from prefline.reward.base import load_policy
from tasks.train.tuning.hardware import hardware_arguments, shared_arguments, this_machine
from tasks.train.tuning.lora import lora_config
from tasks.train.tuning.pairs import Row, dataset_of, label_noise

# The losses that are told how many labels are flipped (TRL's `label_smoothing`).
_KNOW_NOISE = ("robust", "exo_pair")


def dpo_trainer(rows: Sequence[Row], params: DpoParams, root: Path, work: Path) -> Any:
    """TRL's trainer for a policy, ready to train. Raises `InputError` for a base that cannot be
    loaded, and `ParamsError` for losses that TRL does not take."""
    from trl import DPOConfig, DPOTrainer

    model, tokenizer = load_policy(params.base, root)
    arguments = DPOConfig(
        **shared_arguments(params, str(work)),
        **hardware_arguments(params, len(rows), this_machine()),
        **loss_arguments(rows, params),
        # The reference never changes, so each pair needs it once, and not once an epoch.
        precompute_ref_log_probs=True,
    )
    with losses_told(params):
        return DPOTrainer(
            model=model,
            args=arguments,
            train_dataset=dataset_of(rows),
            processing_class=tokenizer,
            peft_config=lora_config(params.lora, "CAUSAL_LM"),
        )


@contextmanager
def losses_told(params: TunedParams) -> Iterator[None]:
    """Turns what TRL raises, now or at its first step, of a loss that it does not know or that does
    not go with others, into a `ParamsError`."""
    try:
        yield
    except ValueError as error:
        if not isinstance(params, DpoParams) or "loss" not in str(error).lower():
            raise
        raise ParamsError(
            f"TRL does not take the losses {', '.join(params.loss)}: {error}",
            "correct train.loss; the losses of DPOTrainer are in TRL's documentation",
        ) from error


def loss_arguments(rows: Sequence[Row], params: DpoParams) -> Mapping[str, Any]:
    """Loss, beta and, for losses that know flipped labels, how many there are: what params say, or
    else what the calibrated labels say."""
    found: dict[str, Any] = {"loss_type": list(params.loss), "beta": params.beta}
    if params.loss_weights is not None:
        found["loss_weights"] = list(params.loss_weights)
    if any(name in _KNOW_NOISE for name in params.loss):
        noise = params.label_smoothing
        found["label_smoothing"] = label_noise(rows) if noise is None else noise
    return found
