"""The dataset that the page on using a dataset speaks of."""

from __future__ import annotations

from pathlib import Path

from prefline.config import read_params
from prefline.storage import open_store
from tasks.publish import pass_gate, publish_version, read_inputs
from tests.prefline.releases.drafts import preference
from tests.tasks.publish.published import Row, project_at, set_params, set_preferences

PAIRS = 60


def publish_demo(store: str, folder: Path) -> None:
    """Three versions of `demo`: of some pairs, of more, and of those with some flipped and a
    second format."""
    project = project_at(folder)
    rows = [_row(number) for number in range(PAIRS)]
    flipped = [_flipped(row) if number % 10 == 3 else row for number, row in enumerate(rows)]
    for these, formats in ((rows[: PAIRS // 2], []), (rows, []), (flipped, ["kto"])):
        set_params(project, publish={"formats": ["preference", *formats]})
        set_preferences(project, these)
        made = read_inputs(project, read_params(project.params))
        publish_version(open_store(store), made, pass_gate(made.validation, made.files, None))


def _row(number: int) -> Row:
    return preference(
        number,
        source=("bundled", "maths")[number % 2],
        category=("arithmetic", "format", "advice")[number % 3],
        p_chosen=0.55 + 0.44 * (number % 7) / 6,
        split="test" if number % 5 == 4 else "train",
    )


def _flipped(row: Row) -> Row:
    swapped = {
        f"{side}{part}": row[f"{other}{part}"]
        for side, other in (("chosen", "rejected"), ("rejected", "chosen"))
        for part in ("", "_id", "_model")
    }
    return row | swapped
