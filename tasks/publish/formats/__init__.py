"""The formats of a version's rows, one declaration for each, as the trainers read them.

Each format is made from the preferences as they stream by in their published order. Another
package adds one by an entry point of the group `prefline.formats` (CONTRIBUTING.md).

base.py      what a format declares
pairs.py     one row for each pair: preference, reward_soft, reward_margin
trainers.py  one row for each pair, as trainers other than TRL read it
unpaired.py  one row for each response: kto, sft
ranked.py    one row for each prompt: ranked
reward_bench.py  one row for each prompt with right and wrong answers: reward_bench_2
verl.py      one row for each prompt with a check: verl
rubrics.py   one row for each prompt with its criteria: rubrics
"""

from tasks.publish.formats.base import (
    Projection,
    PublishFormat,
    order_columns,
    prompt_columns,
    publish_formats,
)

__all__ = ["Projection", "PublishFormat", "order_columns", "prompt_columns", "publish_formats"]
