"""Local models, each in a process of its own; SmolLM2-135M-Instruct is bundled."""

from prefline.llm.local.models import LocalModels, bundled_weights, require_local_model

__all__ = ["LocalModels", "bundled_weights", "require_local_model"]
