"""A version from preferences that passed validation: its files, its card, its lineage."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import yaml

from prefline.errors import ValidationFailed
from prefline.params import PublishParams
from prefline.quality import quality_lines
from prefline.releases import Release
from prefline.releases.card import CardFacts, card
from prefline.releases.transfer import hash_of
from prefline.tables import PREFERENCES, disk_errors, texts
from prefline.tables.calls import count_calls

_SAMPLE_ROWS = 3
_ROWS_PER_GROUP = 50_000


@dataclass(frozen=True, slots=True)
class Made:
    """What the earlier stages made and measured, as far as a version tells of it."""

    preferences: pa.Table
    rejections: pa.Table
    calls: Mapping[str, pa.Table]
    judged: Mapping[str, Any]
    paired: Mapping[str, Any]
    validation: Mapping[str, Any]


def refuse_unvalidated(validation: Mapping[str, Any]) -> None:
    """The gate: raise `ValidationFailed` unless the stage `validate` passed."""
    if not validation["passed"]:
        raise ValidationFailed(
            f"{validation['n_failed']} critical expectation(s) do not hold; nothing is published",
            "see data/validation/results.json, mend the cause and run `dvc repro`",
        )


def write_splits(preferences: pa.Table, folder: Path) -> dict[str, Path]:
    """One Parquet file for each split, sorted by source and pair, so that a reader's filter
    on `source` skips row groups. The same rows give the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = {}
    for split in sorted(set(texts(preferences, "split"))):
        rows = preferences.filter(pc.field("split") == split)
        rows = rows.sort_by([("source", "ascending"), ("pair_id", "ascending")])
        paths[split] = folder / f"{split}.parquet"
        with disk_errors(paths[split]):
            pq.write_table(
                rows.cast(PREFERENCES), paths[split], compression="zstd",
                row_group_size=_ROWS_PER_GROUP,
            )  # fmt: skip
    return paths


def lineage(root: Path, made: Made, params: Mapping[str, Any]) -> dict[str, Any]:
    """Where a version came from: git commit, DVC's hashes by stage, params, models, judges,
    tokens and cost."""
    return {
        "git_commit": _git(root, "rev-parse", "HEAD"),
        "git_dirty": bool(_git(root, "status", "--porcelain", "--untracked-files=no")),
        "dvc_lock": _dvc_hashes(root / "dvc.lock"),
        "params": params,
        "models": sorted(set(texts(made.calls["generate"], "model"))),
        "judges": sorted(set(texts(made.calls["judge"], "judge"))),
        "calls": {stage: _cost_of(table) for stage, table in made.calls.items()},
    }


def _git(root: Path, *arguments: str) -> str | None:
    """What git says, or None where the project is no git repository or git is missing."""
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def _dvc_hashes(lock: Path) -> dict[str, dict[str, str]]:
    """The hash of every dependency and output that DVC has locked, by stage and path."""
    if not lock.is_file():
        return {}
    stages = yaml.safe_load(lock.read_text())["stages"]
    return {
        name: {
            one["path"]: one.get("md5") or one.get("etag", "")
            for kind in ("deps", "outs")
            for one in stage.get(kind, [])
        }
        for name, stage in stages.items()
    }


def _cost_of(table: pa.Table) -> dict[str, float]:
    """What the line's own calls took; what was called elsewhere and imported is none of them."""
    columns = ("input_tokens", "output_tokens", "cost_usd")
    called = table.filter(pc.is_valid(table["request_key"]))
    totals = {name: pc.sum(called[name]).as_py() or 0 for name in columns}
    return {"calls": count_calls(called), **totals}


def card_of(made: Made, params: PublishParams, splits: Mapping[str, Path]) -> str:
    """The dataset card of a version with these files."""
    preferences = made.preferences
    spent = {stage: _cost_of(table) for stage, table in made.calls.items()}
    cost = "; ".join(
        f"{stage} {one['calls']:,} calls, {one['input_tokens'] + one['output_tokens']:,} tokens, "
        f"${one['cost_usd']:.4f}"
        for stage, one in spent.items()
    )
    checked = made.validation["expectations"]
    held = sum(one["passed"] for one in checked)
    sample = preferences.sort_by("pair_id").slice(0, _SAMPLE_ROWS)
    return card(
        CardFacts(
            dataset=params.dataset,
            license=params.license,
            files={s: [f"../../objects/{hash_of(p)}.parquet"] for s, p in splits.items()},
            rows=_counts(texts(preferences, "split")),
            models=sorted(set(texts(preferences, "chosen_model"))),
            judges=sorted(made.judged["judges"]),
            sources=_counts(texts(preferences, "source")),
            label_sources=_counts(texts(preferences, "label_source")),
            quality=quality_lines(made.judged, made.paired),
            rejections=_counts(
                f"{one['stage']}: {one['reason']}" for one in made.rejections.to_pylist()
            ),
            validation=f"{held} of {len(checked)} expectations hold, all critical ones",
            cost=cost,
            sample=sample.to_pylist(),
        )
    )


def _counts(values: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))


def release_note(release: Release, store: str, judges: Sequence[str]) -> dict[str, Any]:
    """What `data/release.json` says: which version this project's preferences are."""
    manifest = release.manifest
    return {
        "store": store,
        "dataset": manifest.dataset,
        "version": manifest.version,
        "parent": manifest.parent,
        "content": manifest.content,
        "rows": manifest.rows,
        "created_at": manifest.created_at,
        "quality": list(judges),
    }
