"""What Troth does: one verb per module.

Invariant: the ledger is the only memory.  A step is done when its event is there, so
any work may be cut short anywhere and started again.
"""
