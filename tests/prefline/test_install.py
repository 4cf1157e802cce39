"""What a consumer installs: the base package is light."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
# What only a producer needs, and what would turn an install into a matter of gigabytes.
HEAVY = {
    "prefect",
    "dvc",
    "dvc-s3",
    "great-expectations",
    "torch",
    "transformers",
    "fastapi",
    "ray",
}


def test_the_base_package_pulls_nothing_that_only_a_producer_needs() -> None:
    pulled = closure(tomllib.loads((ROOT / "uv.lock").read_text())["package"], "prefline")

    assert {"boto3", "datasets", "pyarrow"} <= pulled
    assert not pulled & HEAVY


def test_the_extra_for_producers_is_what_pulls_them() -> None:
    packages = tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    own = next(one for one in packages if one["name"] == "prefline")

    assert {"prefect", "dvc", "great-expectations"} <= {
        one["name"] for one in own["optional-dependencies"]["pipeline"]
    }


def test_import_params_and_commands_load_no_library_that_they_do_not_need() -> None:
    loaded = loaded_by(
        "import prefline, prefline.cli.app\n"
        "from prefline.config import read_params\n"
        "from pathlib import Path\n"
        "read_params(Path('params.yaml'))"
    )

    assert "prefline.config" in loaded
    assert not loaded & {
        *(
            "numpy",
            "pyarrow",
            "pandas",
            "scipy",
            "boto3",
            "aiohttp",
            "prefect",
            "great_expectations",
        ),
        *("prefline.llm.engine", "prefline.releases", "prefline.simulator"),
    }


def test_pandas_is_loaded_when_arrow_is_asked_for_a_data_frame_and_not_before() -> None:
    deferred = (
        "from prefline.lazy import defer_pandas\n"
        "defer_pandas()\n"
        "import pyarrow as pa\n"
        "table = pa.table({'n': [1, 2]})\n"
    )

    assert "pandas" not in loaded_by(deferred)
    assert "pandas" in loaded_by(
        f"{deferred}frame = table.to_pandas()\nassert pa.Table.from_pandas(frame) == table"
    )


def loaded_by(code: str) -> set[str]:
    """The modules that a fresh interpreter has loaded once it has run the code."""
    told = f"{code}\nimport sys\nprint(*sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", told], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(run.stdout.split())


def closure(packages: list[dict[str, object]], root: str) -> set[str]:
    """The names of all packages that `root` pulls without an extra, by the lock file."""
    needs: dict[str, set[str]] = {}
    extras: dict[tuple[str, str], set[str]] = {}
    for one in packages:
        name = str(one["name"])
        needs.setdefault(name, set()).update(_wanted(one.get("dependencies", [])))
        for extra, wanted in dict(one.get("optional-dependencies", {})).items():  # type: ignore[call-overload]
            extras.setdefault((name, extra), set()).update(_wanted(wanted))
    found: set[str] = set()
    waiting = [root]
    while waiting:
        word = waiting.pop()
        if word in found:
            continue
        found.add(word)
        name, _, extra = word.partition("+")
        waiting += sorted(needs.get(name, set()) | extras.get((name, extra), set()))
    return {word.partition("+")[0] for word in found}


def _wanted(dependencies: object) -> set[str]:
    """Names, and `name+extra` for each extra that is asked for."""
    words: set[str] = set()
    for one in dependencies:  # type: ignore[attr-defined]
        words.add(one["name"])
        words.update(f"{one['name']}+{extra}" for extra in one.get("extra", ()))
    return words
