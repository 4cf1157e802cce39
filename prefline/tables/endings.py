"""The endings of responses, as stages decide by them: half a text is never judged or published.

The words are those of the engine (`prefline.llm.completion`), to which every provider's are mapped.
"""

from __future__ import annotations

from collections.abc import Mapping

CALLS = "tool_calls"
"""The ending of a turn that calls tools: an answer where the prompt offers some."""
# Endings of texts that are no whole answer, with the reason under which their pairs are set aside
# and what happened.
UNFINISHED: Mapping[str, tuple[str, str]] = {
    "length": ("truncated", "was cut off by max_tokens"),
    "reasoning_only": ("reasoning_only", "is nothing but reasoning: raise max_tokens"),
    "content_filter": ("content_filter", "was withheld or cut off by the provider's filter"),
    "refusal": ("refusal", "is a refusal, as its provider says"),
    CALLS: ("tool_calls", "calls a tool in place of an answer"),
    "error": ("error", "was cut off by an error of the provider"),
}
