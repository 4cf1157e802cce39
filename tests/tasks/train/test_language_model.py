"""Real trainings of a tiny model; they need the extra `train`."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import time
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from prefline.config import DpoParams, LoraParams, RewardModelParams
from prefline.errors import InputError, ParamsError, TableError
from prefline.releases.manifest import PREFERENCE
from prefline.reward.version import Preferences
from prefline.tables.messages import conversation_of
from tasks.train import language_model
from tasks.train.trainers import TrainingJob, TrainingResult, trainer_of
from tests.tasks.publish.test_turns import written
from tests.tasks.train.tiny import preferences, saved, tiny_model

pytest.importorskip("torch", reason="needs the extra `train`: make setup-train")

# Libraries under us are still moving away from what their own dependencies deprecate.
pytestmark = [pytest.mark.tuning, pytest.mark.filterwarnings("default")]

ROOT = Path(__file__).parents[3]
LEARNS = {"learning_rate": 5e-3, "pairs_per_step": 4, "max_tokens": 64, "epochs": 3.0}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    tiny_model(tmp_path / "base")
    return tmp_path


def tune(rows: Any, params: Any, root: Path, draft: Path) -> TrainingResult:
    return trainer_of(params).train(
        TrainingJob(saved(rows, root / f"rows of {draft.name}"), params, draft, root)
    )


def dpo(**changes: Any) -> DpoParams:
    return DpoParams(**({"method": "dpo", "base": "base"} | LEARNS | changes))


def trained(root: Path, params: Any, name: str, rows: Any = None) -> tuple[Any, Path]:
    draft = root / name
    draft.mkdir()
    return tune(rows or preferences(16), params, root, draft), draft


def weights_of(folder: Path) -> dict[str, np.ndarray[Any, Any]]:
    from safetensors.numpy import load_file

    weights: dict[str, np.ndarray[Any, Any]] = load_file(folder / "hf" / "model.safetensors")
    return weights


@pytest.mark.parametrize("lora", [LoraParams(rank=4), None], ids=["lora", "all weights"])
def test_a_policy_learns_what_was_preferred(root: Path, lora: LoraParams | None) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from prefline.reward.language_models import token_log_probs

    result, draft = trained(root, dpo(lora=lora), "out")

    def margin(folder: Path) -> float:
        model = AutoModelForCausalLM.from_pretrained(folder, dtype="float32")
        tokenizer = AutoTokenizer.from_pretrained(folder)
        asked = preferences(1)[0]["prompt"]
        yes, no = token_log_probs(
            model, tokenizer, [conversation_of(asked, "yes"), conversation_of(asked, "no")]
        )
        return float(yes.sum() - no.sum())

    assert result.curve[-1]["loss"] < result.curve[0]["loss"] - 0.03
    assert margin(draft / "hf") > margin(root / "base") + 0.5
    assert not list((root / ".prefline/training").iterdir())


def test_a_reward_model_gives_what_was_preferred_more_in_any_batch(root: Path) -> None:
    from prefline.reward.language_models import score

    params = RewardModelParams(**({"method": "reward_model", "base": "base"} | LEARNS))  # type: ignore[arg-type]
    _, draft = trained(root, params, "out")
    asked = preferences(5)
    conversations = [
        conversation_of(row["prompt"], text) for row in asked for text in ("yes", "no no a no")
    ]
    together = score(draft / "hf", conversations)

    assert (together[::2] > together[1::2]).all()
    alone = np.concatenate([score(draft / "hf", [one]) for one in conversations])
    np.testing.assert_allclose(together, alone, atol=1e-4)


@pytest.mark.parametrize("method", ["dpo", "reward_model"])
def test_conversations_with_tools_are_trained_on(
    method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two steps on the files of a version, with a chat template that has tools."""
    shown = list[str]()

    def decode(trainer: Any) -> None:
        rows = trainer.train_dataset
        for column in {"prompt_ids", "chosen_ids", "chosen_input_ids"} & {*rows.column_names}:
            shown.extend(map(trainer.processing_class.decode, rows[column]))

    monkeypatch.setattr(language_model, "print_progress", decode)
    template = resources.files("trl") / "chat_templates" / "qwen2_5_training.jinja"
    tiny_model(tmp_path / "base", template.read_text())
    files = [one.path for one in written(tmp_path, (PREFERENCE,)).files if one.split == "train"]
    given: dict[str, Any] = {"method": method, "base": "base", "max_tokens": 2_000}
    section = (DpoParams if method == "dpo" else RewardModelParams)(**given, pairs_per_step=2)
    draft = tmp_path / "model"
    draft.mkdir()
    result = trainer_of(section).train(TrainingJob(Preferences(files), section, draft, tmp_path))

    assert result.figures["steps"] == 2
    assert all(math.isfinite(point["loss"]) for point in result.curve)
    assert (draft / "hf" / "model.safetensors").is_file()
    said = "".join(shown)
    assert '{"name": "weather", "arguments": {"city": "Rome"}}' in said
    assert "<tool_response>\n18 degrees\n</tool_response>" in said
    assert '"name": "weather", "parameters"' in said, "the definition"


def test_the_same_preferences_in_another_order_give_the_same_policy(root: Path) -> None:
    rows = preferences(8)
    _, one = trained(root, dpo(epochs=1.0), "one", rows)
    _, other = trained(root, dpo(epochs=1.0), "other", rows[::-1])

    for name, values in weights_of(one).items():
        np.testing.assert_allclose(values, weights_of(other)[name], atol=1e-6)


_TUNE = """
import sys
from pathlib import Path
from prefline.config import DpoParams
from tasks.train.trainers import TrainingJob, trainer_of
from tests.tasks.train.tiny import preferences, saved
root = Path(sys.argv[1])
(root / sys.argv[2]).mkdir(exist_ok=True)
params = DpoParams.model_validate_json(sys.argv[3])
rows = saved(preferences(40), root / "rows")
trainer_of(params).train(TrainingJob(rows, params, root / sys.argv[2], root))
"""


@pytest.mark.timeout(600)
def test_a_killed_training_goes_on_and_ends_where_it_would_have_ended(root: Path) -> None:
    params = dpo(epochs=1.0, checkpoint_steps=1, pairs_per_step=2)
    command = [sys.executable, "-c", _TUNE, str(root), "killed", params.model_dump_json()]
    child = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    checkpoints = root / ".prefline/training"
    while not list(checkpoints.glob("*/checkpoint-[3-9]")):
        assert child.poll() is None, "it ended before it could be killed"
        time.sleep(0.02)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    rows = preferences(40)
    (work,) = checkpoints.iterdir()
    (work / "checkpoint-999").mkdir()  # what a kill leaves that comes while one is written
    resumed = tune(rows, params, root, root / "killed")
    (root / "whole").mkdir()
    whole = tune(rows, params, root, root / "whole")

    assert len(resumed.curve) == len(whole.curve)
    for name, values in weights_of(root / "whole").items():
        np.testing.assert_allclose(values, weights_of(root / "killed")[name], atol=1e-4)


def test_what_cannot_be_trained_is_told(root: Path) -> None:
    draft = root / "out"
    draft.mkdir()

    (root / "no-model").mkdir()
    with pytest.raises(InputError, match=r"train\.base 'no-model' cannot be loaded"):
        tune(preferences(2), dpo(base="no-model"), root, draft)
    with pytest.raises(ParamsError, match="TRL does not take the losses nonsense"):
        tune(preferences(2), dpo(loss=("nonsense",)), root, draft)
    with pytest.raises(TableError, match="no preferences to train on"):
        tune([], dpo(), root, draft)
