"""What the law says: dated rules and tables with their citations.

Invariant: pure.  Nothing here knows what day it is, what a policy promised, or where
data lives; a rule takes dates and answers with dates, reasons and sources.
"""
