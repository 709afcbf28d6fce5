"""`troth serve` starts soon, ends when told, and says in a sentence why it cannot."""

import re
import signal
import socket
import subprocess
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode

import psutil
import psycopg
import pytest

import story
from serving import TROTH, serving, troth
from shop_project import opened
from troth.ledger import lease, read
from troth.wiring import now

READY_SECONDS_MAX = 12  # a fault would show, and a busy machine has some room
MEMORY_BYTES_MAX = (
    136 * 2**20
)  # it takes 105 to 119 MiB here, the more where Python must compile what it imports

pytestmark = pytest.mark.slow


@pytest.fixture
def ledger(folder):
    """The ledger the servers write, seen from outside."""
    made = opened(folder, now)
    yield made.ledger
    made.ledger.close()


def ask(url, once, email="ada@example.org"):
    fields = {"right": "access", "email": email, "once": f"once-{once:020}"}
    message = urllib.request.Request(f"{url}/asked", urlencode(fields).encode())
    with urllib.request.urlopen(message, timeout=20) as answer:
        return answer.url


def within(seconds, found):
    """Wait until `found()` is true, for so many seconds at most."""
    until = time.monotonic() + seconds
    while not (seen := found()):
        assert time.monotonic() < until
        time.sleep(0.05)
    return seen


def test_it_is_ready_soon_and_stays_small(folder):
    with serving(folder) as server:
        assert server.ready_seconds < READY_SECONDS_MAX
        for page in ("/", "/ask", "/notice", "/notice/fr"):
            with urllib.request.urlopen(server.url + page, timeout=20) as answer:
                assert answer.status == 200
        ask(server.url, 1)
        assert psutil.Process(server.process.pid).memory_info().rss < MEMORY_BYTES_MAX
        assert f"Serving shop at {server.url}/" in server.log.read_text()


@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
def test_it_ends_when_told_and_lets_go_of_its_work(folder, ledger, told):
    with serving(folder) as server:
        within(10, lambda: not free(ledger))
        server.process.send_signal(told)
        assert server.process.wait(timeout=20) == 0
        log = server.log.read_text()
        assert "Traceback" not in log
        assert "Error" not in log
    assert free(ledger)


def free(ledger):
    """Say whether nobody holds the work of the worker inside a server."""
    taken = lease.claim(ledger, "worker/embedded", 30)
    if taken is not None:
        lease.release(ledger, taken)
    return taken is not None


