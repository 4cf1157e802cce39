"""What is kept out of the prompts, each for a named reason.

text.py      the form in which texts are compared; their tokens
faults.py    what one look at a prompt can tell: empty, too long, broken, in another language
personal.py  e-mail addresses, phone and card numbers, keys
listed.py    words that no prompt is to hold
leaks.py     what an evaluation set holds already
benchmarks.py  evaluation sets from their tables
same.py      duplicates but for letter case and white space
shingles.py  sets of word sequences, and their signatures
near.py      near duplicates, by MinHash and then exactly
semantic.py  duplicates in meaning, by embeddings
"""
