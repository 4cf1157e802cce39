"""Filters of prompts: what is rejected, each for a named reason.

base.py          the base of filters that look at one prompt by itself
corpus.py        the bases of filters that look at all prompts or ask a model
text.py          the form in which texts are compared, and what no prompt may be
language.py      prompts in other languages
words.py         prompts that hold a listed word
personal.py      e-mail addresses, phone and card numbers, keys
leaks.py         prompts that an evaluation set holds
fingerprints.py  normal forms, shingles and MinHash bands, by which duplicates are found
near_duplicates.py  the filter of near duplicates
near.py          how they are found: rarest shingles, then the Jaccard index
semantic.py      embeddings of prompts, and duplicates in meaning
safety.py        prompts that a model calls unsafe

`prefline.config.FILTERS` names them; another package adds one by an entry point of the group
`prefline.filters` (CONTRIBUTING.md).
"""
