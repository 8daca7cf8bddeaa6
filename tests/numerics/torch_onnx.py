#!/usr/bin/env python3
"""A small interpreter of ONNX files in PyTorch, for one image, in which every tensor can be tampered with.

Independent of bitsink, and of the library it runs on: convolutions do not go through oneDNN. As a program it
checks itself: `torch_onnx.py MODEL.onnx...` compares it with ONNX Runtime on a random image."""
import argparse
import sys

from common import require

np, onnx, torch = require("numpy", "onnx", "torch")
F = torch.nn.functional

torch.backends.mkldnn.enabled = False
# Winograd transforms smear a huge faulty value over its neighbours.
torch.backends.nnpack.set_flags(False)
torch.set_grad_enabled(False)


def torch_type(onnx_type):
    if onnx_type == onnx.TensorProto.BFLOAT16:
        return torch.bfloat16
    return torch.from_numpy(np.zeros(0, onnx.helper.tensor_dtype_to_np_dtype(onnx_type))).dtype


def to_torch(tensor):
    array = onnx.numpy_helper.to_array(tensor).copy()
    if tensor.data_type == onnx.TensorProto.BFLOAT16:  # which NumPy lacks
        return torch.from_numpy(array.view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(array)


def window(x, a, pad_value):
    """The input with explicit padding, and the keywords that Conv and the pools share."""
    if a.get("auto_pad", b"NOTSET") != b"NOTSET":
        raise NotImplementedError("auto_pad")
    top, left, bottom, right = a.get("pads", [0, 0, 0, 0])
    if top or left or bottom or right:
        x = F.pad(x, (left, right, top, bottom), value=pad_value)
    return x, {"stride": a.get("strides", [1, 1])}


def conv(a, x, w, b=None):
    x, k = window(x, a, 0.0)
    return F.conv2d(x, w, b, dilation=a.get("dilations", [1, 1]), groups=a.get("group", 1), **k)


def gemm(a, x, w, b=None):
    x = x.T if a.get("transA") else x
    w = w.T if a.get("transB") else w
    y = a.get("alpha", 1.0) * (x @ w)
    return y if b is None else y + a.get("beta", 1.0) * b


def max_pool(a, x):
    x, k = window(x, a, -float("inf"))
    return F.max_pool2d(x, a["kernel_shape"], ceil_mode=bool(a.get("ceil_mode")), **k)


def average_pool(a, x):
    if any(a.get("pads", [])) or a.get("ceil_mode"):
        raise NotImplementedError("AveragePool with padding")
    return F.avg_pool2d(x, a["kernel_shape"], stride=a.get("strides", [1, 1]))


def reduce_mean(a, x):
    return x.mean(dim=a["axes"], keepdim=bool(a.get("keepdims", 1)))


def clip(a, x, low=None, high=None):
    return x.clamp(low, high)


def pad(a, x, pads, value=None):
    half = len(pads) // 2
    begin, end = pads[:half].tolist(), pads[half:].tolist()
    flat = [p for axis in reversed(range(half)) for p in (begin[axis], end[axis])]
    return F.pad(x, flat, value=0.0 if value is None else float(value))


def slice_(a, x, starts, ends, axes=None, steps=None):
    axes = range(len(starts)) if axes is None else axes.tolist()
    steps = [1] * len(starts) if steps is None else steps.tolist()
    for axis, start, end, step in zip(axes, starts.tolist(), ends.tolist(), steps):
        x = x.index_select(axis, torch.tensor(range(x.shape[axis])[start:end:step], device=x.device))
    return x


def reshape(a, x, shape):
    return x.reshape([x.shape[i] if n == 0 else n for i, n in enumerate(shape.tolist())])


def unsqueeze(a, x, axes):
    for axis in sorted(axes.tolist()):
        x = x.unsqueeze(axis)
    return x


def constant_of_shape(a, shape):
    return to_torch(a["value"]).expand(shape.tolist())


def cast(a, x):
    return x.to(torch_type(a["to"]))


OPS = {
    "Add": lambda a, x, y: x + y,
    "AveragePool": average_pool,
    "Cast": cast,
    "Clip": clip,
    "Concat": lambda a, *x: torch.cat(x, a["axis"]),
    "ConstantOfShape": constant_of_shape,
    "Conv": conv,
    "Flatten": lambda a, x: x.flatten(a.get("axis", 1)),
    "Gather": lambda a, x, i: x[i],  # of the first axis, the default
    "Gemm": gemm,
    "MaxPool": max_pool,
    "Pad": pad,
    "ReduceMean": reduce_mean,
    "Relu": lambda a, x: torch.relu(x),
    "Reshape": reshape,
    "Shape": lambda a, x: torch.tensor(x.shape),
    "Slice": slice_,
    "Transpose": lambda a, x: x.permute(a["perm"]),
    "Unsqueeze": unsqueeze,
}


class Network:
    def __init__(self, path):
        graph = onnx.load(path).graph
        self.constants = {t.name: to_torch(t) for t in graph.initializer}
        self.nodes = []
        for n in graph.node:
            attributes = {a.name: onnx.helper.get_attribute_value(a) for a in n.attribute}
            if n.op_type == "Constant":
                self.constants[n.output[0]] = to_torch(attributes["value"])
            else:
                self.nodes.append((OPS[n.op_type], attributes, list(n.input), n.output[0]))
        image = next(i for i in graph.input if i.name not in self.constants)
        self.input, self.type = image.name, torch_type(image.type.tensor_type.elem_type)
        self.output = graph.output[0].name

    def run(self, image):
        """All tensors by name, for a (1, C, H, W) array."""
        values = {"": None, self.input: torch.from_numpy(image).to(self.type), **self.constants}
        for op, attributes, inputs, output in self.nodes:
            values[output] = op(attributes, *(values[name] for name in inputs))
        return values

    def rerun(self, golden, target, hook):
        """Logits after hook(words) has changed the tensor `target`, a flat array of the words in which its values are
        stored, before anything reads it. golden: what run() gave; nodes that see no change are not run again."""
        tensor = golden[target].clone(memory_format=torch.contiguous_format)
        signed = {2: torch.int16, 4: torch.int32}[tensor.element_size()]
        words = tensor.reshape(-1).view(signed).numpy()
        hook(words.view(f"u{tensor.element_size()}"))
        changed = {target: tensor}
        for op, attributes, inputs, output in self.nodes:
            if output != target and not changed.keys().isdisjoint(inputs):
                changed[output] = op(attributes, *(changed.get(name, golden[name]) for name in inputs))
        return self.logits(changed if self.output in changed else golden)

    def logits(self, values):
        return values[self.output].float().numpy().reshape(-1)


def main():
    parser = argparse.ArgumentParser(description="compare the interpreter with ONNX Runtime")
    parser.add_argument("model", nargs="+")
    (runtime,) = require("onnxruntime")
    worst = 0.0
    for path in parser.parse_args().model:
        session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
        x = session.get_inputs()[0]
        shape = [n if isinstance(n, int) else 1 for n in x.shape]
        image = np.random.default_rng(1).uniform(-1, 1, shape).astype(np.float32)
        expected = session.run(None, {x.name: image})[0].reshape(-1)
        network = Network(path)
        deviation = np.abs(network.logits(network.run(image)) - expected).max() / np.abs(expected).max()
        print(f"{path}: largest deviation {deviation:.1e}")
        worst = max(worst, deviation)
    return int(not worst < 1e-4)


if __name__ == "__main__":
    sys.exit(main())
