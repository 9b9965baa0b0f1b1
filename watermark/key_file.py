"""Key files: a short TOML file, 0600 from its first byte, with the secret in the clear or under a passphrase."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import secrets
import stat
import tomllib
from contextlib import suppress
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from ..core.errors import EarwitnessError, InputError, UsageError
from ..core.text import printable
from .key import SECRET_BYTES, Key

_FORMAT = "earwitness watermark key"
_VERSION = 1
_HEAD = "# Who has this file can forge and remove the marks of this key. Never publish it; the id may be published.\n"
# scrypt (RFC 7914): 128 MiB and about half a second for each guess. A file may ask for four times that at most.
_COST = 2**17
_COSTS = range(2**14, 2**19 + 1)
_MOST_BYTES = 65536


def write_key(path: Path | str, key: Key, passphrase: bytes | None = None) -> None:
    """Write `key` to a new file that only its owner may read; with a passphrase, encrypted (scrypt, AES-256-GCM).

    The file appears whole or not at all. Raises UsageError when it exists already or the passphrase is empty,
    InputError when it cannot be written.
    """
    target = Path(path)
    name = printable(str(path))
    if passphrase is not None and not passphrase:
        raise UsageError("The passphrase is empty; leave it out for a key file without one.")
    text = _HEAD + _text(_fields(key, passphrase))
    temporary = target.with_name(f".{target.name[:40]}.{secrets.token_hex(8)}")
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        # A link, unlike a rename, fails when the name is taken.
        os.link(temporary, target)
    except FileExistsError:
        raise UsageError(f"{name!r} exists already and is not overwritten: lost keys cannot be made again.") from None
    except OSError as error:
        raise InputError(f"The key file {name!r} cannot be written: {error.strerror}.") from None
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def read_key(path: Path | str, passphrase: bytes | None = None) -> Key:
    """Read a file of `write_key`.

    Raises InputError when it is missing, readable by others than its owner, damaged, of a newer version, or
    encrypted and the passphrase is wrong or absent; UsageError for a passphrase that the file does not need.
    """
    name = printable(str(path))
    fields = _checked(_read(path, name), name)
    if "secret" in fields:
        if passphrase is not None:
            raise UsageError(f"The key file {name!r} is not encrypted; read it without a passphrase.")
        secret = _bytes(fields, "secret", name)
    elif passphrase is None:
        raise InputError(f"The key file {name!r} is encrypted; its passphrase is needed.")
    else:
        secret = _decrypted(fields, passphrase, name)
    if len(secret) != SECRET_BYTES:
        raise _damaged(name)
    key = Key(secret, fields["epoch"])
    if not hmac.compare_digest(key.id, fields["id"]):
        raise _damaged(name)
    return key


def _fields(key: Key, passphrase: bytes | None) -> dict[str, Any]:
    fields: dict[str, Any] = {"format": _FORMAT, "version": _VERSION, "id": key.id, "epoch": key.epoch}
    if passphrase is None:
        return fields | {"secret": _base64(key.secret)}
    salt, nonce = secrets.token_bytes(16), secrets.token_bytes(12)
    fields |= {"cipher": "scrypt-aes256gcm", "cost": _COST, "salt": _base64(salt), "nonce": _base64(nonce)}
    sealed = AESGCM(_stretched(passphrase, salt, _COST)).encrypt(nonce, key.secret, _bound(fields))
    return fields | {"sealed": _base64(sealed)}


def _text(fields: dict[str, Any]) -> str:
    # Every value is a number, a constant or base64, so that TOML needs no escaping.
    lines = [
        f'{name} = "{value}"' if isinstance(value, str) else f"{name} = {value}" for name, value in fields.items()
    ]
    return "\n".join([*lines, f'check = "{_check(fields)}"', ""])


def _check(fields: dict[str, Any]) -> str:
    """A checksum that tells a damaged file from a wrong passphrase; it protects against accidents only."""
    text = "\n".join(f"{name}={fields[name]}" for name in sorted(fields))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _bound(fields: dict[str, Any]) -> bytes:
    """What the cipher authenticates beside the secret."""
    return "|".join(str(fields[name]) for name in ("format", "version", "id", "epoch", "cipher", "cost")).encode()


def _stretched(passphrase: bytes, salt: bytes, cost: int) -> bytes:
    return Scrypt(salt=salt, length=32, n=cost, r=8, p=1).derive(passphrase)


def _read(path: Path | str, name: str) -> dict[str, Any]:
    try:
        with open(path, "rb") as file:
            info = os.fstat(file.fileno())
            # Windows keeps rights elsewhere and reports 0666 for every file.
            if os.name == "posix" and stat.S_IMODE(info.st_mode) & 0o077:
                raise InputError(f"Others may read the key file {name!r}; close it first: chmod 600.")
            text = file.read(_MOST_BYTES + 1)
    except FileNotFoundError:
        raise InputError(f"There is no key file {name!r}; 'earwitness watermark keygen' makes one.") from None
    except OSError as error:
        raise InputError(f"The key file {name!r} cannot be read: {error.strerror}.") from None
    try:
        if len(text) > _MOST_BYTES:
            raise _foreign(name)
        return tomllib.loads(text.decode("ascii"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError):
        # Their message would quote the line, which may be the secret's.
        raise _foreign(name) from None


def _checked(fields: dict[str, Any], name: str) -> dict[str, Any]:
    if fields.get("format") != _FORMAT:
        raise _foreign(name)
    if fields.get("version") != _VERSION:
        raise InputError(f"The key file {name!r} was written by a newer earwitness; use that one.")
    check = fields.pop("check", None)
    epoch, label = fields.get("epoch"), fields.get("id")
    if check != _check(fields) or not isinstance(epoch, int) or not isinstance(label, str):
        raise _damaged(name)
    return fields


def _decrypted(fields: dict[str, Any], passphrase: bytes, name: str) -> bytes:
    cost = fields.get("cost")
    if (
        fields.get("cipher") != "scrypt-aes256gcm"
        or not isinstance(cost, int)
        or cost not in _COSTS
        or cost & (cost - 1)
    ):
        raise _damaged(name)
    parts = {part: _bytes(fields, part, name) for part in ("salt", "nonce", "sealed")}
    try:
        stretched = _stretched(passphrase, parts["salt"], cost)
        return AESGCM(stretched).decrypt(parts["nonce"], parts["sealed"], _bound(fields))
    except InvalidTag:
        raise InputError(f"The passphrase is not the one of the key file {name!r}.") from None
    except ValueError:
        raise _damaged(name) from None


def _bytes(fields: dict[str, Any], part: str, name: str) -> bytes:
    try:
        return base64.b64decode(fields.get(part, ""), validate=True)
    except (TypeError, ValueError, binascii.Error):
        raise _damaged(name) from None


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _damaged(name: str) -> EarwitnessError:
    return InputError(f"The key file {name!r} is damaged; take a copy of it from your backup.")


def _foreign(name: str) -> EarwitnessError:
    return InputError(f"{name!r} is not a key file of earwitness.")
