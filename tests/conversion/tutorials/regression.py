import torch
from torch import nn, optim


def main():
    """Fit a line to noisy points."""
    torch.manual_seed(42)
    true_w = torch.tensor([2.0, -3.4])
    true_b = 4.2
    features = torch.normal(0.0, 1.0, (200, 2))
    labels = features @ true_w + true_b
    labels += torch.normal(0.0, 0.01, labels.shape)

    def squared_loss(y_hat, y):
        return (y_hat - y.reshape(y_hat.shape)) ** 2 / 2

    w = torch.normal(0.0, 0.01, size=(2,), requires_grad=True)
    b = torch.zeros(1, requires_grad=True)
    batch_size, num_epochs = 20, 3
    history = []
    loss_fn = nn.MSELoss(reduction="sum")
    opt = optim.SGD([{"params": [w]}, {"params": [b], "lr": 0.02}], lr=0.03, momentum=0.5)
    for epoch in range(num_epochs):
        order = torch.randperm(len(features))
        for start in range(0, len(features), batch_size):
            batch = order[start : start + batch_size]
            loss = squared_loss(features[batch] @ w + b, labels[batch]).mean()
            opt.zero_grad()
            loss.backward()
            opt.step()
        with torch.no_grad():
            train = squared_loss(features @ w + b, labels)
            history.append(train.mean().item())
            print(f"epoch {epoch + 1}, loss {float(train.mean()):f}")
    total = loss_fn(features @ w + b, labels)
    print("{} epochs, last loss {:.5f}, sum {:.3f}".format(len(history), history[-1], total))
    print(opt.param_groups[1]["lr"], w - true_w, b)


if __name__ == "__main__":
    main()
