"""Stage `judge`: which of two responses is better, by any number of judges.

    comparisons.py      two responses to one prompt, in the order in which a judge sees them
    pairs.py            which pairs are worth judging, and why the others are not
    attacks/            responses that are meant for the judge and not for the reader
    refusals.py         responses that refuse
    context.py          what a judge is given besides the answers: files, examples, seed
    self_preference.py  judges that are asked about answers of their own family
    methods/            one module per judging method, each a plug-in
    imported_table.py   verdicts that others gave, in columns
    prompt_template.py  the prompt in which a model sees two answers
    verdict_parser.py   what a model's reply means
    calls.py            calls to a model, and which verdict pays for them
    results.py          verdicts as rows of `judgments`
    jobs.py             which judge is asked about which pair, in which order
    adaptive/           which further questions are worth their cost
    batches.py          what is asked in turn: everything at once, or adaptively
    metrics.py          what a run measures of its judges

Import from the modules: this package imports none of them, since reading params imports the
methods that they name.
"""
