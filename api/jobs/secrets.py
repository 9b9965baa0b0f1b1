"""The secrets of webhooks: derived from the server's, so that none has to be stored."""

from __future__ import annotations

import base64

from ..receipts import Signer


def webhook_secret(signer: Signer, key_id: str) -> bytes:
    """The secret with which webhooks for an API key are signed."""
    return signer.derive(f"webhook {key_id}")


def webhook_secret_text(signer: Signer, key_id: str) -> str:
    """The same as receivers take it (Standard Webhooks)."""
    return f"whsec_{base64.b64encode(webhook_secret(signer, key_id)).decode()}"
