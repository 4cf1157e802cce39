"""Local models, each in a process of its own; SmolLM2-135M-Instruct is bundled."""

from prefline.llm.local.models import LocalModels
from prefline.llm.local.weights import bundled_weights

__all__ = ["LocalModels", "bundled_weights"]
