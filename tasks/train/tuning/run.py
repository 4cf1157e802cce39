"""A training from preferences to a model's files; one that was killed goes on."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from prefline.config import DpoParams, RewardModelParams
from prefline.errors import TableError
from prefline.ids import content_id
from prefline.reward.bars import without_bars
from prefline.reward.needs import require_extra
from prefline.reward.trained import Kind
from tasks.train.made import Made
from tasks.train.tuning.checkpoints import last_checkpoint
from tasks.train.tuning.curve import curve_of, last_figures
from tasks.train.tuning.dpo import dpo_trainer, losses_told
from tasks.train.tuning.pairs import Row, drawn, label_noise
from tasks.train.tuning.quiet import say_steps

Tuned = DpoParams | RewardModelParams


def tune(rows: Sequence[Row], params: Tuned, root: Path, draft: Path) -> Made:
    """Tune a model on preferences and write its files to `draft`.

    Checkpoints are kept under `.prefline/training` of the project at `root`, by data and recipe: a
    training that was killed goes on from the last one when it is asked for again, and they go once
    it has ended. On several GPUs start it as `accelerate launch -m flows.train`; the first process
    writes.

    Raises `WorkflowError` without the extra `train`, `TableError` for no preferences, and
    `InputError` for a base that cannot be loaded.
    """
    require_extra()
    if not rows:
        raise TableError(
            "the version has no preferences to train on", "publish preferences of the split train"
        )
    rows = drawn(rows, params)
    work = root / ".prefline" / "training" / _name(rows, params)
    without_bars()
    trainer = _trainer(rows, params, root, work)
    say_steps(trainer)
    last = last_checkpoint(work)
    with losses_told(params):
        trainer.train(resume_from_checkpoint=str(last) if last else None)
    curve = curve_of(trainer.state.log_history)
    if trainer.is_world_process_zero():
        _save(trainer, params, root, draft)
        shutil.rmtree(work, ignore_errors=True)
    kind: Kind = "policy" if isinstance(params, DpoParams) else "reward_model"
    return Made(kind, params.base, _figures(rows, trainer, curve), curve)


def _trainer(rows: Sequence[Row], params: Tuned, root: Path, work: Path) -> Any:
    from tasks.train.tuning.rewards import reward_trainer

    if isinstance(params, DpoParams):
        return dpo_trainer(rows, params, root, work)
    return reward_trainer(rows, params, root, work)


def _save(trainer: Any, params: Tuned, root: Path, draft: Path) -> None:
    from tasks.train.tuning.save import save_model

    save_model(trainer, params.base, root, draft)


def _name(rows: Sequence[Row], params: Tuned) -> str:
    """What a training's checkpoints are kept under: its pairs, their labels and its recipe."""
    labels = sorted((row["pair_id"], row["chosen_id"], row["p_chosen"]) for row in rows)
    return content_id("training", labels, params.model_dump(mode="json"))


def _figures(rows: Sequence[Row], trainer: Any, curve: list[dict[str, float]]) -> Mapping[str, Any]:
    return {
        "pairs": len(rows),
        "prompts": len({row["prompt_id"] for row in rows}),
        "label_noise": label_noise(rows),
        "steps": int(trainer.state.global_step),
        **last_figures(curve),
    }
