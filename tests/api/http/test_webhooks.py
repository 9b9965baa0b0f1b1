"""Webhooks: where they may go, what they carry, and that a name server's second answer changes nothing."""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from earwitness.api.jobs.secrets import webhook_secret_text
from earwitness.api.jobs.webhooks import Courier, WebhookError, check_url, is_public
from earwitness.api.receipts import Signer
from earwitness.api.state.deliveries import Delivery

from .conftest import serving

HOST = "hooks.example"
SECRET = b"s" * 32


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example/x",
        "https://hooks.example:8443/x",
        "https://user@hooks.example/x",
        "https://other.example/x",
        "https://hooks.example.attacker.example/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://localhost/",
        "ftp://hooks.example/",
        "file:///etc/passwd",
        "//hooks.example/",
        "https://hooks.example:port/",
        "https://hooks.example/\r\nX: y",
        "https://",
        "",
    ],
)
def test_only_https_to_hosts_that_the_operator_named(url: str) -> None:
    with pytest.raises(WebhookError):
        check_url(url, [HOST])


def test_allowed_urls() -> None:
    for url in (f"https://{HOST}/x?y=1", f"https://{HOST}:443", f"https://{HOST.upper()}/", f"https://{HOST}./"):
        assert check_url(url, [HOST]) == HOST
    with pytest.raises(WebhookError, match="no webhooks"):
        check_url(f"https://{HOST}/", [])


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1:248:1893:25c8:1946", True),
        ("127.0.0.1", False),
        ("127.8.8.8", False),
        ("0.0.0.0", False),
        ("10.0.0.1", False),
        ("172.16.5.4", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("198.18.0.1", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1", False),
        ("fc00::1", False),
        ("ff02::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:10.0.0.1", False),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b::a9fe:a9fe", False),
        ("2002:7f00:1::", False),
        ("2002:a00:1::", False),
        ("2001:db8::1", False),
    ],
)
def test_only_addresses_of_the_internet_are_public(address: str, public: bool) -> None:
    assert is_public(ipaddress.ip_address(address)) == public


@dataclass
class Receiver:
    """An HTTPS server for HOST on this machine, which notes what it gets."""

    port: int
    trust: ssl.SSLContext
    got: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    status: int = 200

    def courier(
        self, resolve: Callable[[str], list[str]] = lambda host: ["127.0.0.1"], permit: bool = True
    ) -> Courier:
        permitted = (lambda address: True) if permit else is_public
        return Courier(frozenset({HOST}), resolve, permitted, self.trust, self.port, seconds=5.0)


def certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOST)])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    cert, private = folder / "cert.pem", folder / "key.pem"
    cert.write_bytes(built.public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.PKCS8
    private.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    return cert, private


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    cert, private = certificate(tmp_path)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            one.got.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(one.status)
            if one.status in {301, 302, 307}:
                self.send_header("Location", f"https://127.0.0.1:{one.port}/elsewhere")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, private)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    one = Receiver(server.server_address[1], ssl.create_default_context(cafile=str(cert)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield one
    server.shutdown()
    server.server_close()


def delivery(url: str = f"https://{HOST}/hook?x=1") -> Delivery:
    return Delivery("d" * 32, "j" * 32, url, "key", '{"job": "j"}', 0)


def test_a_webhook_is_signed_as_standard_webhooks_say(receiver: Receiver) -> None:
    receiver.courier().deliver(delivery(), SECRET)
    ((path, headers, body),) = receiver.got
    assert path == "/hook?x=1" and headers["host"] == HOST and json.loads(body) == {"job": "j"}
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(SECRET, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 10
    text = webhook_secret_text(Signer(b"x" * 32), "key")
    assert text.startswith("whsec_") and len(base64.b64decode(text.removeprefix("whsec_"))) == 32


@pytest.mark.parametrize(
    "found", [["127.0.0.1"], ["93.184.216.34", "10.0.0.1"], ["::ffff:127.0.0.1"], ["fe80::1%eth0"], []]
)
def test_names_of_inner_addresses_are_refused(receiver: Receiver, found: list[str]) -> None:
    with pytest.raises(WebhookError, match="public"):
        receiver.courier(lambda host: found, permit=False).deliver(delivery(), SECRET)
    assert receiver.got == []


def test_dns_rebinding_does_not_move_the_connection(receiver: Receiver) -> None:
    """The first answer is used for the check and for the connection; a second one is never asked for."""
    answers = [["127.0.0.1"], ["10.0.0.1"], ["10.0.0.1"]]
    asked: list[str] = []

    def resolve(host: str) -> list[str]:
        asked.append(host)
        return answers[len(asked) - 1]

    receiver.courier(resolve).deliver(delivery(), SECRET)
    assert asked == [HOST] and len(receiver.got) == 1


def test_redirects_are_not_followed(receiver: Receiver) -> None:
    receiver.status = 307
    with pytest.raises(WebhookError, match="307"):
        receiver.courier().deliver(delivery(), SECRET)
    assert len(receiver.got) == 1


def test_another_servers_certificate_is_refused(receiver: Receiver) -> None:
    courier = receiver.courier()
    with pytest.raises(WebhookError, match="delivered"):
        Courier(courier.hosts, courier.resolve, courier.permitted, port=courier.port).deliver(delivery(), SECRET)
    assert receiver.got == []


def test_a_job_tells_its_webhook_until_it_is_taken(receiver: Receiver, tmp_path: Path, clip: Path) -> None:
    receiver.status = 503
    with serving(tmp_path / "home", receiver.courier(), webhook_hosts=(HOST,)) as server:
        headers = server.key("me", "detect")
        url = f"https://{HOST}/hook"
        response = server.detect(clip, headers, webhook=url)
        assert response.status_code == 202
        end = time.monotonic() + 20
        while len(receiver.got) < 2 and time.monotonic() < end:
            if receiver.got:
                receiver.status = 200
            time.sleep(0.1)
        job = server.wait(response.json()["id"], headers)
        bodies = {body for _, _, body in receiver.got}
        assert bodies == {f'{{"job": "{job["id"]}", "state": "done"}}'.encode()}
        assert len({headers["webhook-id"] for _, headers, _ in receiver.got}) == 1
        time.sleep(3)
        assert len(receiver.got) == 2, "what was taken is not sent again"
        for wrong in ("https://10.0.0.1/", "http://hooks.example/", "https://other.example/"):
            assert server.detect(clip, headers, webhook=wrong).status_code == 422


def test_webhooks_are_off_by_default(guarded: object, clip: Path) -> None:
    headers = guarded.key("me", "detect")  # type: ignore[attr-defined]
    response = guarded.detect(clip, headers, webhook=f"https://{HOST}/")  # type: ignore[attr-defined]
    assert response.status_code == 422 and "no webhooks" in response.json()["detail"]
