#!/usr/bin/env python3
"""Current architectures of torchvision and, where it is installed, timm, exported by PyTorch: see exports.py.

The weights are random, and so is whatever a fresh network leaves at 0 or 1: statistics of batch normalisation, scales
of layers, the head."""
import collections
import contextlib
import importlib.util
import io
import warnings

from common import require
from exports import main

onnx, torch, torchvision = require("onnx", "torch", "torchvision")

SIDE = 224
Case = collections.namedtuple("Case", "name model opset open_batch")
CASES = [
    Case("resnet18", "resnet18", 17, False),
    Case("resnet18_opset9", "resnet18", 9, True),
    Case("resnet18_opset11", "resnet18", 11, True),
    Case("mobilenet_v3_small", "mobilenet_v3_small", 17, False),
    Case("mobilenet_v3_small_opset9", "mobilenet_v3_small", 9, False),
    Case("mobilenet_v3_small_opset18", "mobilenet_v3_small", 18, True),
    Case("efficientnet_b0", "efficientnet_b0", 17, False),
    Case("densenet121", "densenet121", 17, False),
    Case("convnext_tiny", "convnext_tiny", 17, False),
    Case("convnext_tiny_opset12", "convnext_tiny", 12, False),
    Case("regnet_y_400mf", "regnet_y_400mf", 17, False),
    Case("regnet_y_400mf_opset13", "regnet_y_400mf", 13, True),
    Case("vit_b_16", "vit_b_16", 17, False),
    Case("vit_b_16_open_batch", "vit_b_16", 17, True),
    Case("swin_t", "swin_t", 17, False),
]
TIMM = [
    Case("timm_convnextv2_atto", "convnextv2_atto", 17, False),
    Case("timm_deit_tiny", "deit_tiny_patch16_224", 17, False),
    Case("timm_ghostnet_100", "ghostnet_100", 17, False),
    Case("timm_mobilenetv4_small", "mobilenetv4_conv_small", 18, False),
    Case("timm_mixer_s32", "mixer_s32_224", 14, False),
    Case("timm_poolformer_s12", "poolformer_s12", 17, True),
    Case("timm_regnetz_005", "regnetz_005", 17, False),
    Case("timm_repvgg_a0", "repvgg_a0", 16, False),
    Case("timm_resnest14d", "resnest14d", 15, False),
]


def randomise(network):
    """Replaces what initialisation leaves constant, in place."""
    for p in network.parameters():
        if p.numel() > 1 and p.min() == p.max():
            if p.max() == 0:
                p.normal_(0, 0.1 if p.dim() == 1 else p.shape[-1] ** -0.5)
            else:
                p.uniform_(0.5, 1.5)
    # Statistics near the true ones of such images as make_images() makes: else a deep network loses the image on the
    # way, or blows up the rounding of a channel that hardly varies.
    norms = [m for m in network.modules() if isinstance(m, torch.nn.modules.batchnorm._BatchNorm)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
        norm.train()
    if norms:
        network(torch.cat([torch.nn.functional.interpolate(torch.rand(4, 3, side, side), SIDE, mode="bicubic")
                           for side in (7, SIDE)]))
    for norm in norms:
        norm.eval()
        norm.running_mean += 0.2 * norm.running_var.sqrt() * torch.randn_like(norm.running_mean)
        norm.running_var *= torch.empty_like(norm.running_var).uniform_(0.5, 2.0)


def create(case):
    if case in TIMM:
        return importlib.import_module("timm").create_model(case.model, pretrained=False).eval()
    return torchvision.models.get_model(case.model, weights=None).eval()


def export(case, seed, path):
    torch.manual_seed(seed)
    network = create(case)
    with torch.no_grad():
        randomise(network)
    axes = {"image": {0: "N"}, "logits": {0: "N"}} if case.open_batch else None
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        torch.onnx.export(network, (torch.zeros(1, 3, SIDE, SIDE),), str(path), opset_version=case.opset,
                          input_names=["image"], output_names=["logits"], dynamic_axes=axes, dynamo=False)
    model = onnx.load(path)
    onnx.checker.check_model(model)
    return len(model.graph.node), SIDE


if __name__ == "__main__":
    known = CASES + (TIMM if importlib.util.find_spec("timm") else [])
    main("compare PyTorch's exports with ONNX Runtime, and the replay with full re-runs", known, export)
