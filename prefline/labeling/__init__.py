"""The label model: judges' verdicts and anchors in, calibrated log-odds of each pair out."""

from typing import TYPE_CHECKING

from prefline.lazy import lazy_names
from prefline.tables.gold import VERIFIER

if TYPE_CHECKING:
    from prefline.labeling.evidence import Evidence, Observation, gather_evidence
    from prefline.labeling.information_gain import FittedLabels, expected_error, fit_labels
    from prefline.labeling.model import (
        AnnotatorFigures,
        Labels,
        held_back_log_odds,
        label_table,
        label_votes,
    )
    from prefline.labeling.prior import PriorAccuracy
    from prefline.labeling.votes import Annotator, Order, Votes, read_votes

__all__ = [
    "VERIFIER",
    "Annotator",
    "AnnotatorFigures",
    "Evidence",
    "FittedLabels",
    "Labels",
    "Observation",
    "Order",
    "PriorAccuracy",
    "Votes",
    "expected_error",
    "fit_labels",
    "gather_evidence",
    "held_back_log_odds",
    "label_table",
    "label_votes",
    "read_votes",
]

__getattr__ = lazy_names(
    __name__,
    {
        "evidence": ["Evidence", "Observation", "gather_evidence"],
        "information_gain": ["FittedLabels", "expected_error", "fit_labels"],
        "model": ["AnnotatorFigures", "Labels", "held_back_log_odds", "label_table", "label_votes"],
        "prior": ["PriorAccuracy"],
        "votes": ["Annotator", "Order", "Votes", "read_votes"],
    },
)
