"""A trained model on disk: a folder whose `model.json`, written last, says what it is."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import orjson

from prefline.errors import TableError

NOTE = "model.json"
Kind = Literal["reward_head", "reward_model", "policy"]


@dataclass(frozen=True, slots=True)
class Trained:
    """What `model.json` says.

    `name` is unique to the model's content, so that replies of it can be told apart; `data` is
    the version it was trained on (store, dataset, version, content); `base` what it started from;
    `recipe` the section `train`; `figures` what training measured; `files` the SHA-256 of
    every other file in the folder, by name.
    """

    kind: Kind
    name: str
    data: dict[str, Any]
    base: str
    recipe: dict[str, Any]
    figures: dict[str, Any] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)


def write_trained(folder: Path, trained: Trained) -> None:
    """Write the note of a model whose files are in `folder`."""
    content = orjson.dumps(asdict(trained), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)
    (folder / NOTE).write_bytes(content)


def read_trained(folder: Path) -> Trained:
    """What the model in `folder` is. Raises `TableError` if there is none, or no whole one."""
    try:
        return Trained(**orjson.loads((folder / NOTE).read_bytes()))
    except FileNotFoundError as error:
        raise TableError(
            f"{folder} holds no trained model: {NOTE} is missing", "run `dvc repro train`"
        ) from error
    except (orjson.JSONDecodeError, TypeError) as error:
        raise TableError(
            f"{folder / NOTE} is no note of a trained model: {error}", "run `dvc repro train`"
        ) from error
