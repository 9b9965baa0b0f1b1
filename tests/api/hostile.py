"""Files that try to break whoever opens them: not sound, not whole, or not as long as they claim."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from earwitness.core.audio import Audio, save

Encode = Callable[..., Path]


def no_sound(port: int = 9) -> dict[str, bytes]:
    """Contents by name that nothing can be heard in. port: of this machine, where playlists want their parts from."""
    url = f"http://127.0.0.1:{port}/part.ts"
    return {
        "empty.wav": b"",
        "short.wav": b"hello",
        "text.wav": b"This is a text, not a sound.\n" * 2000,
        "text.mp3": b"This is a text, not a sound.\n" * 2000,
        "zeros.wav": bytes(100_000),
        "noise.flac": np.random.default_rng(0).bytes(100_000),
        "riff.wav": b"RIFF\x00\x00\x00\x00WAVE",
        "flac.flac": b"fLaC" + bytes(50),
        "page.mp4": b"<!doctype html><title>404</title>",
        "rate.wav": _wav(bytes(2000), 2000, rate=3),
        "list.m3u8": f"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{url}\n#EXT-X-ENDLIST\n".encode(),
        "list.mp3": f"#EXTM3U\n#EXTINF:5,\n{url}\n".encode(),
        "concat.txt": b"ffconcat version 1.0\nfile '/etc/passwd'\n",
        "session.sdp": f"v=0\nc=IN IP4 127.0.0.1\nm=audio {port} RTP/AVP 0\n".encode(),
        "dash.mpd": f'<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>{url}</BaseURL></MPD>'.encode(),
        "imf.xml": f"<CompositionPlaylist><Id>{url}</Id></CompositionPlaylist>".encode(),
    }


def endless(folder: Path, encode: Encode) -> dict[str, bytes]:
    """Two seconds of sound each, whose headers claim days or years."""
    sound = Audio((0.1 * np.random.default_rng(0).standard_normal((1, 32000))).astype(np.float32), 16000)
    for name in ("a.flac", "a.opus", "a.ogg"):
        save(folder / name, sound)
    files = {"data.wav": _wav(sound.samples.astype("<f4").tobytes(), 0xFFFFFFFF)}

    flac = bytearray((folder / "a.flac").read_bytes())
    flac[21] |= 0x0F
    flac[22:26] = b"\xff" * 4  # 36 bits count the samples: 49 days
    files["samples.flac"] = bytes(flac)

    for name in ("a.opus", "a.ogg"):
        ogg = bytearray((folder / name).read_bytes())
        last = ogg.rindex(b"OggS")
        ogg[last + 6 : last + 14] = struct.pack("<q", 2**62)
        _reseal(ogg, last)
        files[f"granule.{name[2:]}"] = bytes(ogg)

    mp3 = bytearray(encode(folder / "a.mp3", "mp3", 16000, sound.samples[0]).read_bytes())
    tag = max(mp3.find(b"Xing"), mp3.find(b"Info"))
    mp3[tag + 8 : tag + 12] = b"\xff" * 4
    files["frames.mp3"] = bytes(mp3)

    mp4 = encode(folder / "a.mp4", "aac", 16000, sound.samples[0]).read_bytes()
    files["duration.mp4"] = _boxed(mp4, {b"mvhd": 16, b"mdhd": 16, b"tkhd": 20})
    files["entries.mp4"] = _boxed(mp4, {b"stts": 4})
    files["samples.mp4"] = _boxed(mp4, {b"stts": 8, b"stsz": 8})
    files["sizes.mp4"] = _boxed(mp4, {b"mdat": -8})
    return files


def _boxed(mp4: bytes, places: dict[bytes, int]) -> bytes:
    """Write the largest number so many bytes behind the name of each box."""
    data = bytearray(mp4)
    for name, offset in places.items():
        start = data.index(name) + 4 + offset
        data[start : start + 4] = b"\x7f\xff\xff\xff"
    return bytes(data)


def _reseal(data: bytearray, page: int) -> None:
    data[page + 22 : page + 26] = bytes(4)
    crc = 0
    for byte in data[page:]:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 & 0xFFFFFFFF) ^ (0x04C11DB7 if crc >> 31 else 0)
    data[page + 22 : page + 26] = crc.to_bytes(4, "little")


def _wav(data: bytes, claim: int, rate: int = 16000) -> bytes:
    """A 16-bit mono WAV whose header claims `claim` bytes of samples."""
    riff = struct.pack("<4sI4s", b"RIFF", min(claim + 36, 2**32 - 1), b"WAVE")
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate, 2 * rate, 2, 16)
    return riff + form + struct.pack("<4sI", b"data", claim) + data


def put(folder: Path, files: dict[str, Any]) -> list[Path]:
    """Write the contents as files."""
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return [folder / name for name in files]
