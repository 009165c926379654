"""Real minute candles through the pipeline's own split, network and baselines: is the model better than the mean?

    python3 Jobs/returns/evaluation/bitcoin.py CANDLES.csv.gz FOLDER
    SM_CHANNEL_TRAIN=FOLDER SM_MODEL_DIR=FOLDER/model SM_OUTPUT_DATA_DIR=FOLDER/output SM_OUTPUT_DIR=FOLDER/output python3 Jobs/returns/train.py

Writes FOLDER/train.npy, a row every ten minutes. Targets follow the strategies as far as minute candles can: ten closes in ten minutes are fewer than the 20 that
trend, mean_revert, breakout and scalper need, so those four are 0, as the strategies' own rule has it; long_hold is the change from the first close of the ten
minutes to the last less 0.04 % a side, in per cent and rounded to two decimals; short_hold is its negative. The original's features are embeddings of texts, which
need a paid service; here the first half is the last 256 one-minute log returns and the second half the last 256 changes of log volume, each scaled to length 1.
"""
import csv
import datetime
import gzip
import sys

import numpy

FEE = 0.0004


def main(candles, folder):
    with gzip.open(candles, "rt") as file:
        rows = list(csv.DictReader(file))
    close = numpy.array([float(row["close"]) for row in rows])
    volume = numpy.array([float(row["volume"]) for row in rows])
    start = int(datetime.datetime.fromisoformat(rows[0]["close_datetime"]).timestamp()) // 60 * 60_000_000
    returns, volumes = numpy.diff(numpy.log(close)), numpy.diff(numpy.log(volume + 1))
    kind = numpy.dtype([("ts", "<i8"), ("base_ts", "<i8"), ("targets", "<f8", (6,)), ("features", "<f4", (512,))])
    made = []
    for at in range(257, len(close) - 10, 10):  # `at` ends the features; the target is the ten minutes after it
        halves = [returns[at - 256:at], volumes[at - 256:at]]
        if min(numpy.linalg.norm(half) for half in halves) == 0:
            continue
        window = close[at:at + 11]
        held = round((window[-1] / window[0] - 1 - 2 * FEE) * 100, 2)
        row = numpy.zeros((), kind)
        row["base_ts"] = start + at * 60_000_000
        row["ts"] = row["base_ts"] + 600_000_000
        row["targets"] = [0, 0, 0, 0, held, -held]
        row["features"] = numpy.concatenate([half / numpy.linalg.norm(half) for half in halves])
        made.append(row)
    numpy.save(f"{folder}/train.npy", numpy.array(made, kind))
    print(f"{len(made)} rows from {len(close)} candles")


if __name__ == "__main__":
    main(*sys.argv[1:])
