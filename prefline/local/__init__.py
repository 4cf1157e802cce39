"""Local models, each in a process of its own; SmolLM2-135M-Instruct is bundled."""

from prefline.local.models import LocalModels
from prefline.local.weights import bundled_weights

__all__ = ["LocalModels", "bundled_weights"]
