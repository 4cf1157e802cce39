"""A tiny model of the architecture llama, and preferences that are easy to tell apart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

WORDS = ["yes", "no", "a", "question", "number", *map(str, range(30))]


def tiny_model(folder: Path) -> Path:
    """Two layers with weights drawn by a fixed seed, and a tokenizer of whole words."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    marks = ["<pad>", "<|im_end|>", "<user>", "<assistant>", "<unk>"]
    vocabulary = {word: place for place, word in enumerate([*marks, *WORDS])}
    core = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    core.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=core, pad_token="<pad>", eos_token="<|im_end|>", unk_token="<unk>"
    )
    tokenizer.chat_template = (
        "{% for m in messages %}{{ '<' + m['role'] + '> ' + m['content'] + ' <|im_end|> ' }}"
        "{% endfor %}{% if add_generation_prompt %}{{ '<assistant> ' }}{% endif %}"
    )
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(vocabulary), hidden_size=32, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=128,
        pad_token_id=0, bos_token_id=1, eos_token_id=1,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def preferences(count: int) -> list[dict[str, Any]]:
    """To every question yes is better than no."""

    def said(text: str) -> list[dict[str, str]]:
        return [{"role": "assistant", "content": text}]

    return [
        {
            "pair_id": f"pair {number}", "prompt_id": f"prompt {number // 2}",
            "chosen_id": f"c{number}", "p_chosen": 0.9,
            "prompt": [{"role": "user", "content": f"a question number {number % 30}"}],
            "chosen": said("yes"), "rejected": said("no"),
        }
        for number in range(count)
    ]  # fmt: skip


def tiny_encoder(folder: Path) -> Path:
    """A sentence-embedding model: `tiny_model`, with the mean over its last layer."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

    modules = [Transformer(str(tiny_model(folder.with_name("inner")))), Pooling(32, "mean")]
    SentenceTransformer(modules=modules, device="cpu").save(str(folder))
    return folder
