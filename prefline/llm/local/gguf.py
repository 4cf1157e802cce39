"""Conversion of local models between GGUF, which llama.cpp runs, and Hugging Face weights, which
are trained (needs the extra `train`).

Only models of the architecture `llama` are written as GGUF. llama.cpp wants the rows of q and k in
another order there: it rotates neighbouring numbers of a head, where Hugging Face rotates numbers
that lie half a head apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

ARCHITECTURE = "llama"
_OF_MODEL = {
    "token_embd.weight": "model.embed_tokens.weight",
    "output_norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
}
_OF_LAYER = {
    "attn_norm.weight": "input_layernorm.weight",
    "attn_q.weight": "self_attn.q_proj.weight",
    "attn_k.weight": "self_attn.k_proj.weight",
    "attn_v.weight": "self_attn.v_proj.weight",
    "attn_output.weight": "self_attn.o_proj.weight",
    "ffn_norm.weight": "post_attention_layernorm.weight",
    "ffn_gate.weight": "mlp.gate_proj.weight",
    "ffn_up.weight": "mlp.up_proj.weight",
    "ffn_down.weight": "mlp.down_proj.weight",
}
_HALF_PRECISION = 1  # what llama.cpp calls a file of 16-bit floats
_COMPUTED = ("GGUF.", "general.architecture", "general.file_type", "general.quantization_version")


def load_gguf(path: Path) -> tuple[Any, Any]:
    """Load the model, in 32-bit floats, and the tokenizer of a GGUF with Transformers.

    Raises `OSError` and `ValueError` where Transformers cannot read it.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer

    source: Any = {"pretrained_model_name_or_path": str(path.parent), "gguf_file": path.name}
    tokenizer = AutoTokenizer.from_pretrained(**source)
    loaded = AutoModelForCausalLM.from_pretrained(**source, dtype="float32")
    config = loaded.config
    # The weights are no longer quantised, and a model whose config says so cannot be saved.
    del config.quantization_config
    model = type(loaded)(config)
    model.load_state_dict(loaded.state_dict())
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    return model, tokenizer


def write_gguf(weights: Mapping[str, Array], template: Path, target: Path) -> None:
    """Write weights, by their Hugging Face names, as 16-bit floats, with everything else (sizes,
    tokenizer, chat template) taken from the GGUF `template`.

    Raises `ValueError` where the template is of another architecture, and `KeyError` where weights
    that it has are missing.
    """
    from gguf import GGUFReader, GGUFWriter

    reader = GGUFReader(template)
    architecture = _text(reader, "general.architecture")
    if architecture != ARCHITECTURE:
        raise ValueError(
            f"{template.name} is of the architecture {architecture}, not {ARCHITECTURE}"
        )
    heads = {kind: _number(reader, f"{ARCHITECTURE}.attention.{kind}") for kind in _HEADS.values()}
    writer = GGUFWriter(target, ARCHITECTURE)
    _copy_metadata(reader, writer)
    writer.add_file_type(_HALF_PRECISION)
    for tensor in reader.tensors:
        writer.add_tensor(tensor.name, _tensor(tensor.name, weights, heads))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


# Tensors whose rows are interleaved, and the metadata key of their number of heads.
_HEADS = {"attn_q.weight": "head_count", "attn_k.weight": "head_count_kv"}


def _tensor(name: str, weights: Mapping[str, Array], heads: Mapping[str, int]) -> Array:
    kind = name.split(".", 2)[-1]
    values = weights[hugging_face_name(name)]
    if kind in _HEADS:
        values = interleave_halves(values, heads[_HEADS[kind]])
    # Norms are small, and usually kept in 32 bits.
    return np.ascontiguousarray(values, np.float32 if values.ndim == 1 else np.float16)


def hugging_face_name(name: str) -> str:
    """Translate a tensor's name from GGUF to Hugging Face: `blk.3.attn_q.weight` is
    `model.layers.3.self_attn.q_proj.weight`. Raises `KeyError` for an unknown one."""
    if name in _OF_MODEL:
        return _OF_MODEL[name]
    _, layer, kind = name.split(".", 2)
    return f"model.layers.{layer}.{_OF_LAYER[kind]}"


def interleave_halves(values: Array, heads: int) -> Array:
    """Interleave the two halves of each head in the rows of q or k, shape `(heads * size,
    inputs)`."""
    halves = values.reshape(heads, 2, values.shape[0] // heads // 2, *values.shape[1:])
    return halves.swapaxes(1, 2).reshape(values.shape)


def _copy_metadata(reader: Any, writer: Any) -> None:
    for field in reader.fields.values():
        if field.name.startswith(_COMPUTED):
            continue
        sub_type = field.types[-1] if len(field.types) > 1 else None
        writer.add_key_value(field.name, field.contents(), field.types[0], sub_type)


def _text(reader: Any, key: str) -> str:
    field = reader.get_field(key)
    return str(field.contents()) if field is not None else "(none)"


def _number(reader: Any, key: str) -> int:
    return int(reader.get_field(key).contents())
