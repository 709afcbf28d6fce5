"""What was promised: a document becomes clauses and promises.

Invariant: pure, and total.  Any text gives a value and a list of problems, never an
exception; nothing here reads a clock, a disk or a database.
"""
