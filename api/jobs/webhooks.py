"""Webhooks: a POST to the operator's friends, signed as Standard Webhooks describe, and to nobody else.

A URL comes from a caller, so it may try to make the server call its own network. Therefore: HTTPS on port 443 to
hosts that the operator named; the name is resolved once, each address must be public, and the connection goes to that
very address (a second answer of the name server, "DNS rebinding", is never asked for); no redirects, no proxies.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import socket
import ssl
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from urllib.parse import urlsplit

from ...core.errors import InputError
from ..state.deliveries import Delivery

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class WebhookError(InputError):
    """A webhook's URL is not allowed, or its receiver did not take it."""


def check_url(url: str, hosts: Collection[str]) -> str:
    """The host of a URL that webhooks may go to. Raises WebhookError."""
    if not hosts:
        raise WebhookError("This server sends no webhooks.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise WebhookError("The webhook is no URL.") from error
    if parts.scheme != "https" or port not in (None, 443) or parts.username is not None or not url.isprintable():
        raise WebhookError("A webhook is an https URL on port 443 without a user name.")
    host = (parts.hostname or "").rstrip(".").lower()
    if host not in hosts:
        raise WebhookError("The operator of this server does not allow webhooks to that host.")
    return host


def is_public(address: Address) -> bool:
    """Whether an address belongs to the internet, also behind the ways in which IPv6 can hold an IPv4 address."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo and address.teredo[1])
        if inner is None and address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner:
            return is_public(inner)
    return address.is_global and not address.is_multicast


def resolve(host: str) -> list[str]:
    """The addresses of a host, as the system finds them. Raises OSError."""
    return list(dict.fromkeys(str(found[4][0]) for found in socket.getaddrinfo(host, 443, type=socket.SOCK_STREAM)))


def signature(secret: bytes, delivery_id: str, timestamp: int, body: str) -> str:
    """The header `webhook-signature`: HMAC-SHA256 over id, time and body (Standard Webhooks)."""
    signed = hmac.digest(secret, f"{delivery_id}.{timestamp}.{body}".encode(), hashlib.sha256)
    return f"v1,{base64.b64encode(signed).decode()}"


@dataclass(frozen=True)
class Courier:
    """Delivers webhooks. Everything that decides where a connection may go can be handed in.

    trust: default: the system's authorities, read for each delivery; most servers never need them.
    """

    hosts: frozenset[str]
    resolve: Callable[[str], list[str]] = resolve
    permitted: Callable[[Address], bool] = is_public
    trust: ssl.SSLContext | None = None
    port: int = 443
    seconds: float = 10.0

    def deliver(self, delivery: Delivery, secret: bytes) -> None:
        """Send one webhook. Raises WebhookError when it is not allowed or was not taken with a 2xx status."""
        import httpx  # 15 MB that a server without webhooks does not need

        host = check_url(delivery.url, self.hosts)
        trust = self.trust or ssl.create_default_context()
        address = self._address(host)
        parts = urlsplit(delivery.url)
        target = f"https://[{address}]" if ":" in address else f"https://{address}"
        target += f":{self.port}{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
        now = int(time.time())
        headers = {
            "Host": host,
            "Content-Type": "application/json",
            "webhook-id": delivery.id,
            "webhook-timestamp": str(now),
            "webhook-signature": signature(secret, delivery.id, now, delivery.body),
        }
        try:
            with (
                httpx.Client(verify=trust, trust_env=False, timeout=self.seconds) as client,
                client.stream(
                    "POST",
                    target,
                    content=delivery.body.encode(),
                    headers=headers,
                    extensions={"sni_hostname": host},
                ) as response,
            ):
                status = response.status_code  # its body is nobody's business
        except httpx.HTTPError as error:
            raise WebhookError(f"The webhook could not be delivered: {type(error).__name__}.") from error
        if not 200 <= status < 300:
            raise WebhookError(f"The webhook's receiver answered {status}.")

    def _address(self, host: str) -> str:
        try:
            found = self.resolve(host)
        except OSError as error:
            raise WebhookError("The webhook's host cannot be resolved.") from error
        # One forbidden address is enough: a name that mixes them is an attempt.
        if not found or not all(self.permitted(ipaddress.ip_address(one.split("%")[0])) for one in found):
            raise WebhookError("The webhook's host does not lie in the public internet.")
        return found[0]
