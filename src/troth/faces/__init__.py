"""Ways in: they translate and decide nothing.

Invariant: a face that grows an `if` about people, purposes or dates has a line that
belongs one floor down.
"""
