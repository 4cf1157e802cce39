"""A tiny model of the architecture llama, and preferences that are easy to tell apart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from prefline.reward.version import Preferences

WORDS = ["yes", "no", "a", "question", "number", *map(str, range(30))]


def tiny_model(folder: Path, template: str | None = None) -> Path:
    """Two layers with weights drawn by a fixed seed, and a tokenizer of whole words; with a chat
    template one of bytes, for any text."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    marks = ["<pad>", "<|im_end|>", "<user>", "<assistant>", "<unk>"]
    words = WORDS if template is None else sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {word: place for place, word in enumerate([*marks, *words])}
    if template is None:
        core = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
        core.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    else:
        core = Tokenizer(models.BPE(vocabulary, []))
        core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        core.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=core, pad_token="<pad>", eos_token="<|im_end|>", unk_token="<unk>"
    )
    tokenizer.chat_template = template or (
        "{% for m in messages %}{{ '<' + m['role'] + '> ' + m['content'] + ' <|im_end|> ' }}"
        "{% endfor %}{% if add_generation_prompt %}{{ '<assistant> ' }}{% endif %}"
    )
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(vocabulary), hidden_size=32, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=2_048,
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


def saved(rows: list[dict[str, Any]], folder: Path) -> Preferences:
    """Rows as training reads them: in a file of `folder`."""
    if not rows:
        return Preferences([])
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), folder / "rows.parquet")
    return Preferences([folder / "rows.parquet"])


def tiny_encoder(folder: Path) -> Path:
    """A sentence-embedding model: `tiny_model`, with the mean over its last layer."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

    modules = [Transformer(str(tiny_model(folder.with_name("inner")))), Pooling(32, "mean")]
    SentenceTransformer(modules=modules, device="cpu").save(str(folder))
    return folder
