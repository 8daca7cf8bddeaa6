"""Networks of PyTorch with random weights, as ONNX files: what the tests that export share."""
import contextlib
import io
import logging
import warnings

from common import require

(torch,) = require("torch")


def randomise(network, side):
    """Replaces what a fresh network leaves at 0 or 1, in place: statistics of batch normalisation, scales of layers, the
    head. side: of the images that the network takes."""
    for p in network.parameters():
        if p.min() == p.max() and (p.numel() > 1 or p.max() in (0, 1)):
            if p.max() == 0 and p.numel() > 1:
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
        network(torch.cat([torch.nn.functional.interpolate(torch.rand(4, 3, small, small), side, mode="bicubic")
                           for small in (7, side)]))
    for norm in norms:
        norm.eval()
        norm.running_mean += 0.2 * norm.running_var.sqrt() * torch.randn_like(norm.running_mean)
        norm.running_var *= torch.empty_like(norm.running_var).uniform_(0.5, 2.0)


def write_onnx(network, image, path, exporter, **options):
    """exporter: "dynamo", which gets no options of ours, or with an opset "dynamo-23" or "torchscript-17"."""
    kind, _, opset = exporter.partition("-")
    if opset:
        options["opset_version"] = int(opset)
    if kind == "torchscript":
        options["dynamo"] = False
    logging.getLogger("torch.onnx").setLevel(logging.CRITICAL)
    quiet = io.StringIO()
    with warnings.catch_warnings(), contextlib.redirect_stdout(quiet), contextlib.redirect_stderr(quiet):
        warnings.simplefilter("ignore")
        torch.onnx.export(network, (image,), str(path), **options)
    torch._dynamo.reset()
