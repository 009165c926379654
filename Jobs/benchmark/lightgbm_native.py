"""LightGBM's own C library with the few names of its Python module that a training script uses. For images without the module: LIGHTGBM_LIBRARY names the file."""
import ctypes
import os

import numpy

__version__ = "4 (C library)"
_FLOAT32, _FLOAT64, _ROW_MAJOR, _PREDICT_NORMAL = 0, 1, 1, 0
_library = None


def load():
    """This module, once the library is loaded; None where LIGHTGBM_LIBRARY is not set."""
    global _library
    path = os.environ.get("LIGHTGBM_LIBRARY")
    if not path or not os.path.exists(path):
        return None
    _library = ctypes.CDLL(path)
    _library.LGBM_GetLastError.restype = ctypes.c_char_p
    import sys

    return sys.modules[__name__]


class LightGbmError(Exception):
    """An error of the library."""


def _call(name, *arguments):
    if getattr(_library, name)(*arguments) != 0:
        raise LightGbmError(_library.LGBM_GetLastError().decode(errors="replace"))


def _text(options):
    return " ".join(f"{name}={','.join(value) if isinstance(value, list) else str(value).lower()}" for name, value in options.items()).encode()


def _matrix(rows):
    return numpy.ascontiguousarray(rows, dtype=numpy.float64)


class Dataset:
    """Rows and labels; built with the options of the training."""

    def __init__(self, data, label, reference=None):
        self.data, self.label, self.reference, self.handle = _matrix(data), numpy.ascontiguousarray(label, dtype=numpy.float32), reference, None

    def build(self, options):
        if self.handle is None:
            self.handle = ctypes.c_void_p()
            rows, columns = self.data.shape
            _call("LGBM_DatasetCreateFromMat", self.data.ctypes.data_as(ctypes.c_void_p), _FLOAT64, ctypes.c_int32(rows), ctypes.c_int32(columns), _ROW_MAJOR, _text(options),
                  self.reference.build(options) if self.reference else None, ctypes.byref(self.handle))
            _call("LGBM_DatasetSetField", self.handle, b"label", self.label.ctypes.data_as(ctypes.c_void_p), ctypes.c_int(rows), _FLOAT32)
        return self.handle


class Booster:
    """A trained model."""

    def __init__(self, options, training):
        self.handle, self.best_iteration = ctypes.c_void_p(), 0
        _call("LGBM_BoosterCreate", training.build(options), _text(options), ctypes.byref(self.handle))

    def predict(self, data, num_iteration=-1):
        rows = _matrix(data)
        result, length = numpy.zeros(len(rows)), ctypes.c_int64()
        _call("LGBM_BoosterPredictForMat", self.handle, rows.ctypes.data_as(ctypes.c_void_p), _FLOAT64, ctypes.c_int32(rows.shape[0]), ctypes.c_int32(rows.shape[1]), _ROW_MAJOR,
              _PREDICT_NORMAL, 0, num_iteration, b"", ctypes.byref(length), result.ctypes.data_as(ctypes.POINTER(ctypes.c_double)))
        return result

    def save_model(self, path, num_iteration=-1):
        _call("LGBM_BoosterSaveModel", self.handle, 0, num_iteration, 0, path.encode())

    def evaluate(self, at, count):
        values, length = (ctypes.c_double * count)(), ctypes.c_int()
        _call("LGBM_BoosterGetEval", self.handle, at, ctypes.byref(length), values)
        return list(values)


def early_stopping(rounds, verbose=True):
    return ("early_stopping", rounds)


def record_evaluation(into):
    return ("record", into)


def train(options, training, num_boost_round, valid_sets, valid_names, callbacks):
    """Trains round by round. Stops when none of the last rounds improved the first metric of the last validation set."""
    wanted = dict(callbacks)
    curves, patience = wanted["record"], wanted["early_stopping"]
    booster = Booster(options, training)
    for valid in valid_sets:
        if valid is not training:
            _call("LGBM_BoosterAddValidData", booster.handle, valid.build(options))
    metrics, best = options["metric"], float("inf")
    finished = ctypes.c_int()
    for at in range(num_boost_round):
        _call("LGBM_BoosterUpdateOneIter", booster.handle, ctypes.byref(finished))
        number = 0
        for valid, name in zip(valid_sets, valid_names):
            number += valid is not training
            for metric, value in zip(metrics, booster.evaluate(0 if valid is training else number, len(metrics))):
                curves.setdefault(name, {}).setdefault(metric, []).append(value)
        loss = curves[valid_names[-1]][metrics[0]][-1]
        if loss < best:
            best, booster.best_iteration = loss, at + 1
        if finished.value or at + 1 - booster.best_iteration >= patience:
            break
    return booster
