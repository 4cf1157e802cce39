"""Intervals, logistic fits, Bradley-Terry and agreement: each once, on arrays."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

__all__ = ["Bools", "Floats", "Ints"]
