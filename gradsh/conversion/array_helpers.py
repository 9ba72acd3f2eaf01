"""What a program of numpy or JAX brings along: PyTorch's text, types and random numbers."""

from __future__ import annotations

from typing import Final

from gradsh.conversion.helpers import TORCH, Helper

_TEXT: Final = Helper(
    '''\
def text(value, history=""):
    """A value as PyTorch prints it; history is what it says of how a tensor was made."""
    if isinstance(value, tuple):
        kinds = (*ARRAYS, tuple)
        parts = [text(part) if isinstance(part, kinds) else repr(part) for part in value]
        return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"
    if not isinstance(value, ARRAYS):
        return str(value)
    array = np.asarray(value)
    said = [] if array.size or array.ndim == 1 else [f"size={array.shape}"]
    if array.dtype.name not in DEFAULT_TYPES and (array.size or array.dtype != np.float32):
        said.append(f"dtype=torch.{array.dtype}")
    elif not array.size and array.dtype != np.float32:
        said.append(f"dtype=torch.{'bool' if array.dtype == bool else 'int64'}")
    said += [history] if history else []
    written = "tensor(" + (numbers(array) if array.size else "[]")
    column = len(written) - written.rfind("\\n") + 1
    for part in said:
        column += len(part) + 2
        if column > 80:
            written += ",\\n       " + part
            column = 7 + len(part)
        else:
            written += ", " + part
    return written + ")"


def numbers(array):
    """The elements of an array in their columns, the middle left out where there are many."""
    shown = array
    if array.size > 1000:
        for axis, length in enumerate(array.shape):
            if length > 6:
                ends = np.take(shown, [0, 1, 2, -3, -2, -1], axis)
                shown = ends
    if array.dtype.kind in "biu":
        width = max(len(str(value)) for value in shown.ravel().tolist())
        write = lambda value: f"{value!s:>{width}}"
    else:
        finite = [x for x in shown.ravel().tolist() if x and math.isfinite(x)]
        sizes = [abs(x) for x in finite]
        whole = all(x.is_integer() for x in finite)
        form = ".0f" if whole else ".4f"
        if sizes and (max(sizes) / min(sizes) > 1000 or max(sizes) > 1e8 or min(sizes) < 1e-4):
            form = ".4e"
        point = "." if form == ".0f" else ""
        width = max([len(f"{x:{form}}{point}") for x in finite], default=1)

        def write(value):
            end = point if math.isfinite(value) else ""
            return f"{value:{form}}{end}".rjust(width)

    if not array.ndim:
        return write(array.item())

    def rows(part, axis):
        gap = part.shape[0] < array.shape[axis]
        half = part.shape[0] // 2
        if axis < array.ndim - 1:
            blocks = [rows(row, axis + 1) for row in part]
            blocks[half:half] = ["..."] if gap else []
            between = "," + "\\n" * (array.ndim - 1 - axis) + " " * (8 + axis)
            return "[" + between.join(blocks) + "]"
        items = [write(value) for value in part.tolist()]
        items[half:half] = [" ..."] if gap else []
        count = max(1, (80 - 7 - axis) // (width + 2))
        lines = [", ".join(items[i : i + count]) for i in range(0, len(items), count)]
        return "[" + (",\\n" + " " * (8 + axis)).join(lines) + "]"

    return rows(shown, 0)
''',
    imports=("math", "np"),
)
_NUMPY_TEXT: Final = Helper(
    "ARRAYS = (np.ndarray, np.generic)\n"
    'DEFAULT_TYPES = ("float32", "int64", "bool")\n\n\n' + _TEXT.source,
    imports=_TEXT.imports,
)
_JAX_TEXT: Final = Helper(
    "ARRAYS = (np.ndarray, np.generic, jax.Array)\n"
    'DEFAULT_TYPES = ("float32", "int32", "bool")  # JAX counts with 32 bits\n\n\n' + _TEXT.source,
    imports=(*_TEXT.imports, "jax"),
)
_SHOW: Final = Helper(
    '''\
def show(value):
    """Print a value as a shell does: nothing for None, a text in quotes."""
    if value is not None:
        print(repr(value) if isinstance(value, str) else text(value))
''',
    helpers=("text",),
)
_RANDOM: Final = Helper(
    '''\
class Generator:
    """PyTorch's random numbers, made of the words of the Mersenne Twister as it makes them."""

    def seed(self, number):
        self.twister = np.random.RandomState(number % 2**32)
        self.waiting = None

    def words(self, count):
        return self.twister.randint(0, 2**32, count, np.uint32)

    def single(self, count):
        return (self.words(count) & 0xFFFFFF).astype(np.float32) * np.float32(2**-24)

    def double(self, count):
        high, low = self.words(2 * count).reshape(count, 2).T
        return ((high & 0x1FFFFF) * 2.0**32 + low) * 2.0**-53

    def normal(self, count):
        if count >= 16:
            uniforms = self.single(count)
            values = self.blocks(uniforms[: count - count % 16])
            if count % 16:
                last = self.blocks(self.single(16))
                values = np.concatenate([values, np.empty(count % 16, np.float32)])
                values[-16:] = last
            return values
        values = []
        while len(values) < count:
            if self.waiting is None:
                first, second = self.double(2)
                size = math.sqrt(-2 * math.log1p(-second))
                values.append(size * math.cos(2 * math.pi * first))
                self.waiting = size * math.sin(2 * math.pi * first)
            else:
                values.append(self.waiting)
                self.waiting = None
        return np.array(values, np.float32)

    def blocks(self, uniforms):
        first, second = uniforms.reshape(-1, 2, 8).transpose(1, 0, 2).astype(np.float64)
        size, angle = np.sqrt(-2 * np.log(1 - first)), 2 * np.pi * second
        pairs = np.stack([size * np.cos(angle), size * np.sin(angle)], 1)
        return pairs.reshape(-1).astype(np.float32)

    def permutation(self, count):
        values = np.arange(count)
        for place, word in enumerate(self.words(max(count - 1, 0))):
            other = place + int(word) % (count - place)
            values[[place, other]] = values[[other, place]]
        return values


generator = Generator()
generator.seed(0)


def rand(*size):
    """Numbers from 0 to below 1."""
    return as_tensor(generator.single(math.prod(size)).reshape(size))


def randn(*size):
    """Numbers of the normal distribution."""
    return as_tensor(generator.normal(math.prod(size)).reshape(size))


def randint(low, high, size):
    """Whole numbers from low to below high."""
    words = generator.words(math.prod(size)) % np.uint32(high - low)
    return as_tensor(low + words.astype(np.int64).reshape(size))


def randperm(count):
    """The numbers from 0 to below count in random order."""
    return as_tensor(generator.permutation(count))
''',
    imports=("math", "np"),
    helpers=("as_tensor",),
)
_CROSS_ENTROPY: Final = '''\
def cross_entropy(scores, target):
    """The mean of what the right class's probability, by a softmax, is in nats."""
    scores = scores - np.max(scores, axis=1, keepdims=True)
    losses = np.log(np.sum(np.exp(scores), axis=1)) - scores[np.arange(len(target)), target]
    return np.mean(losses)
'''
_LOGSUMEXP: Final = '''\
def logsumexp(x, axis, keepdims=False):
    """The logarithm of the sum of exponentials, without overflow."""
    largest = np.max(x, axis=axis, keepdims=True)
    result = np.log(np.sum(np.exp(x - largest), axis=axis, keepdims=True)) + largest
    return result if keepdims else np.squeeze(result, axis)
'''
_SOFTMAX: Final = '''\
def softmax(x, axis):
    """Shares that sum to one."""
    return np.exp(x - logsumexp(x, axis, True))
'''
_LOG_SOFTMAX: Final = '''\
def log_softmax(x, axis):
    """The logarithms of softmax."""
    return x - logsumexp(x, axis, True)
'''
_SILU: Final = '''\
def silu(x):
    """x times its sigmoid."""
    return x / (1 + np.exp(-x))
'''
_BINARY_CROSS_ENTROPY: Final = '''\
def binary_cross_entropy_with_logits(scores, target):
    """The mean of what the right answer's probability, by a sigmoid, is in nats."""
    return np.mean(np.logaddexp(scores, 0) - scores * target)
'''


