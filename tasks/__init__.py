"""The verbs: the pure decisions of each stage, then its Prefect task."""

from prefline.config.environment import apply_defaults

# Before Prefect is imported, which reads its settings then.
apply_defaults()
