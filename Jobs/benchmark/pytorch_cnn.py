"""PyTorch: two convolutions and two dense layers on MNIST, 121,930 parameters."""
import scriptmode

import pytorch_loop


def train(job):
    pytorch_loop.train(job, lambda torch: torch.nn.Sequential(
        torch.nn.Conv2d(1, 32, 3), torch.nn.ReLU(), torch.nn.MaxPool2d(2), torch.nn.Conv2d(32, 64, 3), torch.nn.ReLU(), torch.nn.MaxPool2d(2),
        torch.nn.Flatten(), torch.nn.Linear(64 * 5 * 5, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10)))


if __name__ == "__main__":
    scriptmode.run(train, "pytorch", pytorch_loop.DEFAULTS)
