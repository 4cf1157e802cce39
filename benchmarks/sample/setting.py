"""The same for all who take part."""

THRESHOLD, SHINGLE, PERMUTATIONS = 0.7, 3, 128
