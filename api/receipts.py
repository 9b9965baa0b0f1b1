"""Signed receipts: what was answered about which bytes, when, by which model; anyone can check it.

A receipt is RFC 8785 canonical JSON, signed with Ed25519 (RFC 8032) over a domain prefix and those bytes.
"""

from __future__ import annotations

import base64
import hashlib
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import Field

from ..core.errors import InputError, UsageError
from .schemas import Schema

TYPE: Literal["earwitness receipt v1"] = "earwitness receipt v1"
_PREFIX = f"{TYPE}\n".encode()


class Receipt(Schema):
    """A signed statement about one answer. `signature` covers all other members."""

    type: Literal["earwitness receipt v1"] = TYPE
    request_id: str
    time: str = Field(description="UTC, ISO 8601")
    sha256: str = Field(description="of the file as it was sent")
    result_sha256: str = Field(description="of `result` as RFC 8785 canonical JSON")
    model: dict[str, str] = Field(description="name, version and digest of what listened")
    key_id: str = Field(description="`kid` of the public key in GET /v1/keys")
    signature: str = Field(description="Ed25519 over 'earwitness receipt v1\\n' and the RFC 8785 JSON, base64url")


class PublicKey(Schema):
    """An Ed25519 public key as a JSON Web Key (RFC 8037)."""

    kty: Literal["OKP"] = "OKP"
    crv: Literal["Ed25519"] = "Ed25519"
    use: Literal["sig"] = "sig"
    alg: Literal["EdDSA"] = "EdDSA"
    kid: str
    x: str


class Signer:
    """Signs receipts, and makes secrets for webhooks, from one secret of the server."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._key = Ed25519PrivateKey.from_private_bytes(self.derive("receipts"))
        self.public_key = _jwk(self._key.public_key())

    @classmethod
    def at(cls, path: Path) -> Signer:
        """The signer whose secret lies at `path` (mode 0600), made when it is missing.

        Raises UsageError when others may read the file or it is damaged.
        """
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _make_once(path)
        if path.stat().st_mode & 0o077:
            raise UsageError(f"Others may read the secret {str(path)!r}: chmod 600 it, or replace it.")
        secret = path.read_bytes()
        if len(secret) != 32:
            raise UsageError(f"{str(path)!r} is damaged: the server's secret has 32 bytes.")
        return cls(secret)

    def derive(self, purpose: str) -> bytes:
        """32 bytes for one purpose, by HKDF-SHA256."""
        info = f"earwitness service\0{purpose}".encode()
        return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=info).derive(self._secret)

    def receipt(self, *, request_id: str, sha256: str, result: Any, model: dict[str, str]) -> Receipt:
        """The receipt of an answer. result: as JSON values."""
        members = {
            "type": TYPE,
            "request_id": request_id,
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
            "sha256": sha256,
            "result_sha256": digest(result),
            "model": model,
            "key_id": self.public_key.kid,
        }
        signature = self._key.sign(_PREFIX + rfc8785.dumps(members))  # type: ignore[arg-type]
        return Receipt.model_validate({**members, "signature": _base64(signature)})


def digest(result: Any) -> str:
    """Hex SHA-256 of JSON values in canonical form."""
    return hashlib.sha256(rfc8785.dumps(result)).hexdigest()


def check(receipt: Receipt, result: Any, keys: list[PublicKey]) -> None:
    """Raises InputError unless one of `keys` signed the receipt and it is about `result` (JSON values)."""
    key = next((key for key in keys if key.kid == receipt.key_id), None)
    if key is None:
        raise InputError(f"None of the public keys is {receipt.key_id!r}, which the receipt names.")
    members = receipt.model_dump(mode="json", exclude={"signature"})
    try:
        public = Ed25519PublicKey.from_public_bytes(_bytes(key.x))
        public.verify(_bytes(receipt.signature), _PREFIX + rfc8785.dumps(members))  # type: ignore[arg-type]
    except (InvalidSignature, ValueError) as error:
        raise InputError("The receipt's signature is wrong: it was changed, or another server made it.") from error
    if receipt.result_sha256 != digest(result):
        raise InputError("The receipt is about another result than this one.")


def _make_once(path: Path) -> None:
    """Several processes may start at once: whoever links its file first wins, and nobody sees half a secret."""
    if path.exists():
        return
    temporary = path.with_name(f".{path.name}-{os.getpid()}-{os.urandom(4).hex()}")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(os.urandom(32))
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, path)
    except FileExistsError:
        pass
    finally:
        temporary.unlink()


def _jwk(key: Ed25519PublicKey) -> PublicKey:
    raw = key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return PublicKey(kid=hashlib.sha256(raw).hexdigest()[:16], x=_base64(raw))


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
