"""The safetensors format (https://github.com/huggingface/safetensors): 8 bytes of header length, a JSON header, raw little-endian values."""
import json

import numpy

_TYPES = {"float32": "F32", "float64": "F64", "int64": "I64"}


def write(path, tensors, metadata=None):
    """Writes named arrays, in the order given."""
    header, offset, chunks = ({"__metadata__": {key: str(value) for key, value in metadata.items()}} if metadata else {}), 0, []
    for name, array in tensors.items():
        array = numpy.ascontiguousarray(array)
        data = array.astype(array.dtype.newbyteorder("<")).tobytes()
        header[name] = {"dtype": _TYPES[array.dtype.name], "shape": list(array.shape), "data_offsets": [offset, offset + len(data)]}
        offset += len(data)
        chunks.append(data)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little"))
        file.write(text)
        file.writelines(chunks)
