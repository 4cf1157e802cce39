"""The model that training starts from, as Transformers has it (the extra `train`)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from prefline.config import BUNDLED_MODEL
from prefline.errors import InputError
from prefline.llm.local import bundled_weights
from prefline.llm.local.gguf import load_gguf


def base_weights(base: str, root: Path) -> Path | None:
    """The GGUF that `base` is, if it is one: the bundled model, or a file from the project's
    folder."""
    if base == BUNDLED_MODEL:
        return bundled_weights()
    return root / base if base.endswith(".gguf") else None


def load_policy(base: str, root: Path) -> tuple[Any, Any]:
    """A causal language model and its tokenizer: bundled, a GGUF, a folder, or from the Hub.

    Raises `InputError` if it cannot be had.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer

    with _readable(base):
        weights = base_weights(base, root)
        if weights is not None:
            return load_gguf(weights)
        name = str(root / base) if (root / base).is_dir() else base
        tokenizer = _padded(AutoTokenizer.from_pretrained(name))
        return AutoModelForCausalLM.from_pretrained(name, dtype="float32"), tokenizer


def load_scorer(base: str, root: Path) -> tuple[Any, Any]:
    """The same as a model with one output, drawn anew, in place of those for tokens.

    Raises `InputError` if it cannot be had.
    """
    from transformers import AutoConfig, AutoModelForSequenceClassification

    model, tokenizer = load_policy(base, root)
    config = AutoConfig.for_model(**model.config.to_dict())
    config.num_labels, config.pad_token_id = 1, tokenizer.pad_token_id
    scorer = AutoModelForSequenceClassification.from_config(config, dtype="float32")
    scorer.base_model.load_state_dict(model.base_model.state_dict())
    return scorer, tokenizer


def _padded(tokenizer: Any) -> Any:
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


@contextmanager
def _readable(base: str) -> Iterator[None]:
    """Turns what a missing or unknown model raises into an `InputError`."""
    try:
        yield
    except (OSError, ValueError) as error:
        first = str(error).strip().splitlines()[0]
        raise InputError(
            f"train.base {base!r} cannot be loaded: {first}",
            "name the bundled model, a GGUF or a folder of the project, or a model of the "
            "Hugging Face Hub",
        ) from error
