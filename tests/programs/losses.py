import torch
from torch.nn import functional

torch.manual_seed(11)
x = torch.randn(5, 4, requires_grad=True)
t = torch.randn(5, 4)
p = torch.rand(5, 4, requires_grad=True)
q = torch.rand(5, 4)
classes = torch.tensor([1, 0, 3, 2, 1])
some = torch.tensor([1, -100, 3, -100, 0])
weight = torch.tensor([1.0, 2.0, 0.5, 0.25])


def report(loss, leaf):
    print(loss)
    (g,) = torch.autograd.grad(loss.sum(), leaf)
    print(g)


for reduction in ("mean", "sum", "none"):
    report(functional.mse_loss(x, t, reduction=reduction), x)
    report(functional.l1_loss(x, t, reduction=reduction), x)
    report(functional.smooth_l1_loss(x, t, reduction=reduction, beta=0.5), x)
    report(functional.huber_loss(x, t, reduction=reduction, delta=0.7), x)
    report(functional.cross_entropy(x, classes, reduction=reduction), x)
    report(functional.cross_entropy(x, some, weight, reduction=reduction, label_smoothing=0.1), x)
    report(functional.cross_entropy(x, functional.softmax(t, 1), reduction=reduction), x)
    report(functional.nll_loss(functional.log_softmax(x, 1), some, weight, reduction=reduction), x)
    report(functional.nll_loss(x.view(1, 4, 5), classes.view(1, 5), reduction=reduction), x)
    report(functional.binary_cross_entropy(p, q, reduction=reduction), p)
    report(
        functional.binary_cross_entropy_with_logits(
            x, q, weight, reduction=reduction, pos_weight=weight
        ),
        x,
    )
    report(functional.poisson_nll_loss(x, q * 4, full=True, reduction=reduction), x)
    report(functional.gaussian_nll_loss(x, t, q, reduction=reduction), x)
    report(functional.soft_margin_loss(x, torch.sign(t), reduction=reduction), x)
    report(functional.hinge_embedding_loss(x, torch.sign(t), reduction=reduction), x)
    report(
        functional.margin_ranking_loss(x, t, torch.sign(q - 0.5), margin=0.1, reduction=reduction),
        x,
    )
    report(
        functional.cosine_embedding_loss(
            x, t, torch.tensor([1, -1, 1, -1, 1]), reduction=reduction
        ),
        x,
    )
    report(functional.triplet_margin_loss(x, t, q, swap=True, reduction=reduction), x)
for reduction in ("batchmean", "sum", "none"):
    report(functional.kl_div(x, q, reduction=reduction), x)
print(functional.kl_div(x, t, reduction="batchmean", log_target=True))
print(functional.cross_entropy(x, torch.tensor([-100, -100, -100, -100, -100])))
print(functional.cross_entropy(x[0], torch.tensor(2)), functional.mse_loss(x[0, 0], t[0, 0]))

for wrong in (
    lambda: functional.cross_entropy(x, torch.tensor([1, 0, 5, 2, 1])),
    lambda: functional.cross_entropy(x, torch.tensor([1, 0, 3])),
    lambda: functional.cross_entropy(x, classes.float()),
    lambda: functional.cross_entropy(x, classes, reduction="average"),
    lambda: functional.nll_loss(x, classes, torch.ones(3)),
    lambda: functional.binary_cross_entropy(x, q),
    lambda: functional.binary_cross_entropy(p, q + 1),
    lambda: functional.binary_cross_entropy_with_logits(x, q[0]),
    lambda: functional.huber_loss(x, t, delta=0.0),
    lambda: functional.mse_loss(classes, classes),
    lambda: functional.triplet_margin_loss(x, t, q, margin=-1),
):
    try:
        wrong()
    except Exception as e:  # noqa: BLE001 (its text is compared)
        print(str(e).splitlines()[0])
