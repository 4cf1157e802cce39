"""What a consumer installs: the base package is light."""

from __future__ import annotations

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
