"""Convolutions and blocks that the models share. Signals are (batch, channels, time)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class PadConv1d(nn.Module):
    """Convolution whose output has ceil(n / stride) steps; causal ones pad on the left only.

    mode "constant" pads with zeros, "reflect" with the mirrored signal.
    """

    def __init__(
        self,
        inner: int,
        outer: int,
        kernel: int,
        *,
        stride: int = 1,
        dilation: int = 1,
        groups: int = 1,
        causal: bool = True,
        mode: str = "constant",
    ) -> None:
        super().__init__()
        self.mode = mode
        self.conv = nn.Conv1d(inner, outer, kernel, stride, dilation=dilation, groups=groups)
        extra = dilation * (kernel - 1) - (stride - 1)
        self.pad = (extra, 0) if causal else (extra // 2, extra - extra // 2)

    def forward(self, x: Tensor) -> Tensor:
        if self.mode == "reflect" and x.shape[-1] <= max(self.pad):
            return self._short(x)
        y: Tensor = self.conv(F.pad(x, self.pad, mode=self.mode))
        return y

    def _short(self, x: Tensor) -> Tensor:
        """A signal too short to be mirrored is lengthened by zeros first and cut after (EnCodec's pad1d)."""
        extra = max(self.pad) - x.shape[-1] + 1
        padded = F.pad(F.pad(x, (0, extra)), self.pad, mode=self.mode)
        y: Tensor = self.conv(padded[..., : padded.shape[-1] - extra])
        return y


class PadConvT1d(nn.Module):
    """Transposed convolution whose output has n * stride steps; kernel 2 * stride, trimmed."""

    def __init__(self, inner: int, outer: int, stride: int, *, causal: bool = True) -> None:
        super().__init__()
        self.conv = nn.ConvTranspose1d(inner, outer, 2 * stride, stride)
        self.left = 0 if causal else stride // 2
        self.right = stride - self.left

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(x)
        return y[..., self.left : y.shape[-1] - self.right]


class ResUnit(nn.Module):
    """SEANet residual unit: ELU, dilated conv, ELU, 1x1 conv, identity skip (SoundStream, section III)."""

    def __init__(self, channels: int, dilation: int, *, kernel: int = 7, causal: bool = True) -> None:
        super().__init__()
        self.wide = PadConv1d(channels, channels, kernel, dilation=dilation, causal=causal)
        self.point = nn.Conv1d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.point(F.elu(self.wide(F.elu(x))))
        return x + y


class ResponseNorm(nn.Module):
    """Global response normalisation over time (Woo et al. 2023, ConvNeXt V2, eq. 1-3): (batch, time, channels)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.zeros(channels))
        self.shift = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        size = x.square().sum(1, keepdim=True).add(1e-12).sqrt()
        share = size / (size.mean(-1, keepdim=True) + 1e-6)
        return x + self.gain * (x * share) + self.shift


class ConvNeXt1d(nn.Module):
    """ConvNeXt block: depthwise conv, LayerNorm over channels, expand, GELU, contract, LayerScale, skip.

    Liu et al. 2022, one-dimensional as in Vocos (Siuzdak 2023). `response` puts ConvNeXt V2's normalisation after
    the GELU; it looks at the whole signal, so such a block is not causal.
    """

    def __init__(
        self,
        channels: int,
        hidden: int,
        *,
        kernel: int = 7,
        causal: bool = False,
        scale: float = 0.125,
        response: bool = False,
    ) -> None:
        super().__init__()
        self.mix = PadConv1d(channels, channels, kernel, groups=channels, causal=causal)
        self.norm = nn.LayerNorm(channels)
        self.expand = nn.Linear(channels, hidden)
        self.response = ResponseNorm(hidden) if response else nn.Identity()
        self.contract = nn.Linear(hidden, channels)
        self.scale = nn.Parameter(torch.full((channels,), scale))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.point(self.mix(x))

    def point(self, mixed: Tensor) -> Tensor:
        """All that follows the depthwise convolution, each frame by itself: (batch, channels, n) kept."""
        y: Tensor = self.norm(mixed.transpose(1, 2))
        y = self.scale * self.contract(self.response(F.gelu(self.expand(y))))
        return y.transpose(1, 2)


class ConvNeXtStack(nn.Module):
    """Conv in, LayerNorm, ConvNeXt blocks, LayerNorm, linear out: (batch, inner, n) -> (batch, outer, n).

    `between` is put after the first convolution and keeps its shape.
    """

    def __init__(
        self,
        inner: int,
        channels: int,
        hidden: int,
        layers: int,
        outer: int,
        *,
        kernel: int = 7,
        causal: bool,
        response: bool = False,
        between: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.inlet = PadConv1d(inner, channels, kernel, causal=causal)
        self.between = between or nn.Identity()
        self.norm_in = nn.LayerNorm(channels)
        self.blocks = nn.Sequential(
            *(
                ConvNeXt1d(channels, hidden, kernel=kernel, causal=causal, scale=1 / layers, response=response)
                for _ in range(layers)
            )
        )
        self.norm_out = nn.LayerNorm(channels)
        self.outlet = nn.Linear(channels, outer)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm_in(self.between(self.inlet(x)).transpose(1, 2)).transpose(1, 2)
        y: Tensor = self.outlet(self.norm_out(self.blocks(x).transpose(1, 2)))
        return y.transpose(1, 2)


def keep_variance(module: nn.Module) -> nn.Module:
    """Start convolutions so that they neither shrink nor grow a signal (LeCun et al. 1998), biases at zero.

    torch's default shrinks it by 1.7 at each layer: through a dozen layers without norms nothing is left to learn
    from.
    """
    for layer in module.modules():
        if isinstance(layer, nn.ConvTranspose1d):
            taps = layer.kernel_size[0] // layer.stride[0]
            nn.init.normal_(layer.weight, std=(layer.in_channels * taps) ** -0.5)
        elif isinstance(layer, nn.Conv1d):
            nn.init.normal_(layer.weight, std=(layer.in_channels // layer.groups * layer.kernel_size[0]) ** -0.5)
        if isinstance(layer, nn.Conv1d | nn.ConvTranspose1d) and layer.bias is not None:
            nn.init.zeros_(layer.bias)
    return module


def seanet_encoder(channels: int, strides: Sequence[int], dilations: Sequence[int], latent: int) -> nn.Sequential:
    """SEANet encoder: (batch, 1, n) -> (batch, latent, n / prod(strides)). Channels double at each stride."""
    layers: list[nn.Module] = [PadConv1d(1, channels, 7)]
    for stride in strides:
        layers += [ResUnit(channels, dilation) for dilation in dilations]
        layers += [nn.ELU(), PadConv1d(channels, 2 * channels, 2 * stride, stride=stride)]
        channels *= 2
    return nn.Sequential(*layers, nn.ELU(), PadConv1d(channels, latent, 3))


def seanet_decoder(channels: int, strides: Sequence[int], dilations: Sequence[int], latent: int) -> nn.Sequential:
    """Mirror of `seanet_encoder`, its strides given in the encoder's order: (batch, latent, f) -> (batch, 1, n)."""
    width = channels * 2 ** len(strides)
    layers: list[nn.Module] = [PadConv1d(latent, width, 7)]
    for stride in reversed(strides):
        layers += [nn.ELU(), PadConvT1d(width, width // 2, stride)]
        width //= 2
        layers += [ResUnit(width, dilation) for dilation in dilations]
    return nn.Sequential(*layers, nn.ELU(), PadConv1d(width, 1, 7))
