"""The training loop that both PyTorch models share: Adam, cross-entropy, early stopping on the validation rows with the best weights restored."""
import copy


def train(job, build):
    """Trains `build(torch)`, which takes pixels of 0 to 1 as rows of 28 x 28."""
    torch = job.module("torch")
    torch.manual_seed(job["seed"])
    torch.set_num_threads(2)
    torch.use_deterministic_algorithms(True)

    def pixels(channel):
        # Mean and deviation of MNIST's pixels: constants of the data set, not computed from these rows.
        return (torch.from_numpy(job.array(channel, "features")).float().div_(255).sub_(0.1307).div_(0.3081)).reshape(-1, 1, 28, 28)

    def labels(channel):
        return torch.from_numpy(job.array(channel, "labels")).long()

    rows, classes, held_rows, held_classes = pixels("train"), labels("train"), pixels("validation"), labels("validation")
    model = build(torch)
    optimiser, loss_of = torch.optim.Adam(model.parameters(), lr=job["learning-rate"]), torch.nn.CrossEntropyLoss()
    order, batch, best, best_weights = torch.Generator().manual_seed(job["seed"]), job["batch"], float("inf"), None
    for epoch in range(1, (job["epochs"] or job["default-epochs"]) + 1):
        model.train()
        total = 0.0
        for chosen in torch.randperm(len(rows), generator=order).split(batch):
            optimiser.zero_grad()
            loss = loss_of(model(rows[chosen]), classes[chosen])
            loss.backward()
            optimiser.step()
            total += loss.item() * len(chosen)
        held = _logits(torch, model, held_rows)
        held_loss = loss_of(held, held_classes).item()
        job.epoch(epoch, train_loss=total / len(rows), validation_loss=held_loss, validation_accuracy=(held.argmax(1) == held_classes).float().mean().item())
        if held_loss < best - job["min-delta"]:
            best, job.best_epoch, best_weights = held_loss, epoch, copy.deepcopy(model.state_dict())  # a copy: the live weights keep changing
        elif epoch - job.best_epoch >= job["patience"]:
            break
    model.load_state_dict(best_weights)
    job.scores(torch.softmax(_logits(torch, model, pixels("test")), dim=1).numpy())
    torch.save(model.state_dict(), job.model_file("model.pth"))


def _logits(torch, model, rows):
    model.eval()
    with torch.no_grad():
        return torch.cat([model(part) for part in rows.split(1000)])


DEFAULTS = {"learning-rate": 0.001, "batch": 128, "default-epochs": 10, "patience": 3, "min-delta": 0.0}
