"""The folder of a trained model: files, curve, card, and its note last."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from prefline.ids import content_hash, sha256_of
from prefline.reward.models import Trained, write_trained
from tasks.train.trainers import Trainer, TrainingResult

CURVE, CARD = "curve.csv", "README.md"
_HASH_DIGITS = 8


def finish_folder(
    draft: Path,
    trainer: Trainer[Any],
    result: TrainingResult,
    data: Mapping[str, Any],
    recipe: Mapping[str, Any],
) -> Trained:
    """Write curve, card and note beside a model's files.

    The model's name has its dataset, version, method and content, so that no two models share
    replies in the reply store.
    """
    files = {
        str(path.relative_to(draft)): sha256_of(path)
        for path in sorted(draft.rglob("*"))
        if path.is_file()
    }
    digest = content_hash(files)[:_HASH_DIGITS]
    trained = Trained(
        kind=trainer.produces,
        name=f"{data['dataset']}-{data['version']}-{trainer.name}-{digest}",
        data=dict(data),
        base=result.base,
        recipe=dict(recipe),
        figures=dict(result.figures),
        files=files,
    )
    _write_curve(draft / CURVE, result.curve)
    (draft / CARD).write_text(model_card(trained, trainer.card), encoding="utf-8")
    write_trained(draft, trained)
    return trained


def _write_curve(path: Path, curve: Sequence[Mapping[str, float]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        columns = list(dict.fromkeys(name for point in curve for name in point)) or ["step", "loss"]
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows(curve)


def model_card(trained: Trained, description: str) -> str:
    """Return the card as Markdown, with the front matter that the Hugging Face Hub reads."""
    data = trained.data
    front_matter = {
        "base_model": trained.base,
        "datasets": [f"{data['dataset']}@{data['version']}"],
        "tags": ["prefline", trained.kind.replace("_", "-")],
    }
    parts = [
        f"---\n{yaml.safe_dump(front_matter, sort_keys=True)}---",
        f"# {trained.name}",
        description,
        "## Where it comes from",
        _list(
            {
                "data": f"`{data['store']}/{data['dataset']}@{data['version']}`, content "
                f"`{data['content'][:16]}`",
                "base": f"`{trained.base}`",
            }
        ),
        "## Recipe",
        _list({name: f"`{value}`" for name, value in sorted(trained.recipe.items())}),
        "## What training measured",
        _list({name: _figure(value) for name, value in sorted(trained.figures.items())}),
        "Figures on data that training has not seen are the stage `evaluate`'s: "
        "`data/evaluation/metrics.json`.",
    ]
    return "\n\n".join(parts) + "\n"


def _list(lines: Mapping[str, str]) -> str:
    return "\n".join(f"- {name}: {value}" for name, value in lines.items())


def _figure(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else f"`{value}`"
