"""Reading a config: a YAML file, options over it, and messages for bad values."""

from pathlib import Path

import pytest

from prefline.errors import ParamsError
from prefline.simulator import Judge
from prefline.simulator.config import read_config


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("limit: {}", "limit: unknown key; did you mean 'limits'?"),
        ("judges: {j: {acuracy: 0.7}}", "judges.j.acuracy: unknown key; did you mean 'accuracy'?"),
        ("judges: {j: {pairs: {sdd: 1}}}", "judges.j.pairs.sdd: unknown key; did you mean 'sd'?"),
        ("judges: {j: {pairs: {sd: 0}}}", "sd must be above 0"),
        ("judges: {j: {accuracy: 0.7, sharpness: 1}}", "not both"),
        ("latency: {distribution: uniform, ms: 5, spread: 6}", "must not exceed ms"),
        ("- a list", "does not hold a mapping"),
        ("{", "not valid YAML"),
    ],
    ids=lambda text: str(text)[:30],
)
def test_a_bad_config_file_is_explained(tmp_path: Path, content: str, problem: str) -> None:
    path = tmp_path / "sim.yaml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ParamsError) as caught:
        read_config(path, {})
    assert problem in caught.value.problem


def test_a_bad_key_is_not_repeated() -> None:
    with pytest.raises(ParamsError) as caught:
        read_config(None, {"key": ["planted-secret"]})
    assert "planted-secret" not in str(caught.value)


def test_options_go_over_the_file_key_by_key(tmp_path: Path) -> None:
    path = tmp_path / "sim.yaml"
    path.write_text("seed: 3\nfaults: {'500': 0.1, reset: 0.2}\n", encoding="utf-8")
    config = read_config(path, {"faults": {"500": 0.5}, "port": 8080})
    assert config.faults == {"500": 0.5, "reset": 0.2}
    assert (config.seed, config.port) == (3, 8080)


def test_an_empty_file_is_the_default_config(tmp_path: Path) -> None:
    path = tmp_path / "sim.yaml"
    path.write_text("", encoding="utf-8")
    assert read_config(path, {}) == read_config(None, {})


def test_an_accuracy_out_of_reach_is_an_error_of_params() -> None:
    judge = Judge.model_construct(accuracy=0.3, sharpness=None, position_bias=0.0)
    with pytest.raises(ParamsError, match="no judge with these biases"):
        judge.weights()
