"""The label model: what judges said of pairs, as calibrated log-odds."""

from prefline.labeling.calibrate import Calibration, Worth, calibrate, weigh
from prefline.labeling.evidence import VERIFIER, Evidence, Saying, gather_evidence
from prefline.labeling.prospect import Prospect, chance_of_error, look_ahead

__all__ = [
    "VERIFIER",
    "Calibration",
    "Evidence",
    "Prospect",
    "Saying",
    "Worth",
    "calibrate",
    "chance_of_error",
    "gather_evidence",
    "look_ahead",
    "weigh",
]
