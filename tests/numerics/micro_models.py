#!/usr/bin/env python3
"""Networks of a few nodes against ONNX Runtime: an operator of PyTorch in each.

    micro_models.py bitsink                          # exported without options
    micro_models.py bitsink --exporter dynamo-23     # in opset 23, which has Attention and RMSNormalization

Each operator stands between a convolution and a linear layer. For the verdicts see verdicts.py."""
import contextlib
import functools
import sys

from common import require
from torch_export import randomise, write_onnx
from verdicts import Export, arguments, table, write_images

np, torch, _ = require("numpy", "torch", "onnxscript")
nn, F = torch.nn, torch.nn.functional
torch.backends.mha.set_fastpath_enabled(False)  # which the older exporter does not know

SIDE, CHANNELS = 16, 8


def interpolate(**options):
    return lambda: lambda x: F.interpolate(x, **options)


def tokens(x):
    """(N, C, H, W) as (N, H * W, C)"""
    return x.flatten(2).transpose(1, 2)


class OnTokens(nn.Module):
    """A layer of tokens, as one of images."""

    def __init__(self, layer, call=lambda layer, t: layer(t)):
        super().__init__()
        self.layer, self.call = layer, call

    def forward(self, x):
        return self.call(self.layer, tokens(x))


def heads(x):
    """(N, 2 heads, H * W, C / 2)"""
    return tokens(x).unflatten(2, (2, CHANNELS // 2)).transpose(1, 2)


def causal(x):
    t = heads(x)
    return F.scaled_dot_product_attention(t, t * 2, t, is_causal=True)


def attention(x):
    t = heads(x)
    return F.scaled_dot_product_attention(t, t + 0.5, t)


def masked(x):
    t = heads(x)
    mask = torch.ones(SIDE * SIDE, SIDE * SIDE, dtype=torch.bool).tril(3)
    return F.scaled_dot_product_attention(t, t, t, attn_mask=mask)


def biased(x):
    t = heads(x)
    bias = torch.linspace(-1, 1, SIDE * SIDE).expand(SIDE * SIDE, -1)
    return F.scaled_dot_product_attention(t, t, t, attn_mask=bias, scale=0.3)


def self_attention(layer, t):
    return layer(t, t, t, need_weights=False)[0]


def windows(x):
    """Windows of 4 x 4 in the batch axis, attention within each, and back."""
    n, c, h, w = x.shape
    t = x.view(n, c, h // 4, 4, w // 4, 4).permute(0, 2, 4, 3, 5, 1).reshape(-1, 16, c)
    t = (t @ t.transpose(1, 2)).softmax(-1) @ t
    return t.view(n, h // 4, w // 4, 4, 4, c).permute(0, 5, 1, 3, 2, 4).reshape(n, c, h, w)


def standardised():
    """A convolution whose weight is normalised in each call."""
    layer = nn.Conv2d(CHANNELS, CHANNELS, 3)
    return Calling(layer, lambda c, x: F.conv2d(x, F.batch_norm(
        c.weight.reshape(1, CHANNELS, -1), None, None, training=True).reshape_as(c.weight), c.bias))


class Calling(nn.Module):
    def __init__(self, layer, call):
        super().__init__()
        self.layer, self.call = layer, call

    def forward(self, x):
        return self.call(self.layer, x)


def mean_of_two(x):
    return torch.stack([x, x.roll(1, 3)]).mean(0)


def loop(x):
    for i in range(3):
        x = x + i * x.roll(i, 2)
    return x


def assigned(x):
    y = x.clone()
    y[:, 2, 3:6] = 0.5
    return y


# name: makes the layer or function of (N, C, H, W)
OPERATORS = {
    # windows and sizes
    "nearest": interpolate(scale_factor=2, mode="nearest"),
    "nearest_size": interpolate(size=(11, 23), mode="nearest"),
    "nearest_exact": interpolate(scale_factor=1.5, mode="nearest-exact"),
    "bilinear": interpolate(scale_factor=2, mode="bilinear"),
    "bilinear_corners": interpolate(size=(9, 21), mode="bilinear", align_corners=True),
    "bilinear_antialias": interpolate(size=(7, 9), mode="bilinear", antialias=True),
    "bicubic": interpolate(scale_factor=1.7, mode="bicubic"),
    "bicubic_corners": interpolate(size=(9, 21), mode="bicubic", align_corners=True),
    "bicubic_antialias": interpolate(size=(7, 20), mode="bicubic", antialias=True),
    "area": interpolate(size=(8, 8), mode="area"),
    "adaptive_avg_pool": lambda: nn.AdaptiveAvgPool2d((4, 8)),
    "adaptive_avg_pool_odd": lambda: nn.AdaptiveAvgPool2d((5, 3)),
    "adaptive_max_pool": lambda: nn.AdaptiveMaxPool2d(4),
    "max_pool_ceil": lambda: nn.MaxPool2d(3, 2, ceil_mode=True),
    "max_pool_dilated": lambda: nn.MaxPool2d(3, 1, padding=1, dilation=2),
    "avg_pool_ceil": lambda: nn.AvgPool2d(3, 2, padding=1, ceil_mode=True),
    "avg_pool_exclude": lambda: nn.AvgPool2d(3, 2, padding=1, count_include_pad=False),
    "lp_pool": lambda: nn.LPPool2d(2, 2),
    "pixel_shuffle": lambda: nn.PixelShuffle(2),
    "pixel_unshuffle": lambda: nn.PixelUnshuffle(2),
    "channel_shuffle": lambda: nn.ChannelShuffle(4),
    "unfold": lambda: nn.Unfold(3, padding=1, stride=2),
    "reflect": lambda: nn.ReflectionPad2d(2),
    "replicate": lambda: nn.ReplicationPad2d((1, 2, 3, 0)),
    "circular": lambda: nn.CircularPad2d(1),
    "grid_sample": lambda: lambda x: F.grid_sample(x, F.affine_grid(torch.tensor([[[1, .2, 0], [0, .9, .1]]]), x[:1].shape)),
    # convolutions
    "conv1d": lambda: Calling(nn.Conv1d(CHANNELS, 6, 5, stride=2, padding=2), lambda c, x: c(x.flatten(2))),
    "conv1d_channels": lambda: Calling(nn.Conv1d(1, 1, 3, padding=1), lambda c, x: x * c(
        x.mean((2, 3)).unsqueeze(1)).sigmoid().transpose(1, 2).unsqueeze(3)),
    "conv3d": lambda: Calling(nn.Conv3d(1, 2, 3), lambda c, x: c(x.unsqueeze(1))),
    "conv_transpose": lambda: nn.ConvTranspose2d(CHANNELS, 4, 3, stride=2),
    "conv_same": lambda: nn.Conv2d(CHANNELS, 4, (3, 5), padding="same", dilation=2),
    "conv_circular": lambda: nn.Conv2d(CHANNELS, 4, 3, padding=1, padding_mode="circular"),
    "conv_reflect": lambda: nn.Conv2d(CHANNELS, 4, 3, padding=1, padding_mode="reflect"),
    "weight_norm": lambda: nn.utils.parametrizations.weight_norm(nn.Conv2d(CHANNELS, 4, 3)),
    "weight_standardised": standardised,
    # normalisation
    "batch_norm": lambda: nn.BatchNorm2d(CHANNELS),
    "group_norm": lambda: nn.GroupNorm(4, CHANNELS),
    "group_norm_1": lambda: nn.GroupNorm(1, CHANNELS),
    "instance_norm": lambda: nn.InstanceNorm2d(CHANNELS, affine=True),
    "layer_norm": lambda: OnTokens(nn.LayerNorm(CHANNELS)),
    "layer_norm_image": lambda: nn.LayerNorm([CHANNELS, SIDE, SIDE]),
    "rms_norm": lambda: OnTokens(nn.RMSNorm(CHANNELS)),
    "rms_norm_image": lambda: nn.RMSNorm([SIDE, SIDE], eps=1e-5),
    "local_response": lambda: nn.LocalResponseNorm(5),
    "normalize": lambda: lambda x: F.normalize(x, dim=1),
    "cosine": lambda: lambda x: F.cosine_similarity(x, x.roll(1, 1), dim=1),
    # attention
    "attention": lambda: attention,
    "attention_causal": lambda: causal,
    "attention_masked": lambda: masked,
    "attention_biased": lambda: biased,
    "multihead": lambda: OnTokens(nn.MultiheadAttention(CHANNELS, 2, batch_first=True), self_attention),
    "encoder_layer": lambda: OnTokens(nn.TransformerEncoderLayer(CHANNELS, 2, 16, batch_first=True)),
    "windows": lambda: windows,
    "einsum_matmul": lambda: lambda x: torch.einsum("nchw,ncwk->nchk", x, x),
    "einsum_heads": lambda: lambda x: torch.einsum("bhid,bhjd->bhij", heads(x)[:, :, ::4], heads(x)[:, :, 1::4]),
    "einsum_sum": lambda: lambda x: torch.einsum("nchw->nc", x),
    "einsum_outer": lambda: lambda x: torch.einsum("nc,nd->ncd", x.mean((2, 3)), x.amax((2, 3))),
    "bilinear_layer": lambda: Calling(nn.Bilinear(CHANNELS, CHANNELS, 5), lambda b, x: b(tokens(x), tokens(x) + 1)),
    "lstm": lambda: Calling(nn.LSTM(CHANNELS, 4, batch_first=True), lambda r, x: r(tokens(x))[0]),
    "gru": lambda: Calling(nn.GRU(CHANNELS, 4, batch_first=True), lambda r, x: r(tokens(x))[0]),
    "embedding": lambda: Calling(nn.Embedding(SIDE * SIDE, CHANNELS), lambda e, x: tokens(x) + e(
        torch.arange(SIDE * SIDE)[None])),
    # element-wise
    "where": lambda: lambda x: torch.where(x > 0.1, x, x * x - 1),
    "comparisons": lambda: lambda x: (x >= 0).float() + (x < 0.5) * x + (x <= -0.2).to(x.dtype) + (x != 0),
    "logical": lambda: lambda x: torch.where((x > 0) & ~(x > 0.5) | (x < -0.5), x, x / 3),
    "logical_xor": lambda: lambda x: ((x > 0) ^ (x.roll(1, 3) > 0)) * x,
    "masked_fill": lambda: lambda x: x.masked_fill(x < 0, -3.0),
    "maximum": lambda: lambda x: torch.maximum(x, x.roll(1, 2)) - torch.minimum(x, -x),
    "isnan": lambda: lambda x: torch.where(torch.isnan(x) | torch.isinf(x), 0.0, x),
    "nan_to_num": lambda: lambda x: torch.nan_to_num(x),
    "round": lambda: lambda x: torch.round(4 * x),
    "sign": lambda: lambda x: torch.sign(x) * x.abs().sqrt(),
    "floor_trunc": lambda: lambda x: torch.floor(3 * x) + torch.trunc(5 * x) + torch.ceil(2 * x),
    "remainder": lambda: lambda x: torch.remainder(x, 0.3) + torch.fmod(x, 0.7),
    "floor_divide": lambda: lambda x: torch.div(x, 0.2, rounding_mode="floor"),
    "pow_int": lambda: lambda x: x ** 3 + x.pow(2),
    "pow_tensor": lambda: lambda x: x.abs() ** torch.tensor(2),
    "pow_float": lambda: lambda x: (x.abs() + 0.1) ** 1.7,
    "base_of_pow": lambda: lambda x: 2.0 ** x,
    "rsqrt": lambda: lambda x: torch.rsqrt(x * x + 1),
    "trigonometry": lambda: lambda x: torch.sin(x) + torch.cos(x) + torch.tan(0.3 * x) + torch.atan(x),
    "hyperbolic": lambda: lambda x: torch.sinh(0.5 * x) + torch.cosh(0.5 * x) + torch.tanh(x),
    "exp_log": lambda: lambda x: torch.expm1(0.3 * x) + torch.log1p(x * x) + torch.log2(x * x + 1),
    "erf": lambda: lambda x: torch.erf(x),
    "hardtanh": lambda: nn.Hardtanh(-0.3, 0.4),
    "relu6": lambda: nn.ReLU6(),
    "hardswish": lambda: nn.Sequential(nn.Hardswish(), nn.Hardsigmoid()),
    "gelu": lambda: nn.GELU(),
    "gelu_tanh": lambda: nn.GELU(approximate="tanh"),
    "silu": lambda: nn.SiLU(),
    "mish": lambda: nn.Mish(),
    "softplus": lambda: nn.Sequential(nn.Softplus(beta=2), nn.Softsign()),
    "elu": lambda: nn.Sequential(nn.ELU(0.7), nn.CELU(0.6), nn.SELU()),
    "prelu": lambda: nn.PReLU(CHANNELS),
    "shrink": lambda: nn.Sequential(nn.Hardshrink(0.1), nn.Softshrink(0.1)),
    "threshold": lambda: nn.Threshold(0.1, 0.5),
    "logsigmoid": lambda: nn.LogSigmoid(),
    "glu": lambda: nn.GLU(1),
    "log_softmax": lambda: nn.LogSoftmax(1),
    "softmin": lambda: nn.Softmin(2),
    "softmax_2d": lambda: nn.Softmax2d(),
    "cast_half": lambda: lambda x: x.half().float() * 2,
    "cast_double": lambda: lambda x: (x.double() * 0.1).float(),
    "dropout": lambda: nn.Sequential(nn.Dropout(0.5), nn.Dropout2d(0.5)),
    # reductions
    "logsumexp": lambda: lambda x: torch.logsumexp(x, 1),
    "var": lambda: lambda x: torch.var(x, (2, 3)),
    "std": lambda: lambda x: torch.std(x, 1, correction=0, keepdim=True),
    "var_mean": lambda: lambda x: torch.cat(torch.var_mean(x, (2, 3)), 1),
    "norm": lambda: lambda x: torch.linalg.vector_norm(x, dim=(2, 3)),
    "norm_1": lambda: lambda x: torch.linalg.vector_norm(x, 1, dim=1),
    "norm_inf": lambda: lambda x: torch.linalg.vector_norm(x, float("inf"), dim=3),
    "amax_amin": lambda: lambda x: x.amax((2, 3)) + x.amin(1).mean((1, 2))[:, None],
    "prod": lambda: lambda x: (1 + 0.1 * x).prod(2),
    "max_dim": lambda: lambda x: x.max(1).values,
    "argmax": lambda: lambda x: x.argmax(1).float(),
    "topk": lambda: lambda x: x.flatten(1).topk(20).values,
    "sort": lambda: lambda x: x.sort(3).values,
    "cumsum": lambda: lambda x: x.cumsum(2),
    "mean_all": lambda: lambda x: x - x.mean((1, 2, 3), keepdim=True),
    "any": lambda: lambda x: x * (x > 1).any(1, keepdim=True),
    # shapes
    "roll": lambda: lambda x: torch.roll(x, (3, -2), (2, 3)),
    "flip": lambda: lambda x: x.flip(3),
    "rot90": lambda: lambda x: torch.rot90(x, 1, (2, 3)),
    "tril": lambda: lambda x: torch.tril(x, 2) + torch.triu(x, 1) * 2,
    "tril_constant": lambda: lambda x: x @ torch.tril(torch.ones(SIDE, SIDE), -1),
    "eye": lambda: lambda x: x + torch.eye(SIDE),
    "eye_of_size": lambda: lambda x: x @ torch.eye(x.shape[3]),
    "diagonal": lambda: lambda x: torch.diagonal(x, dim1=2, dim2=3),
    "index_select": lambda: lambda x: x.index_select(1, torch.tensor([3, 0, 5])),
    "index": lambda: lambda x: x[:, [1, 4, 2]][:, :, ::2, 1:-1:3],
    "index_two": lambda: lambda x: x[:, :, torch.tensor([0, 3, 5]), torch.tensor([1, 2, 7])],
    "index_assign": lambda: assigned,
    "gather": lambda: lambda x: x.gather(3, torch.arange(8).expand(x.shape[0], CHANNELS, SIDE, 8)),
    "scatter": lambda: lambda x: x.index_add(1, torch.tensor([0, 2]), x[:, 4:6]),
    "slice_scatter": lambda: lambda x: x.slice_scatter(x[:, :, :4] * 3, 2, 8, 12),
    "stack": lambda: mean_of_two,
    "chunk": lambda: lambda x: torch.cat([c * (i + 1) for i, c in enumerate(x.chunk(3, 2))], 2),
    "split": lambda: lambda x: torch.cat(x.split([3, 5], 1)[::-1], 1),
    "unbind": lambda: lambda x: x.unbind(1)[2] - x.unbind(1)[0],
    "tensor_split": lambda: lambda x: x.tensor_split(5, 3)[1],
    "squeeze": lambda: lambda x: x.mean(1, keepdim=True).squeeze(1).unsqueeze(-1),
    "permute": lambda: lambda x: x.permute(0, 3, 1, 2).contiguous().view(x.shape[0], 4, -1).transpose(1, 2),
    "expand": lambda: lambda x: x.mean((2, 3), keepdim=True).expand(-1, -1, 3, 4),
    "repeat": lambda: lambda x: x.repeat(1, 2, 1, 3),
    "repeat_interleave": lambda: lambda x: x.repeat_interleave(2, 1),
    "meshgrid": lambda: lambda x: x + torch.stack(torch.meshgrid(
        torch.linspace(0, 1, SIDE), torch.linspace(1, 2, SIDE), indexing="ij")).sum(0),
    "arange": lambda: lambda x: x * torch.arange(x.shape[3]),
    "full_like": lambda: lambda x: x + torch.full_like(x, 0.3) - torch.zeros_like(x) + torch.ones_like(x),
    "movedim": lambda: lambda x: x.movedim(1, 3).flatten(1, 2),
    "unflatten": lambda: lambda x: x.unflatten(1, (2, 4)).sum(1),
    "loop": lambda: loop,
    "outer_bmm": lambda: lambda x: torch.bmm(x.flatten(2), tokens(x)),
    "baddbmm": lambda: lambda x: torch.baddbmm(x[:, :, :8, 0], x.flatten(2), tokens(x), beta=0.5, alpha=0.1),
    "cdist": lambda: lambda x: torch.cdist(tokens(x)[:, :32], tokens(x)[:, 32:64]),
}


# What bitsink does not have, as a regular expression of its message.
REFUSED = {
    "argmax": "operator ArgMax",
    "conv3d": "Conv.*5 dimensions",
    "conv_transpose": "operator ConvTranspose",
    "grid_sample": "operator GridSample",
    "gru": "operator GRU",
    "local_response": "AveragePool.*5 dimensions",  # as the dynamo exporter writes it
    "lstm": "operator LSTM",
    "sort": "operator TopK",
    "topk": "operator TopK",
}
# Rounded to half precision, where values that two libraries compute may lie on either side of a middle.
BOUNDS = {"cast_half": 1e-3}


class Micro(nn.Module):
    """A convolution, the operator, a linear layer."""

    def __init__(self, make_operator):
        super().__init__()
        self.stem = nn.Conv2d(3, CHANNELS, 3, padding=1)
        self.operator = make_operator()
        with torch.no_grad():
            features = self.operator(self.stem(torch.zeros(1, 3, SIDE, SIDE))).flatten(1).shape[1]
        self.head = nn.Linear(features, 10)
        nn.init.normal_(self.head.weight, std=features ** -0.5)

    def forward(self, x):
        return self.head(self.operator(2 * self.stem(x)).flatten(1).to(x.dtype))


def make(name, exporter, folder, seed):
    torch.manual_seed(seed)
    images = torch.from_numpy(write_images(folder, SIDE, seed))
    with torch.no_grad():
        network = Micro(OPERATORS[name]).eval()
        randomise(network, SIDE)
        write_onnx(network, images[:1], folder / "model.onnx", exporter)
        with contextlib.suppress(RuntimeError):  # some constants stay in single precision
            np.save(folder / "exact.npy", network.double()(images.double()).numpy())


def main():
    parser = arguments("compare single operators with ONNX Runtime", ["all"])
    parser.add_argument("--exporter", default="dynamo", help="dynamo, dynamo-OPSET or torchscript-OPSET, several by commas")
    args = parser.parse_args()
    names = list(OPERATORS) if args.models == "all" else args.models.split(",")
    unknown = set(names) - set(OPERATORS)
    if unknown:
        parser.error(f"unknown {', '.join(sorted(unknown))}; there are {', '.join(OPERATORS)}")
    sys.exit(table(args, [Export(name, exporter, functools.partial(make, name, exporter), REFUSED.get(name, ""),
                                 BOUNDS.get(name, 1e-5))
                          for name in names for exporter in args.exporter.split(",")]))


if __name__ == "__main__":
    main()
