"""The folder of a trained model."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import yaml

from prefline.errors import TableError
from prefline.ids import sha256_of
from prefline.reward.models import read_trained
from tasks.train.folder import finish_folder
from tasks.train.language_model import DPO
from tasks.train.trainers import TrainingResult

DATA = {"store": "s3://b/p", "dataset": "demo", "version": 3, "content": "c" * 64}
RECIPE = {"method": "dpo", "beta": 0.1}


def result_with(curve: list[dict[str, float]] | None = None) -> TrainingResult:
    return TrainingResult("SmolLM2-135M-Instruct", {"pairs": 7, "last_loss": 0.25}, curve or [])


def folder(path: Path, content: bytes = b"weights") -> Path:
    (path / "hf").mkdir(parents=True)
    (path / "hf" / "model.safetensors").write_bytes(content)
    return path


def test_the_note_says_what_it_is_and_the_hash_of_each_file(tmp_path: Path) -> None:
    draft = folder(tmp_path / "one")
    trained = finish_folder(draft, DPO, result_with(), DATA, RECIPE)

    assert read_trained(draft) == trained
    weights = draft / "hf" / "model.safetensors"
    assert trained.files == {"hf/model.safetensors": sha256_of(weights)}
    assert (trained.data, trained.recipe, trained.base) == (DATA, RECIPE, "SmolLM2-135M-Instruct")


def test_models_of_the_same_recipe_have_names_of_their_own(tmp_path: Path) -> None:
    names = [
        finish_folder(folder(tmp_path / str(at), content), DPO, result_with(), DATA, RECIPE).name
        for at, content in enumerate((b"one", b"other", b"one"))
    ]

    assert names[0] == names[2] != names[1]
    assert all(name.startswith("demo-3-dpo-") for name in names)


def test_the_curve_has_a_column_for_every_figure_of_any_step(tmp_path: Path) -> None:
    draft = folder(tmp_path / "one")
    finish_folder(
        draft,
        DPO,
        result_with([{"step": 1, "loss": 0.7}, {"step": 2, "loss": 0.6, "margin": 1.0}]),
        DATA,
        RECIPE,
    )
    with (draft / "curve.csv").open() as file:
        rows = list(csv.DictReader(file))

    assert [row["margin"] for row in rows] == ["", "1.0"]


def test_the_card_has_what_the_hub_reads_and_what_a_person_asks(tmp_path: Path) -> None:
    draft = folder(tmp_path / "one")
    finish_folder(draft, DPO, result_with(), DATA, RECIPE)
    _, front, card = (draft / "README.md").read_text().split("---\n", 2)

    assert yaml.safe_load(front)["datasets"] == ["demo@3"]
    assert yaml.safe_load(front)["base_model"] == "SmolLM2-135M-Instruct"
    assert "s3://b/p/demo@3" in card
    assert "- beta: `0.1`" in card
    assert "- last_loss: 0.25" in card


def test_a_folder_without_a_whole_note_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="holds no trained model"):
        read_trained(tmp_path)
    (tmp_path / "model.json").write_text('{"kind": "policy"')
    with pytest.raises(TableError, match="is no note of a trained model"):
        read_trained(tmp_path)
