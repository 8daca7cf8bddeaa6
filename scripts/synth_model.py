#!/usr/bin/env python3
"""Makes VGG-16/19, ResNet-50 or MobileNetV2 as ONNX with seeded He-initialised weights.

For measuring cost and checking exactness where no trained weights are at hand: activations keep their scale from
layer to layer as in a trained network, the answers mean nothing. Needs the PyPI packages numpy and onnx.

    scripts/synth_model.py vgg19 vgg19.onnx
"""
import argparse

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


class Net:
    """A chain of nodes under construction; `x` is the current tensor, `c` its channels."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.nodes, self.weights = [], []
        self.x, self.c = "image", 3

    def param(self, name, array):
        self.weights.append(numpy_helper.from_array(array.astype(np.float32), name))
        return name

    def node(self, op, name, inputs, **attributes):
        self.nodes.append(helper.make_node(op, inputs, [name], name=name, **attributes))
        self.x = name
        return name

    def conv(self, name, filters, kernel=3, stride=1, group=1, x=None, channels=None):
        channels = channels or self.c
        shape = (filters, channels // group, kernel, kernel)
        std = np.sqrt(2.0 / (shape[1] * kernel * kernel))
        weight = self.param(f"{name}.weight", self.rng.normal(0, std, shape))
        bias = self.param(f"{name}.bias", self.rng.normal(0, 0.01, filters))
        pad = kernel // 2
        self.c = filters
        return self.node("Conv", name, [x or self.x, weight, bias], kernel_shape=[kernel] * 2, strides=[stride] * 2,
                         pads=[pad] * 4, group=group)

    def relu(self, name):
        return self.node("Relu", name, [self.x])

    def clip(self, name, bounds):
        return self.node("Clip", name, [self.x, *bounds])

    def fc(self, name, inputs, outputs):
        weight = self.param(f"{name}.weight", self.rng.normal(0, np.sqrt(2.0 / inputs), (outputs, inputs)))
        bias = self.param(f"{name}.bias", np.zeros(outputs))
        return self.node("Gemm", name, [self.x, weight, bias], transB=1)

    def head(self):
        self.node("GlobalAveragePool", "pool", [self.x])
        self.node("Flatten", "flatten", [self.x])
        self.fc("logits", self.c, 1000)


def vgg(net, per_stage):
    for stage, (count, width) in enumerate(zip(per_stage, (64, 128, 256, 512, 512)), 1):
        for i in range(1, count + 1):
            net.conv(f"conv{stage}_{i}", width)
            net.relu(f"relu{stage}_{i}")
        net.node("MaxPool", f"pool{stage}", [net.x], kernel_shape=[2, 2], strides=[2, 2])
    net.node("Flatten", "flatten", [net.x])
    for name, inputs in (("fc6", 25088), ("fc7", 4096)):
        net.fc(name, inputs, 4096)
        net.relu(f"relu_{name}")
    net.fc("logits", 4096, 1000)


def resnet50(net):
    net.conv("conv1", 64, 7, 2)
    net.relu("relu1")
    net.node("MaxPool", "pool1", [net.x], kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
    for stage, (blocks, width) in enumerate(zip((3, 4, 6, 3), (64, 128, 256, 512)), 2):
        for b in range(blocks):
            name, x, c = f"res{stage}_{b}", net.x, net.c
            stride = 2 if b == 0 and stage > 2 else 1
            net.conv(f"{name}_1", width, 1)
            net.relu(f"{name}_relu1")
            net.conv(f"{name}_2", width, 3, stride)
            net.relu(f"{name}_relu2")
            branch = net.conv(f"{name}_3", 4 * width, 1)
            skip = net.conv(f"{name}_skip", 4 * width, 1, stride, x=x, channels=c) if b == 0 else x
            net.node("Add", f"{name}_add", [branch, skip])
            net.relu(f"{name}_relu")
    net.head()


def mobilenetv2(net):
    bounds = (net.param("zero", np.array(0.0)), net.param("six", np.array(6.0)))
    net.conv("conv1", 32, 3, 2)
    net.clip("clip1", bounds)
    plan = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
    for stage, (expand, width, count, first) in enumerate(plan, 1):
        for i in range(count):
            name, x, c = f"block{stage}_{i}", net.x, net.c
            if expand > 1:
                net.conv(f"{name}_expand", expand * c, 1)
                net.clip(f"{name}_clip1", bounds)
            net.conv(f"{name}_depthwise", net.c, 3, first if i == 0 else 1, group=net.c)
            net.clip(f"{name}_clip2", bounds)
            net.conv(f"{name}_project", width, 1)
            if i > 0:
                net.node("Add", f"{name}_add", [net.x, x])
    net.conv("conv_last", 1280, 1)
    net.clip("clip_last", bounds)
    net.head()


MODELS = {
    "vgg16": lambda net: vgg(net, (2, 2, 3, 3, 3)),
    "vgg19": lambda net: vgg(net, (2, 2, 4, 4, 4)),
    "resnet50": resnet50,
    "mobilenetv2": mobilenetv2,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", choices=MODELS)
    parser.add_argument("out")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    net = Net(args.seed)
    MODELS[args.model](net)
    graph = helper.make_graph(
        net.nodes, args.model,
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 3, 224, 224])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 1000])], net.weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7)
    onnx.save(model, args.out)


if __name__ == "__main__":
    main()
