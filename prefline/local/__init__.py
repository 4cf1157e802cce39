"""The bundled model, SmolLM2-135M-Instruct, in a process of its own."""

from prefline.local.model import LocalModel

__all__ = ["LocalModel"]
