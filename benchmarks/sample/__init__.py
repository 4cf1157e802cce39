"""How fast prompts are sampled and near duplicates found, beside other tools."""
