"""A dataset of the Hugging Face Hub, streamed by `datasets`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from prefline.errors import InputError
from prefline.sources.columns import check_columns
from prefline.sources.row import Row


@dataclass(frozen=True, slots=True)
class HubData:
    """Which rows of the Hub: a dataset (`owner/name`, or a folder laid out like one), its
    configuration, split and revision, and the columns that are wanted (all, if none are named)."""

    name: str
    subset: str | None = None
    split: str = "train"
    revision: str | None = None
    columns: tuple[str, ...] = ()


def resolved(data: HubData) -> str | None:
    """The commit that the dataset's revision is today; None for a folder, which has none.

    Raises `InputError` if the Hub has no such dataset or cannot be reached.
    """
    if Path(data.name).is_dir():
        return None
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    try:
        return HfApi().dataset_info(data.name, revision=data.revision).sha
    except (HfHubHTTPError, OSError, ValueError) as error:
        raise _unreadable(data, error) from error


def read_hub(data: HubData) -> Iterator[Row]:
    """The rows of a split, as they come over the network.

    Raises `InputError` if it cannot be read, or lacks a column that is wanted.
    """
    try:
        from datasets import load_dataset
        from datasets.exceptions import DatasetsError
    except ImportError as error:
        raise InputError(
            f"hf://{data.name} is a dataset of the Hub, and `datasets` is not installed",
            "install it: `uv sync --extra line`, or `pip install datasets`",
        ) from error
    try:
        rows = load_dataset(
            data.name, data.subset, split=data.split, revision=data.revision, streaming=True
        )
        names = rows.column_names
        if data.columns and names is not None:
            check_columns(f"hf://{data.name}", names, data.columns)
            rows = rows.select_columns(list(data.columns))
        for number, row in enumerate(rows, 1):
            yield f"hf://{data.name} ({data.split}), row {number}", dict(row)
    except (DatasetsError, OSError, ValueError, pa.ArrowException) as error:
        raise _unreadable(data, error) from error


def _unreadable(data: HubData, error: Any) -> InputError:
    return InputError(
        f"hf://{data.name} cannot be read: {error}",
        "correct `path`, `subset`, `split` and `revision` of the source; a private dataset needs "
        "HF_TOKEN, and without a network only a folder can be read",
    )
