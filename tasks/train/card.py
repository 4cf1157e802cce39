"""The card of a trained model, with the front matter that the Hugging Face Hub reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from prefline.reward.trained import Trained

_SAYS = {
    "reward_head": "A reward head: a linear Bradley-Terry model on frozen embeddings. A "
    "conversation's reward is the product of `head.npy` with the embedding of its transcript by "
    "the model below.",
    "reward_model": "A reward model: a language model with one output, the reward of a "
    "conversation. `hf/` is loaded by `AutoModelForSequenceClassification`.",
    "policy": "A policy, trained on preferences. `hf/` is loaded by `AutoModelForCausalLM`, and "
    "served by `transformers serve` or vLLM; `policy.gguf`, where it is there, by llama.cpp.",
}


def model_card(trained: Trained) -> str:
    """The card as Markdown: what it is, data, base, recipe, figures."""
    data = trained.data
    front = {
        "base_model": trained.base,
        "datasets": [f"{data['dataset']}@{data['version']}"],
        "tags": ["prefline", trained.kind.replace("_", "-")],
    }
    parts = [
        f"---\n{yaml.safe_dump(front, sort_keys=True)}---",
        f"# {trained.name}",
        _SAYS[trained.kind],
        "## Where it comes from",
        _list(
            {
                "data": f"`{data['store']}/{data['dataset']}@{data['version']}`, content "
                f"`{data['content'][:16]}`",
                "base": f"`{trained.base}`",
            }
        ),
        "## Recipe",
        _list({name: f"`{value}`" for name, value in sorted(trained.recipe.items())}),
        "## What training measured",
        _list({name: _figure(value) for name, value in sorted(trained.figures.items())}),
        "Figures on data that training has not seen are the stage `evaluate`'s: "
        "`data/evaluation/metrics.json`.",
    ]
    return "\n\n".join(parts) + "\n"


def _list(lines: Mapping[str, str]) -> str:
    return "\n".join(f"- {name}: {value}" for name, value in lines.items())


def _figure(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else f"`{value}`"
