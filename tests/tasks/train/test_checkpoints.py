"""The checkpoint that a killed training goes on from."""

from __future__ import annotations

from pathlib import Path

from tasks.train.language_model import last_checkpoint


def checkpoint(work: Path, step: int, state: str | None) -> Path:
    folder = work / f"checkpoint-{step}"
    folder.mkdir()
    if state is not None:
        (folder / "trainer_state.json").write_text(state)
    return folder


def test_the_newest_that_is_whole_is_taken(tmp_path: Path) -> None:
    checkpoint(tmp_path, 20, '{"global_step": 20}')
    newest_whole = checkpoint(tmp_path, 100, '{"global_step": 100}')
    checkpoint(tmp_path, 120, None)
    checkpoint(tmp_path, 140, '{"global_st')

    assert last_checkpoint(tmp_path) == newest_whole


def test_a_training_without_any_begins_anew(tmp_path: Path) -> None:
    checkpoint(tmp_path, 20, None)

    assert last_checkpoint(tmp_path) is None
    assert last_checkpoint(tmp_path / "never begun") is None
