"""How likely a language model finds answers, token by token (the extra `train`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from prefline.stats import Floats
from prefline.tables.messages import Conversation


def token_log_probs(
    model: Any, tokenizer: Any, conversations: Iterable[Conversation]
) -> Iterator[Floats]:
    """The log-probabilities, in nats, of the tokens of each conversation's last turn, shape
    `(tokens,)`, the token that ends it among them; by a model and tokenizer of Transformers."""
    import torch

    model.eval()
    for one in conversations:
        prompt = tokenizer.apply_chat_template(
            list(one[:-1]), add_generation_prompt=True, tokenize=False
        )
        start = len(tokenizer(prompt, add_special_tokens=False)["input_ids"])
        text = prompt + one[-1]["content"] + tokenizer.eos_token
        ids = tokenizer(text, add_special_tokens=False, return_tensors="pt")["input_ids"]
        with torch.inference_mode():
            logits = model(ids.to(model.device)).logits[0, start - 1 : -1].float()
        found = logits.log_softmax(-1).gather(1, ids[0, start:, None].to(model.device))[:, 0]
        yield found.cpu().double().numpy()
