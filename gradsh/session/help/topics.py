"""The topics of `help`. Lines that are indented by four blanks are code, which the tests run."""

from __future__ import annotations

from typing import Final, NamedTuple


class Topic(NamedTuple):
    """A topic: what it is about in one line, and its text."""

    summary: str
    text: str


INTRODUCTION: Final = """\
gradsh computes with tensors, records what it computes, and differentiates it.

    x = ones(2, 2) grad        # a tensor whose gradient is wanted
    y = mean(3*(x + 2)^2)      # what is computed from it is recorded
    backward y                 # run it backward
    x.grad                     # the derivative of y by each element of x
"""

TOPICS: Final[dict[str, Topic]] = {
    "tensors": Topic(
        "make, index and change tensors",
        """\
A bracket list is a tensor; its elements may be expressions.

    a = [[1., 2.], [3., 4.]]
    zeros(2, 3); ones(4); arange(5); linspace(0, 1, 5); eye(2)
    seed 0; randn(2, 2)            # PyTorch's numbers

Operators work on each element; shapes that differ are broadcast.

    a + 1; a * a; a / [10., 20.]; a^2; -a; a > 2
    a @ a; a.T                     # product of matrices, transposed

Indexing takes integers, slices, ..., none, lists and tensors.

    a[0]; a[:, 1]; a[-1, 0]; a[a > 2]

What ends in an underscore, and what is assigned to a part, changes in place.

    a[0, 0] = 9; a += 1; a.zero_()
    a.shape; a.dtype; a.to(float64); a.reshape(4)
""",
    ),
    "gradients": Topic(
        "backward, grad, and derivatives of functions",
        """\
The word grad behind a value asks for its gradient; backward fills it.

    x = [1., 2., 3.] grad
    y = sum(x^2)
    backward y
    x.grad

Gradients of several passes add up; clear them first.

    x.grad = none
    backward x^2 with ones(3)      # what is no scalar needs weights

The function grad gives them as a tuple, and touches no .grad.

    g, = grad(sum(x^3), x, create_graph=true)
    grad(sum(g), x)                # the second derivative

Derivatives of functions:

    jacobian(x -> x^2, x)
    hessian(x -> sum(x^3), x)
    vjp(x -> x^2, x, ones(3)); jvp(x -> x^2, x, ones(3))

nograd < ... > records nothing; x.detach() has no history.

    nograd < (x * 2).requires_grad >
    explain sum(x^2)               # step by step, with the numbers
""",
    ),
    "functions": Topic(
        "def, functions without a name, own derivatives",
        """\
    def square(x) = x^2
    def norm2(x, scale=1) {
      total = sum(square(x))
      return scale * total^0.5
    }
    norm2([3., 4.], scale=2)

Variables of a function are its own. A function without a name:

    f = x -> x^2 + 1
    f(3); (() -> 5)()

A second block gives the derivative: g is what arrives at the result.

    def clipped(x) { return clamp(x, 0, 1) } backward(g) { return g }
    x = [2.] grad
    backward clipped(x)
    x.grad
""",
    ),
    "blocks": Topic(
        "if, while, for, nograd, try",
        """\
    x = 3
    if x > 2 { print "large" } else { print "small" }
    while x < 10 { x = x * 2 }
    for i in range(3) { print i }
    for row in eye(2) { print row }

break leaves a loop and continue goes on with its next round.
nograd < > is a value; what it computes is not recorded.

    w = ones(2) grad
    y = nograd < w * 2 >
    nograd < w -= 0.1 * w >        # a step of one's own

try goes on after an error; e has message, line, column and hint.

    try { ones(2) @ ones(3) } catch e { print e }
    assert 1 < 2, "arithmetic is broken"
""",
    ),
    "printing": Topic(
        "print, texts with values, digits",
        """\
An expression shows its value; a ; at the end of the line hides it.

    x = randn(2, 2);
    x
    print "sum:", sum(x)

Texts with values in them, as Python formats them:

    loss = [0.12345]
    print f"loss {loss.item():.3f} after {10} steps"

Settings of printing, as torch.set_printoptions has them:

    set precision 6
    set profile default
    set linewidth 80; set threshold 1000; set edgeitems 3

With --json every shown value is one JSON object a line.
""",
    ),
    "optimising": Topic(
        "minimize, optimisers, schedules",
        """\
    seed 0
    x = randn(50, 2); y = x @ [2., -3.] + 1
    w = zeros(2); b = zeros(1)
    minimize mse_loss(x @ w + b, y) over w, b;
    w; b

Without "using" it is lbfgs. With an optimiser and a number of steps:

    minimize mse_loss(x @ w + b, y) over w, b using adam(lr=0.1) steps 50;

The loop that one would write:

    w = zeros(2) grad; b = zeros(1) grad
    opt = sgd(w, b, lr=0.1, momentum=0.9)
    rate = exponential(opt, 0.99)
    for i in range(20) {
      opt.zero_grad()
      backward mse_loss(x @ w + b, y)
      opt.step(); rate.step()
    }

sgd adam adamw rmsprop adagrad lbfgs; step_lr exponential cosine;
clip_grad_norm_([w, b], 1.0).
""",
    ),
    "files": Topic(
        "load, save, run, sessions, data by pipe",
        """\
The ending of a name says the format: .npy .npz .csv .tsv .json
.safetensors.

    x = randn(3, 2)
    save(x, "x.csv")
    y = load("x.csv")
    save(record(w=x, b=ones(2)), "model.npz")
    m = load("model.npz")
    m.w

Every variable, with gradients and random state:

    save session "work.gradsh"
    load session "work.gradsh"

run "file.grad" runs a program. stdin() is the data of a pipe:

    # gradsh -c 'd = stdin(); print mean(d)' < data.csv

With --safe no file is read or written.
""",
    ),
    "inspection": Topic(
        "graph, explain, check, why, grads, plot, vars, time, anomaly",
        """\
    x = [1., 2.] grad
    y = sum(log(x)^2)
    graph y                        # what was recorded
    explain y                      # the backward pass step by step
    check sum(log(x)^2) over x     # against differences
    backward y
    why x.grad                     # the way it came, or what cut it off
    grads                          # how large the gradients are
    vars                           # what there is
    time x * 2                     # how long it takes
    show x * 2                     # a picture of a matrix
    anomaly on                     # stop at the first nan or inf
    anomaly off

plot sin(t) over t from 0 to 6 draws a curve on a terminal, or with
to "f.png" into a file; "with derivative" draws its slope beside it.
hist w shows how values are spread, contour x^2 + y^2 over x, y the
lines of equal height.
""",
    ),
    "shell": Topic(
        "keys, history, completion, undo",
        """\
Enter           runs a complete statement; goes on in a new line otherwise
Alt-Enter       a new line in any case
Tab             completes names, attributes and file names
Up, Down        earlier entries; Ctrl-R searches them
Right           takes the grey suggestion, Alt-F its next word
Ctrl-X Ctrl-E   opens the entry in $VISUAL or $EDITOR
Ctrl-C          clears the entry, or stops what runs
Ctrl-D          leaves, as do exit and quit

The last line of the terminal tells the shape of what is typed before it
runs, and how the call at the cursor is written. mean? is help mean, x?
tells of a variable, apropos WORD finds what mentions a word.

_ is the last shown value, and _1, _2, ... are all of them.

    1 + 2
    _ * 2

A statement that fails or is stopped leaves no value half-changed.

undo        takes back the last entry, values changed in place too; redo
history     what was entered; history WORD, history 100
edit f      opens a function, edit 7 an entry, in $EDITOR; then it runs
record "f"  writes what succeeds as a program; record stop ends it
reset       forgets all variables; vars -s sorts them by size
""",
    ),
    "settings": Topic(
        "set, the settings file, what runs at the start",
        """\
set lists every setting; set NAME tells what one is, set NAME VALUE
changes it. help NAME explains it.

    set precision 6
    set show stats                 # a line of statistics under a tensor
    randn(3, 4)
    set show plain
    set timing on                  # how long each statement took
    set timing off

The shell reads two files at its start. gradsh config edit opens the
settings file, with a line for every setting; gradsh config path says
where it is. The program startup.grad beside it runs before the first
prompt. Files and pipes read neither, nor does gradsh --no-config.
""",
    ),
    "pytorch": Topic(
        "what is the same, and what is not",
        """\
Names, arguments, defaults, types, broadcasting, random numbers, printed
tensors and messages are PyTorch's. A line that is one expression can be
pasted:

    import torch
    x = torch.ones(2, 2, requires_grad=True)
    torch.nn.functional.softmax(x, dim=-1)

Shorter here:

    x = ones(2, 2) grad            # requires_grad_()
    y = sum(x^2)                   # ** is ^ too
    backward y                     # y.backward()
    nograd < x - 0.1 * x.grad >    # with torch.no_grad():

A bracket list is a tensor, [1., 2.] for torch.tensor([1., 2.]), and where
a function takes several tensors it is a list: cat([x, x], 0).
""",
    ),
}
