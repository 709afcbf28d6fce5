"""The portal: ask, prove, follow, download; no account.

Invariant: the private address shows where a request stands and nothing more.  Letters and
answers open only in a browser where the code sent to the proven address was entered.
"""
