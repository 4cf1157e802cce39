"""Language models by Transformers, to be tuned or to give rewards (the extra `train`)."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from prefline.config import BUNDLED_MODEL
from prefline.errors import InputError, WorkflowError
from prefline.llm.local import bundled_weights
from prefline.llm.local.gguf import load_gguf
from prefline.stats import Floats
from prefline.tables.messages import Conversation

PACKAGES = ("torch", "transformers", "trl", "peft", "gguf")
_BATCH_SIZE = 16


def has_train_extra() -> bool:
    """Return whether the extra `train` is installed."""
    return not _missing_packages()


def require_train_extra() -> None:
    """Raise `WorkflowError` where the extra `train` is not installed."""
    missing = _missing_packages()
    if missing:
        raise WorkflowError(
            f"the methods reward_model and dpo need {', '.join(missing)}, which are not installed",
            "install the extra with `make setup-train`, or set train.method to reward_head",
        )


def _missing_packages() -> list[str]:
    return [name for name in PACKAGES if importlib.util.find_spec(name) is None]


def disable_progress_bars() -> None:
    """Turn off the progress bars of the libraries; call it before they are used."""
    # TRL asks tqdm itself, which reads this when it is imported.
    os.environ.setdefault("TQDM_DISABLE", "1")
    import datasets
    from transformers.utils import logging

    datasets.disable_progress_bars()
    logging.disable_progress_bar()


def base_gguf(base: str, root: Path) -> Path | None:
    """Return the GGUF of a base that is one: the bundled model, or a file of the project."""
    if base == BUNDLED_MODEL:
        return bundled_weights()
    return root / base if base.endswith(".gguf") else None


def load_policy(base: str, root: Path) -> tuple[Any, Any]:
    """Load a causal language model and its tokenizer: bundled, a GGUF, a folder, or from the Hub.

    Raises `InputError` if it cannot be loaded.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer

    with _loading_errors(base):
        gguf = base_gguf(base, root)
        if gguf is not None:
            return load_gguf(gguf)
        name = str(root / base) if (root / base).is_dir() else base
        tokenizer = AutoTokenizer.from_pretrained(name)
        if tokenizer.pad_token_id is None:
            tokenizer.pad_token = tokenizer.eos_token
        return AutoModelForCausalLM.from_pretrained(name, dtype="float32"), tokenizer


def load_reward_model(base: str, root: Path) -> tuple[Any, Any]:
    """Load a base with one new output, drawn at random, in place of those for tokens.

    Raises `InputError` if it cannot be loaded.
    """
    from transformers import AutoConfig, AutoModelForSequenceClassification

    policy, tokenizer = load_policy(base, root)
    config = AutoConfig.for_model(**policy.config.to_dict())
    config.num_labels, config.pad_token_id = 1, tokenizer.pad_token_id
    model = AutoModelForSequenceClassification.from_config(config, dtype="float32")
    model.base_model.load_state_dict(policy.base_model.state_dict())
    return model, tokenizer


@contextmanager
def _loading_errors(base: str) -> Iterator[None]:
    """Raise `InputError` for a missing or unknown model."""
    try:
        yield
    except (OSError, ValueError) as error:
        first_line = str(error).strip().splitlines()[0]
        raise InputError(
            f"train.base {base!r} cannot be loaded: {first_line}",
            "name the bundled model, a GGUF or a folder of the project, or a model of the "
            "Hugging Face Hub",
        ) from error


def token_log_probs(
    model: Any, tokenizer: Any, conversations: Iterable[Conversation]
) -> Iterator[Floats]:
    """Yield the log-probabilities (nats) of the tokens of each conversation's last turn.

    Each has shape `(tokens,)` and includes the token that ends the turn. `model` and `tokenizer`
    are of Transformers.
    """
    import torch

    model.eval()
    for conversation in conversations:
        prompt = tokenizer.apply_chat_template(
            list(conversation[:-1]), add_generation_prompt=True, tokenize=False
        )
        start = len(tokenizer(prompt, add_special_tokens=False)["input_ids"])
        text = prompt + conversation[-1]["content"] + tokenizer.eos_token
        ids = tokenizer(text, add_special_tokens=False, return_tensors="pt")["input_ids"]
        with torch.inference_mode():
            logits = model(ids.to(model.device)).logits[0, start - 1 : -1].float()
        log_probs = logits.log_softmax(-1).gather(1, ids[0, start:, None].to(model.device))[:, 0]
        yield log_probs.cpu().double().numpy()


def score(folder: Path, conversations: Iterable[Conversation]) -> Floats:
    """Return the rewards of conversations, shape `(conversations,)`, by the model in `folder`.

    Raises `WorkflowError` without the extra `train`.
    """
    require_train_extra()
    disable_progress_bars()
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder, dtype="float32").eval()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model.to(device)
    texts = (
        tokenizer.apply_chat_template(list(conversation), tokenize=False)
        for conversation in conversations
    )
    rewards = list[float]()
    with torch.inference_mode():
        while some := list(islice(texts, _BATCH_SIZE)):
            batch = tokenizer(some, padding=True, add_special_tokens=False, return_tensors="pt").to(
                device
            )
            rewards += model(**batch).logits[:, 0].float().tolist()
    return np.array(rewards, dtype=np.float64)
