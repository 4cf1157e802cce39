"""The label model: judges' verdicts in, calibrated log-odds of each pair out."""

from prefline.labeling.calibration import Calibration, Labels, label
from prefline.labeling.evidence import Evidence, Observation, gather_evidence
from prefline.labeling.information_gain import FittedLabels, expected_error, fit_labels
from prefline.tables.gold import VERIFIER

__all__ = [
    "VERIFIER",
    "Calibration",
    "Evidence",
    "FittedLabels",
    "Labels",
    "Observation",
    "expected_error",
    "fit_labels",
    "gather_evidence",
    "label",
]
