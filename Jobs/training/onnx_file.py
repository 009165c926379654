"""Writes a multilayer perceptron as ONNX with nothing but numpy. Field numbers: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto."""
import struct

import numpy

OPSET, IR_VERSION = 17, 8  # LayerNormalization came with opset 17
_FLOAT = 1


def _varint(number):
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _number(field, value):
    return _varint(field << 3) + _varint(value)


def _bytes(field, value):
    value = value.encode() if isinstance(value, str) else value
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _node(kind, inputs, output, attributes=b""):
    return b"".join(_bytes(1, name) for name in inputs) + _bytes(2, output) + _bytes(3, output) + _bytes(4, kind) + attributes


def _integer(name, value):
    return _bytes(5, _bytes(1, name) + _number(3, value) + _number(20, 2))


def _float(name, value):
    return _bytes(5, _bytes(1, name) + _varint(2 << 3 | 5) + struct.pack("<f", value) + _number(20, 1))


def _tensor(name, array):
    array = numpy.ascontiguousarray(array, dtype="<f4")
    return b"".join(_number(1, size) for size in array.shape) + _number(2, _FLOAT) + _bytes(8, name) + _bytes(9, array.tobytes())


def _value(name, columns):
    shape = _bytes(1, _bytes(2, "rows")) + _bytes(1, _number(1, columns))
    return _bytes(1, name) + _bytes(2, _bytes(1, _number(1, _FLOAT) + _bytes(2, shape)))


def write(path, layers, inputs, outputs, metadata=None):
    """`layers` in order: ("linear", weight [out, in], bias), ("layernorm", weight, bias, epsilon), ("relu",). Input `features`, output `returns`."""
    graph, weights, at = b"", b"", "features"
    for index, layer in enumerate(layers):
        kind, name = layer[0], "returns" if index == len(layers) - 1 else f"layer{index}"
        if kind == "relu":
            graph += _bytes(1, _node("Relu", [at], name))
        else:
            weight, bias = f"weight{index}", f"bias{index}"
            weights += _bytes(5, _tensor(weight, layer[1])) + _bytes(5, _tensor(bias, layer[2]))
            if kind == "linear":
                graph += _bytes(1, _node("Gemm", [at, weight, bias], name, _integer("transB", 1)))
            elif kind == "layernorm":
                graph += _bytes(1, _node("LayerNormalization", [at, weight, bias], name, _float("epsilon", layer[3])))
            else:
                raise ValueError(f"there is no layer '{kind}'")
        at = name
    graph += _bytes(2, "perceptron") + weights + _bytes(11, _value("features", inputs)) + _bytes(12, _value("returns", outputs))
    model = _number(1, IR_VERSION) + _bytes(2, "durable") + _bytes(7, graph) + _bytes(8, _bytes(1, "") + _number(2, OPSET))
    for key, value in (metadata or {}).items():
        model += _bytes(14, _bytes(1, key) + _bytes(2, str(value)))
    with open(path, "wb") as file:
        file.write(model)
