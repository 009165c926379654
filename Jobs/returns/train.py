"""Trains the perceptron that maps two text embeddings to six strategies' returns of the next ten minutes. SageMaker script mode.

Writes model.pth, model.safetensors, model.onnx and metadata.json into the model folder, metrics.json into the output folder. Units: per cent."""
import argparse
import copy
import os
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))  # beside it in the container
sys.path.insert(1, str(pathlib.Path(__file__).resolve().parent.parent))  # one up in the repository

import numpy  # noqa: E402
import torch  # noqa: E402
from torch import nn  # noqa: E402

import dataset  # noqa: E402
import script  # noqa: E402
from training import onnx_file, safetensors_file  # noqa: E402


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--train-path", default=os.environ.get("SM_CHANNEL_TRAIN"))
    parser.add_argument("--train-uri", default="", help="where the rows came from; kept in the metrics")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--dropout", type=float, default=0.15)
    parser.add_argument("--weight-decay", type=float, default=1e-4)
    parser.add_argument("--patience", type=int, default=15)
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--use-layernorm", type=script.boolean, nargs="?", const=True, default=False)
    parser.add_argument("--hidden-dims", default="256,128,64")
    args = parser.parse_args()
    if not args.train_path:
        parser.error("--train-path, or SM_CHANNEL_TRAIN in the environment, must name the training set")
    args.hidden = [int(size) for size in args.hidden_dims.split(",")]
    if min(args.hidden) < 1 or min(args.batch_size, args.epochs, args.patience) < 1 or not 0 <= args.dropout < 1:
        parser.error("sizes, epochs and patience are at least 1; dropout is from 0 to below 1")
    return args


def network(hidden, dropout, layernorm):
    layers, width = [], dataset.FEATURES
    for size in hidden:
        layers += [nn.Linear(width, size), *([nn.LayerNorm(size)] if layernorm else []), nn.ReLU(), nn.Dropout(dropout)]
        width = size
    return nn.Sequential(*layers, nn.Linear(width, len(dataset.TARGETS)))


def mse(model, features, targets):
    model.eval()
    with torch.no_grad():
        return nn.functional.mse_loss(model(features), targets).item()


def fit(model, train, validation, args, device):
    """Trains until the validation error has not improved for `patience` epochs; leaves the best weights in the model."""
    features, targets = (part.to(device) for part in train)
    held = tuple(part.to(device) for part in validation)
    optimizer = torch.optim.Adam(model.parameters(), lr=args.lr, weight_decay=args.weight_decay)
    shuffle = torch.Generator().manual_seed(args.seed)
    best = {"epoch": -1, "mse": float("inf"), "weights": None}
    history = []
    for epoch in range(args.epochs):
        model.train()
        for rows in torch.randperm(len(features), generator=shuffle).split(args.batch_size):
            rows = rows.to(device)
            loss = nn.functional.mse_loss(model(features[rows]), targets[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        history.append(mse(model, *held))
        print(f"epoch {epoch} val_mse {history[-1]:.8g}", flush=True)
        if history[-1] < best["mse"]:
            # A copy: state_dict() alone refers to the live weights, which training keeps changing.
            best = {"epoch": epoch, "mse": history[-1], "weights": copy.deepcopy(model.state_dict())}
        elif not numpy.isfinite(history[-1]) or epoch - best["epoch"] >= args.patience:
            break
    if best["weights"] is None:
        raise script.BadInput("No epoch had a finite validation error: the learning rate is too high, or the data is extreme.")
    model.load_state_dict(best["weights"])
    return best["epoch"], best["mse"], history


def scores(predicted, actual):
    """Errors over all targets; R² is the average over targets that vary, null when none does."""
    error = predicted - actual
    variance = ((actual - actual.mean(axis=0)) ** 2).sum(axis=0)
    varies = variance > 1e-12
    r2 = 1 - (error ** 2).sum(axis=0)[varies] / variance[varies]
    return {"mse": float((error ** 2).mean()), "mae": float(numpy.abs(error).mean()), "r2": float(r2.mean()) if varies.any() else None,
            "constant": [name for name, moves in zip(dataset.TARGETS, varies) if not moves]}


def export(model, args, device_free):
    folder = script.model_folder()
    torch.save(device_free, folder / "model.pth")
    safetensors_file.write(folder / "model.safetensors", {name: value.numpy() for name, value in device_free.items()}, {"format": "pt"})
    layers = []
    for layer in model:
        if isinstance(layer, nn.Linear):
            layers.append(("linear", layer.weight.detach().cpu().numpy(), layer.bias.detach().cpu().numpy()))
        elif isinstance(layer, nn.LayerNorm):
            layers.append(("layernorm", layer.weight.detach().cpu().numpy(), layer.bias.detach().cpu().numpy(), layer.eps))
        elif isinstance(layer, nn.ReLU):
            layers.append(("relu",))
    onnx_file.write(folder / "model.onnx", layers, dataset.FEATURES, len(dataset.TARGETS), {"hidden_dims": args.hidden_dims})
    return folder


def main():
    args = arguments()
    torch.manual_seed(args.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    ts, features, targets = dataset.read(args.train_path)
    train, validation, test = dataset.split(len(ts))
    x, y = torch.from_numpy(features), torch.from_numpy(targets.astype(numpy.float32))
    held = slice(train, train + validation)
    model = network(args.hidden, args.dropout, args.use_layernorm).to(device)

    began = time.monotonic()
    best_epoch, best_mse, history = fit(model, (x[:train], y[:train]), (x[held], y[held]), args, device)
    seconds = time.monotonic() - began

    weights = {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}
    saved_mse = mse(model, x[held].to(device), y[held].to(device))
    with torch.no_grad():
        predicted = model(x[train + validation:].to(device)).cpu().numpy().astype(numpy.float64)
    actual, learned = targets[train + validation:], targets[:train + validation]
    result = scores(predicted, actual)
    metrics = {
        "best_epoch": best_epoch, "best_val_mse": best_mse, "saved_val_mse": saved_mse, "last_val_mse": history[-1], "epochs": len(history), "val_mse": history,
        "test_mse": result["mse"], "test_mae": result["mae"], "test_r2": result["r2"], "constant_targets": result["constant"],
        "baseline_mean_mse": scores(numpy.broadcast_to(learned.mean(axis=0), actual.shape), actual)["mse"],
        "baseline_zero_mse": scores(numpy.zeros_like(actual), actual)["mse"],
        "baseline_last_mse": scores(targets[train + validation - 1:-1], actual)["mse"],
        "per_target": {name: scores(predicted[:, [i]], actual[:, [i]])["mse"] for i, name in enumerate(dataset.TARGETS)},
        "train_samples": train, "val_samples": validation, "test_samples": test, "train_uri": args.train_uri,
        "test_from_ts": int(ts[train + validation]), "test_to_ts": int(ts[-1]), "seconds": round(seconds, 3), "device": device.type, "torch": torch.__version__,
    }
    folder = export(model, args, weights)
    script.write_json(folder / "metadata.json", {
        "metrics": metrics, "target_cols": dataset.TARGETS, "hidden_dims": args.hidden, "dropout": args.dropout, "use_layernorm": args.use_layernorm, "feature_dim": dataset.FEATURES})
    script.write_json(script.output_folder() / "metrics.json", metrics)
    print(f"best epoch {best_epoch}, test_mse {result['mse']:.6g}, mean baseline {metrics['baseline_mean_mse']:.6g}", flush=True)


if __name__ == "__main__":
    script.run(main)
