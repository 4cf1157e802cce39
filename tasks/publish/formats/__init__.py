"""The formats of a version's rows, one declaration for each, as the trainers read them.

Each format is made from the preferences as they stream by in their published order. Another
package adds one by an entry point of the group `prefline.formats` (CONTRIBUTING.md).

base.py      what a format declares
pairs.py     one row for each pair: preference, reward_soft, reward_margin
unpaired.py  one row for each response: kto, sft
ranked.py    one row for each prompt: ranked
"""

from tasks.publish.formats.base import Projection, PublishFormat, order_columns, publish_formats

__all__ = ["Projection", "PublishFormat", "order_columns", "publish_formats"]
