"""Torch, Transformers, TRL and PEFT are an extra: a reward head needs none of them."""

from __future__ import annotations

import importlib.util

from prefline.errors import WorkflowError

PACKAGES = ("torch", "transformers", "trl", "peft", "gguf")


def is_installed() -> bool:
    """Whether the extra `train` is there."""
    return not _missing()


def _missing() -> list[str]:
    return [name for name in PACKAGES if importlib.util.find_spec(name) is None]


def require_extra() -> None:
    """Raise `WorkflowError` where the extra `train` is not installed."""
    missing = _missing()
    if missing:
        raise WorkflowError(
            f"the methods reward_model and dpo need {', '.join(missing)}, which are not installed",
            "install the extra with `make setup-train`, or set train.method to reward_head",
        )
