#!/usr/bin/env python3
"""Writes sixteen_bits.onnx, a network of random weights for images of 28 x 28 pixels: tensors of FLOAT16, BFLOAT16 and FLOAT.
Usage: sixteen_bits.py [FILE]"""
import pathlib
import sys

import numpy as np
import onnx
from onnx import TensorProto as T, helper


def words(values, onnx_type):
    """Little-endian words of 16 bits; bfloat16 without rounding to nearest, which random weights do not need."""
    if onnx_type == T.FLOAT16:
        return values.astype("<f2").tobytes()
    return (values.astype("<f4").view("<u4") >> 16).astype("<u2").tobytes()


def main(path):
    rng = np.random.default_rng(1)

    def weight(name, onnx_type, *shape):
        values = rng.normal(0, np.prod(shape[1:] or (1,)) ** -0.5, shape)
        return helper.make_tensor(name, onnx_type, shape, words(values, onnx_type), raw=True)

    graph = helper.make_graph(
        [helper.make_node("Conv", ["image", "conv.weight", "conv.bias"], ["conv"], "conv", strides=[4, 4]),
         helper.make_node("Relu", ["conv"], ["relu"], "relu"),
         helper.make_node("MaxPool", ["relu"], ["pool"], "pool", kernel_shape=[2, 2], strides=[2, 2]),
         helper.make_node("Cast", ["pool"], ["cast"], "cast", to=T.BFLOAT16),
         helper.make_node("Flatten", ["cast"], ["flat"], "flat"),
         helper.make_node("Gemm", ["flat", "fc.weight", "fc.bias"], ["fc"], "fc", transB=1),
         helper.make_node("Cast", ["fc"], ["scores"], "scores", to=T.FLOAT),
         helper.make_node("Softmax", ["scores"], ["probabilities"], "softmax")],
        "sixteen_bits",
        [helper.make_tensor_value_info("image", T.FLOAT16, ["N", 1, 28, 28])],
        [helper.make_tensor_value_info("probabilities", T.FLOAT, ["N", 10])],
        [weight("conv.weight", T.FLOAT16, 4, 1, 5, 5), weight("conv.bias", T.FLOAT16, 4),
         weight("fc.weight", T.BFLOAT16, 10, 36), weight("fc.bias", T.BFLOAT16, 10)])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)


if __name__ == "__main__":
    main(*sys.argv[1:] or [pathlib.Path(__file__).with_suffix(".onnx")])
