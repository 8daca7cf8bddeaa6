"""A tiny network as an ONNX file, and a PNG, written byte by byte: names may be any bytes."""
import random
import struct
import zlib

FLOAT = 1


def as_bytes(text):
    return text if isinstance(text, bytes) else text.encode()


def varint(n):
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def number(field, value):
    return varint(field << 3) + varint(value)


def message(field, body):
    body = as_bytes(body)
    return varint(field << 3 | 2) + varint(len(body)) + body


def tensor(name, shape, rng):
    n = 1
    for d in shape:
        n *= d
    data = struct.pack(f"<{n}f", *(rng.uniform(-1, 1) for _ in range(n)))
    return b"".join(number(1, d) for d in shape) + number(2, FLOAT) + message(8, name) + message(9, data)


def value(name, shape):
    dims = b"".join(message(1, message(2, "N") if d is None else number(1, d)) for d in shape)
    return message(1, name) + message(2, message(1, number(1, FLOAT) + message(2, dims)))


def node(op, name, inputs, output, attributes=b""):
    return b"".join(message(1, i) for i in inputs) + message(2, output) + message(3, name) + message(4, op) + attributes


def string_attribute(name, text):
    return message(5, message(1, name) + message(4, text) + number(20, 3))


def network(names, classes, op="Relu", attributes=b""):
    """x (3 x 8 x 8) -> Conv -> `op` -> GlobalAveragePool -> Flatten -> Gemm. `names`: x, w, conv, relu, pool, flat, v, y,
    for tensors; nodes are called by the names of their outputs after "node "."""
    rng = random.Random(1)
    x, w, conv, relu, pool, flat, v, y = names
    nodes = [("Conv", [x, w], conv, attributes), (op, [conv], relu, b""), ("GlobalAveragePool", [relu], pool, b""),
             ("Flatten", [pool], flat, b""), ("Gemm", [flat, v], y, b"")]
    graph = b"".join(message(1, node(o, b"node " + as_bytes(out), ins, out, a)) for o, ins, out, a in nodes)
    graph += message(2, "g") + message(5, tensor(w, (6, 3, 3, 3), rng)) + message(5, tensor(v, (6, classes), rng))
    graph += message(11, value(x, (None, 3, 8, 8))) + message(12, value(y, (None, classes)))
    return number(1, 7) + message(7, graph) + message(8, message(1, "") + number(2, 13))


def png(seed):
    rng = random.Random(seed)
    rows = b"".join(b"\0" + bytes(rng.randrange(256) for _ in range(24)) for _ in range(8))

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