def _networks(module: str) -> dict[str, Helper]:
    """The helpers for networks, over numpy or JAX's numpy."""
    sources = {
        "cross_entropy": (_CROSS_ENTROPY, ()),
        "logsumexp": (_LOGSUMEXP, ()),
        "softmax": (_SOFTMAX, ("logsumexp",)),
        "log_softmax": (_LOG_SOFTMAX, ("logsumexp",)),
        "silu": (_SILU, ()),
        "binary_cross_entropy_with_logits": (_BINARY_CROSS_ENTROPY, ()),
    }
    return {
        name: Helper(source.replace("np.", module + "."), helpers=helpers)
        for name, (source, helpers) in sources.items()
    }


NUMPY: Final[dict[str, Helper]] = {
    "text": _NUMPY_TEXT,
    "show": _SHOW,
    "first_line": TORCH["first_line"],
    "Tensor": Helper(
        '''\
class Tensor(np.ndarray):
    """An array with PyTorch's types (what is computed of whole numbers is float32) and text."""

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **named):
        double = any(getattr(value, "dtype", None) == np.float64 for value in inputs)
        plain = [np.asarray(x) if isinstance(x, Tensor) else x for x in inputs]
        if out is not None:
            named["out"] = tuple(np.asarray(x) for x in out)
        result = getattr(ufunc, method)(*plain, **named)
        if out is not None:
            return out[0]
        if not double and getattr(result, "dtype", None) == np.float64:
            result = np.asarray(result, np.float32)
        return as_tensor(result)

    def __array_function__(self, function, types, values, named):
        return as_tensor(super().__array_function__(function, types, values, named))

    def __getitem__(self, index):
        return as_tensor(super().__getitem__(index))

    def __iter__(self):
        return (self[index] for index in range(len(self)))

    def __repr__(self):
        return text(self)

    __str__ = __repr__

    def __format__(self, form):
        return format(str(self), form) if self.ndim else format(self.item(), form)


def as_tensor(value):
    """An array, or each of a tuple, as a Tensor."""
    if isinstance(value, (tuple, list)):
        return type(value)(map(as_tensor, value)) if type(value) in (tuple, list) else value
    return np.asarray(value).view(Tensor) if isinstance(value, ARRAYS) else value


def tensor(data, dtype=None):
    """A Tensor of numbers, float32 unless they are whole."""
    array = np.array(data, dtype)
    if dtype is None and array.dtype == np.float64:
        array = array.astype(np.float32)
    return array.view(Tensor)
''',
        helpers=("text",),
    ),
    "generator": _RANDOM,
    **_networks("np"),
}
NUMPY["as_tensor"] = NUMPY["tensor"] = Helper("", helpers=("Tensor",))

