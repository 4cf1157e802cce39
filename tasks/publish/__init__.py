"""A version from preferences that passed validation: its files, its card, its lineage."""
