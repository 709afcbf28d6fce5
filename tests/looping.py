"""Running a coroutine in a thread of its own: that of the test may have a loop already, of a browser."""

import asyncio
from concurrent.futures import ThreadPoolExecutor


def run(going):
    """Run a coroutine to its end and return what it returns."""
    with ThreadPoolExecutor(1) as apart:
        return apart.submit(asyncio.run, going).result()
