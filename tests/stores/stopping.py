"""A place of a lake whose process is killed after so many of its operations: from then on nothing happens."""

MUTATING = ("offer", "withdraw", "swap", "drop", "sweep", "write_note", "drop_note")


class Killed(BaseException):
    """The process is gone."""


class Stopping:
    """A place that stops before one of its mutating operations, and stays stopped."""

    def __init__(self, place, after):
        self.place, self.left = place, after

    def __getattr__(self, name):
        found = getattr(self.place, name)
        if name not in MUTATING:
            return found

        def counted(*arguments, **more):
            if self.left <= 0:
                raise Killed
            self.left -= 1
            return found(*arguments, **more)

        return counted


def killed_everywhere(make, act, check, most=60):
    """Kill a step before each of its operations in turn, say it again, and check; return how many there were."""
    for after in range(most):
        world = make(after)
        try:
            act(world.stopping(after))
        except Killed:
            check(world, act(world.opened()))
            continue
        return after
    raise AssertionError("The step never came to its end.")
