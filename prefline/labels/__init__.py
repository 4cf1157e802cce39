"""The label model: what judges said of pairs, as calibrated log-odds."""

from prefline.labels.calibrate import Calibration, Worth, calibrate, weigh
from prefline.labels.evidence import VERIFIER, Evidence, Saying, gather_evidence

__all__ = [
    "VERIFIER",
    "Calibration",
    "Evidence",
    "Saying",
    "Worth",
    "calibrate",
    "gather_evidence",
    "weigh",
]
