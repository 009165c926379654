"""PyTorch: 784 - 128 - 10 on MNIST, 101,770 parameters."""
import scriptmode

import pytorch_loop


def train(job):
    pytorch_loop.train(job, lambda torch: torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Linear(784, 128), torch.nn.ReLU(), torch.nn.Dropout(job["dropout"]), torch.nn.Linear(128, 10)))


if __name__ == "__main__":
    scriptmode.run(train, "pytorch", {**pytorch_loop.DEFAULTS, "dropout": 0.2})
