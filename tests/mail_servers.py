"""A mail server of a test's own, that answers as it is told."""

from contextlib import contextmanager

from aiosmtpd.controller import Controller

from servers import free_port


class Answering:
    """Keeps what it takes; `mail`, `rcpt`, `data` are its answers to each command, where it is not to take it."""

    def __init__(self):
        self.mail = self.rcpt = self.data = None
        self.taken = []

    async def handle_MAIL(self, server, session, envelope, address, options):
        envelope.mail_from = address
        return self.mail or "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        if self.rcpt is None:
            envelope.rcpt_tos.append(address)
        return self.rcpt or "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if self.data is None:
            self.taken.append(envelope)
        return self.data or "250 taken"


@contextmanager
def answering():
    """Start a real mail server on a free port of this machine; `.handler` says how it answers."""
    controller = Controller(
        Answering(), hostname="127.0.0.1", port=free_port(), enable_SMTPUTF8=True, data_size_limit=1 << 20
    )
    controller.start()
    yield controller
    controller.stop()
