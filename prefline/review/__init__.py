"""The local web page: people review pairs blind, browse the tables, and watch a run.

`server` checks who asks and listens; `desk` says which pair a reviewer sees next, and `answer_log`
keeps what they say; `browse` and `watch` answer questions about the tables and about a run.
"""