def test_a_port_that_is_taken_is_a_sentence(folder):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        ended = subprocess.run(
            [*TROTH, "--project", str(folder), "serve", "--port", str(port)],
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip
    assert ended.returncode == 3
    assert ended.stdout == ""
    assert ended.stderr == (
        f"Nothing can listen at 127.0.0.1:{port}: another program does, or it is not allowed. "
        "Choose another --port.\n"
    )


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
def test_an_address_of_another_machine_is_a_sentence(folder, host):
    ended = subprocess.run(
        [*TROTH, "--project", str(folder), "serve", "--host", host],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 3
    assert ended.stderr.startswith(f"Nothing can listen at {host}:")


def test_a_port_that_is_none_is_a_sentence(folder):
    ended = subprocess.run(
        [*TROTH, "--project", str(folder), "serve", "--port", "99999"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 3
    assert ended.stderr.startswith("Nothing can listen at 127.0.0.1:99999:")


def test_port_0_takes_one_that_is_free_and_says_which(folder):
    with subprocess.Popen([*TROTH, "--project", str(folder), "serve", "--port", "0"],
                          stdout=subprocess.PIPE, text=True) as process:  # fmt: skip
        try:
            said = next(line for line in process.stdout if line.startswith("Serving"))
            url = re.search(r"http://127\.0\.0\.1:[1-9][0-9]*/", said)[0]
            assert urllib.request.urlopen(f"{url}health", timeout=10).status == 200
        finally:
            process.terminate()


def test_a_policy_with_a_mistake_is_told_before_anything_is_served(folder):
    policy = folder / "policy.md"
    policy.write_text(policy.read_text() + "\n```promise\nanswer: [\n```\n")
    ended = subprocess.run([*TROTH, "--project", str(folder), "serve", "--port", "0"],
                           capture_output=True, text=True, timeout=60)  # fmt: skip
    assert ended.returncode == 2
    assert "policy.md" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "Serving" not in ended.stdout


def test_two_servers_share_one_ledger(folder, ledger):
    with serving(folder) as one, serving(folder) as other:
        pages = [ask((one, other)[number % 2].url, number, f"p{number}@example.org") for number in range(6)]
        assert len(set(pages)) == 6
        numbers = sorted(state.body["id"].rpartition("-")[2] for state in read.states(ledger, "request"))
        assert numbers == [f"{number:04}" for number in range(1, 7)]
        for page in pages:  # each shows what the other wrote
            for server in (one, other):
                seen = urllib.request.urlopen(server.url + page[len(one.url) :], timeout=20).read().decode()
                assert "Your request reached us." in seen
    for server in (one, other):
        assert "Error" not in server.log.read_text()


@pytest.mark.postgresql
def test_two_servers_share_one_ledger_on_postgresql(folder, postgresql, postgresql_cluster):
    name = postgresql.partition("?")[0].rsplit("/", 1)[1] + "_keys"
    with psycopg.connect(postgresql_cluster, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    file = folder / "troth.toml"
    text = re.sub(r'(?m)^url = "[^"]*"', f'url = "{postgresql}"', file.read_text())
    keys = postgresql.replace(name.removesuffix("_keys"), name)
    file.write_text(re.sub(r'(?m)^keys = "[^"]*"', f'keys = "{keys}"', text))
    with serving(folder) as one, serving(folder) as other:
        with ThreadPoolExecutor(6) as asking:  # at the same moment, so that numbers are fought over
            urls = [(one, other)[number % 2].url for number in range(6)]
            addresses = [f"p{number}@example.org" for number in range(6)]
            pages = list(asking.map(ask, urls, range(1, 7), addresses))
        seen = {re.search(r"/follow/\d{4}-(\d{4})-", page)[1] for page in pages}
        assert seen == {f"{number:04}" for number in range(1, 7)}
        for page in pages:
            assert urllib.request.urlopen(one.url + page[len(one.url) :], timeout=20).status == 200
    for server in (one, other):
        assert "Error" not in server.log.read_text()
    with psycopg.connect(postgresql_cluster, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_when_one_server_dies_the_other_carries_on(folder, ledger):
    made = opened(folder, now)
    with serving(folder) as other:
        number = story.ask(made, "access")
        troth(folder, "request", "decide", number, "grant", "--staff", "marie")
        within(15, lambda: "package_built" in story.kinds(made, number))
        with serving(folder) as one:
            other.process.kill()
            other.process.wait()
            second = story.ask(made, "access", email="bob@example.org")
            troth(folder, "request", "decide", second, "grant", "--staff", "marie")
            within(30, lambda: "package_built" in story.kinds(made, second))
            assert one.process.poll() is None
    made.ledger.close()


def test_visitors_behind_a_proxy_are_told_apart(folder):
    def forms(url, visitor):
        """Ask as `visitor` until it is refused, 25 times at most."""
        for count in range(25):
            message = urllib.request.Request(
                f"{url}/asked", urlencode({"email": "x"}).encode(), {"X-Forwarded-For": visitor}
            )
            try:
                urllib.request.urlopen(message, timeout=20)
            except urllib.error.HTTPError as error:
                if error.code == 429:
                    return count
        return 25

    with serving(folder, "--no-worker", "--proxy", "127.0.0.1") as server:
        assert [forms(server.url, visitor) for visitor in ("203.0.113.1", "203.0.113.2")] == [20, 20]
    with serving(folder, "--no-worker") as server:  # without a proxy nobody's word counts
        assert [forms(server.url, visitor) for visitor in ("203.0.113.1", "203.0.113.2")] == [20, 0]
