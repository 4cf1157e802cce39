"""What came of the pairs, in figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from prefline.labels import Calibration
from tasks.pair.decide import Decided


def pair_metrics(
    decided: Iterable[Decided], calibrations: Mapping[str, Calibration], n_queued: int
) -> dict[str, Any]:
    """Counts of labels and rejections, and what each judge's word was found to be worth."""
    decided = list(decided)
    kept = [one for one in decided if one.reason is None]
    return {
        "pairs": len(decided),
        "preferences": len(kept),
        "queued_for_review": n_queued,
        "mean_p_chosen": sum(one.p_chosen for one in kept) / len(kept) if kept else None,
        "label_source": dict(sorted(Counter(one.label_source for one in kept).items())),
        "rejected": dict(sorted(Counter(one.reason for one in decided if one.reason).items())),
        "calibration": {name: asdict(one) for name, one in sorted(calibrations.items())},
    }