JAX: Final[dict[str, Helper]] = {
    "text": _JAX_TEXT,
    "show": _SHOW,
    "first_line": TORCH["first_line"],
    "as_tensor": Helper(
        '''\
def as_tensor(array):
    """An array of numpy as one of JAX."""
    return jnp.asarray(array)
'''
    ),
    "generator": _RANDOM,
    **_networks("jnp"),
    "added": Helper(
        '''\
def added(old, new):
    """A gradient that comes to what is there already."""
    return new if old is None else old + new
'''
    ),
    "sgd": Helper(
        '''\
class sgd:
    """Gradient descent, with momentum."""

    def __init__(self, lr=1e-3, momentum=0, weight_decay=0):
        self.lr, self.momentum, self.weight_decay = lr, momentum, weight_decay
        self.velocities = {}

    def step(self, tensors, gradients):
        """The tensors after a step."""
        moved = []
        for place, (tensor, gradient) in enumerate(zip(tensors, gradients)):
            if gradient is not None:
                gradient = gradient + self.weight_decay * tensor
                if self.momentum:
                    if place in self.velocities:
                        gradient = self.momentum * self.velocities[place] + gradient
                    self.velocities[place] = gradient
                tensor = tensor - self.lr * gradient
            moved.append(tensor)
        return moved
'''
    ),
    "adam": Helper(
        '''\
class adam:
    """Steps along the mean of past gradients over the root of the mean of their squares."""

    def __init__(self, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0):
        self.lr, self.betas, self.eps, self.weight_decay = lr, betas, eps, weight_decay
        self.states = {}

    def step(self, tensors, gradients):
        """The tensors after a step."""
        moved = []
        for place, (tensor, gradient) in enumerate(zip(tensors, gradients)):
            if gradient is not None:
                gradient = gradient + self.weight_decay * tensor
                count, mean, square = self.states.get(place, (0, 0.0, 0.0))
                count += 1
                first, second = self.betas
                mean = mean + (1 - first) * (gradient - mean)
                square = second * square + (1 - second) * gradient * gradient
                self.states[place] = count, mean, square
                size = jnp.sqrt(square) / (1 - second**count) ** 0.5 + self.eps
                tensor = tensor - self.lr / (1 - first**count) * mean / size
            moved.append(tensor)
        return moved
'''
    ),
}
