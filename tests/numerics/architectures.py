#!/usr/bin/env python3
"""Architectures of timm and all classifiers of torchvision, exported by both exporters of PyTorch, against ONNX Runtime.

    architectures.py bitsink                              # a few, in two minutes
    architectures.py bitsink --models listed --jobs 4     # the 65 architectures of LISTED, about an hour
    architectures.py bitsink --models torchvision --exporter dynamo --keep exports

All logits must agree within 1e-5 of the image's largest one, where rounding allows it, and a small campaign, each trial
of which is run again in full, must end without a difference: see verdicts.py. The dynamo exporter is called as most people
do, without options. Weights are random, see torch_export.py; nothing is downloaded. What bitsink refuses must stand in
REFUSED with the words of its message.

With --keep, a network that the folder holds is not exported again, so a run that was stopped goes on."""
import contextlib
import functools
import io
import sys
import warnings

from common import require
from torch_export import randomise, write_onnx
from verdicts import Export, arguments, table, write_images

np, torch, torchvision, timm, _ = require("numpy", "torch", "torchvision", "timm", "onnxscript")

SIDES = {"inception_v3": 299, "swin_v2_t": 256, "swin_v2_s": 256, "swin_v2_b": 256}  # of torchvision; others take 224
EXPORTERS = ["dynamo", "torchscript-17"]
SAMPLE = ["resnet18", "mobilenetv3_small_050", "vit_tiny_patch16_224"]
LISTED = """
    nfnet_l0 nf_regnet_b0 resnetv2_50x1_bit xcit_nano_12_p16_224 edgenext_xx_small convit_tiny ecaresnet26t lambda_resnet26t
    mobilevitv2_050 maxvit_t bat_resnext26ts efficientvit_m0 sequencer2d_s

    shufflenet_v2_x0_5 googlenet inception_v3 mnasnet0_5 regnet_x_400mf resnext50_32x4d efficientnet_v2_s swin_v2_t
    mobilenetv3_small_050 levit_128s efficientformer_l1 mobilevit_xxs ghostnet_050 ghostnetv2_100 efficientnet_lite0
    repvgg_a0 hrnet_w18_small dla34 coat_lite_tiny pit_ti_224 fastvit_t8 starnet_s1 mobileone_s0 skresnet18
    vit_tiny_patch16_224 res2net50_26w_4s regnety_002 convnext_atto maxvit_rmlp_pico_rw_256 coatnet_pico_rw_224
    efficientvit_b0 poolformer_s12 gmlp_ti16_224 resmlp_12_224 mixnet_s rexnet_100 tinynet_e lcnet_035 cspresnet50 dpn48b
    vovnet39a inception_next_atto pvt_v2_b0 tiny_vit_5m_224 hgnetv2_b0 crossvit_tiny_240 cait_xxs24_224 visformer_tiny
    tnt_s_patch16_224 gcvit_xxtiny nest_tiny botnet26t_256""".split()
TORCHVISION = torchvision.models.list_models(module=torchvision.models)
# Too large for a check in passing: named in --models only.
LARGEST = {"regnet_y_128gf", "vit_h_14", "vit_l_16", "vit_l_32", "regnet_y_32gf", "regnet_x_32gf", "efficientnet_v2_l"}
# What bitsink does not have, as a regular expression of its message.
REFUSED = {
    "lambda_resnet26t": "Conv.*5 dimensions",
    "sequencer2d_s": "operator LSTM",
}
# The dynamo exporter does not know the fused attention over five axes.
UNFUSED = {"nest_tiny"}


def create(name):
    """The network, and the side of its images."""
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        if name in TORCHVISION:
            return torchvision.models.get_model(name, weights=None).eval(), SIDES.get(name, 224)
        timm.layers.set_fused_attn(name not in UNFUSED)
        network = timm.create_model(name, pretrained=False).eval()
        return network, network.default_cfg["input_size"][-1]


def make(name, exporter, folder, seed):
    """Writes model.onnx, the images, and in exact.npy PyTorch's logits in double precision."""
    torch.manual_seed(seed)
    network, side = create(name)
    images = torch.from_numpy(write_images(folder, side, seed))
    with torch.no_grad():
        randomise(network, side)
        write_onnx(network, images[:1], folder / "model.onnx", exporter)
        np.save(folder / "exact.npy", network.double()(images.double()).numpy())


def chosen(parser, models):
    unknown = [n for n in models if n not in TORCHVISION and not timm.is_model(n)]
    if unknown:
        parser.error(f"neither torchvision nor timm has {', '.join(unknown)}")
    return models


def main():
    usual = [m for m in TORCHVISION if m not in LARGEST]
    groups = {"sample": SAMPLE, "listed": LISTED, "torchvision": usual,
              "all": LISTED + [m for m in usual if m not in LISTED]}
    parser = arguments("compare PyTorch's exports of many architectures with ONNX Runtime", list(groups))
    parser.add_argument("--exporter", choices=("dynamo", "torchscript", "both"), default="both")
    args = parser.parse_args()
    names = chosen(parser, groups.get(args.models) or args.models.split(","))
    exporters = [e for e in EXPORTERS if args.exporter in ("both", e.partition("-")[0])]
    sys.exit(table(args, [Export(name, exporter, functools.partial(make, name, exporter), REFUSED.get(name, ""))
                          for name in names for exporter in exporters]))


if __name__ == "__main__":
    main()
