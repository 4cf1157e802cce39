"""Rewards by a tuned language model (the extra `train`)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from prefline.reward.bars import without_bars
from prefline.reward.needs import require_extra
from prefline.stats import Floats
from prefline.tables.messages import Conversation

_AT_ONCE = 16


def score(folder: Path, conversations: Sequence[Conversation]) -> Floats:
    """The reward of each conversation, shape `(conversations,)`, by the reward model in `folder`.

    Raises `WorkflowError` without the extra `train`.
    """
    require_extra()
    without_bars()
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder, dtype="float32").eval()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model.to(device)
    texts = [tokenizer.apply_chat_template(list(one), tokenize=False) for one in conversations]
    rewards = list[float]()
    with torch.inference_mode():
        for start in range(0, len(texts), _AT_ONCE):
            batch = tokenizer(
                texts[start : start + _AT_ONCE],
                padding=True,
                add_special_tokens=False,
                return_tensors="pt",
            ).to(device)
            rewards += model(**batch).logits[:, 0].float().tolist()
    return np.array(rewards, dtype=np.float64)
