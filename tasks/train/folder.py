"""The folder of a trained model: files, curve, card, and its note last."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from prefline.ids import content_hash, sha256_of
from prefline.reward.trained import Trained, write_trained
from tasks.train.card import model_card
from tasks.train.made import Made

CURVE, CARD = "curve.csv", "README.md"
_HASH_DIGITS = 8


def finish(draft: Path, made: Made, data: Mapping[str, Any], recipe: Mapping[str, Any]) -> Trained:
    """Write curve, card and note beside a model's files.

    The model's name tells its dataset, version, method and content, so that no two models share
    replies in the reply store.
    """
    files = {
        str(path.relative_to(draft)): sha256_of(path)
        for path in sorted(draft.rglob("*"))
        if path.is_file()
    }
    digest = content_hash(files)[:_HASH_DIGITS]
    trained = Trained(
        kind=made.kind,
        name=f"{data['dataset']}-{data['version']}-{recipe['method']}-{digest}",
        data=dict(data),
        base=made.base,
        recipe=dict(recipe),
        figures=dict(made.figures),
        files=files,
    )
    _write_curve(draft / CURVE, made.curve)
    (draft / CARD).write_text(model_card(trained), encoding="utf-8")
    write_trained(draft, trained)
    return trained


def _write_curve(path: Path, curve: Sequence[Mapping[str, float]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        columns = list(dict.fromkeys(name for point in curve for name in point)) or ["step", "loss"]
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows(curve)
