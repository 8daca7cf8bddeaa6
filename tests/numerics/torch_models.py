#!/usr/bin/env python3
"""Current architectures of torchvision and, where it is installed, timm, exported by PyTorch: see exports.py.

The weights are random, see torch_export.py."""
import collections
import importlib.util

from common import require
from exports import main
from torch_export import randomise, write_onnx

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


def create(case):
    if case in TIMM:
        return importlib.import_module("timm").create_model(case.model, pretrained=False).eval()
    return torchvision.models.get_model(case.model, weights=None).eval()


def export(case, seed, path):
    torch.manual_seed(seed)
    network = create(case)
    with torch.no_grad():
        randomise(network, SIDE)
    axes = {"image": {0: "N"}, "logits": {0: "N"}} if case.open_batch else None
    write_onnx(network, torch.zeros(1, 3, SIDE, SIDE), path, f"torchscript-{case.opset}", input_names=["image"],
               output_names=["logits"], dynamic_axes=axes)
    model = onnx.load(path)
    onnx.checker.check_model(model)
    return len(model.graph.node), SIDE


if __name__ == "__main__":
    known = CASES + (TIMM if importlib.util.find_spec("timm") else [])
    main("compare PyTorch's exports with ONNX Runtime, and the replay with full re-runs", known, export)
