"""Secret keys of the mark: made, kept in files that only their owner reads, and split into purposes and tenants."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ..core.errors import UsageError

SECRET_BYTES = 32
_SALT = b"earwitness watermark key 1"
_MOST_BYTES = 255 * 32  # HKDF with SHA-256 gives no more


@dataclass(frozen=True, repr=False)
class Key:
    """A secret of the mark. Its repr and its text show the id, never the secret.

    secret: 32 bytes. epoch: 0 .. 2**32 - 1, raised when the owner moves on to other sub-keys of one secret.
    Raises UsageError for other lengths and epochs. A pickle holds the secret, because worker processes need it.
    """

    secret: bytes
    epoch: int = 0

    def __post_init__(self) -> None:
        if len(self.secret) != SECRET_BYTES:
            raise UsageError(f"A key's secret has {SECRET_BYTES} bytes, not {len(self.secret)}.")
        if not 0 <= self.epoch < 2**32:
            raise UsageError(f"A key's epoch is 0 to {2**32 - 1}, not {self.epoch}.")

    def __repr__(self) -> str:
        return f"Key(id={self.id!r}, epoch={self.epoch})"

    @property
    def id(self) -> str:
        """16 hex digits that name the key and its epoch; they tell nothing about the secret."""
        tag = hmac.new(self.secret, b"earwitness key id\0" + self._epoch(), hashlib.sha256)
        return tag.hexdigest()[:16]

    def derive(self, purpose: str, length: int = 32) -> bytes:
        """`length` (1 to 8160) bytes for one purpose, by HKDF-SHA256 (RFC 5869); none tells of another."""
        return self._expand(b"purpose\0" + purpose.encode(), length)

    def tenant(self, name: str) -> Key:
        """The sub-key of a tenant, same epoch: who holds it can neither find this key nor another tenant's.

        Raises UsageError for an empty name.
        """
        if not name:
            raise UsageError("A tenant needs a name.")
        return Key(self._expand(b"tenant\0" + name.encode(), SECRET_BYTES), self.epoch)

    def _expand(self, label: bytes, length: int) -> bytes:
        if not 1 <= length <= _MOST_BYTES:
            raise UsageError(f"1 to {_MOST_BYTES} bytes can be derived at once, not {length}.")
        # The epoch has a fixed length at the end, so that no two (label, epoch) give the same info.
        info = label + b"\0" + self._epoch()
        return HKDF(SHA256(), length, _SALT, info).derive(self.secret)

    def _epoch(self) -> bytes:
        return self.epoch.to_bytes(4, "big")


def generate() -> Key:
    """A new key of 256 random bits from the operating system."""
    return Key(secrets.token_bytes(SECRET_BYTES))
