"""Functions that a converted program brings along where PyTorch has nothing for a form.

Each is plain Python, written into the program only if it is called there.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Helper(NamedTuple):
    """A function's source, the modules it imports, the other helpers it calls."""

    source: str
    imports: tuple[str, ...] = ()
    helpers: tuple[str, ...] = ()


TORCH: Final[dict[str, Helper]] = {
    "show": Helper(
        '''\
def show(value):
    """Print a value as a shell does: nothing for None, a text in quotes."""
    if value is not None:
        print(repr(value))
'''
    ),
    "first_line": Helper(
        '''\
def first_line(error):
    """The first line of an error's message."""
    return str(error).partition("\\n")[0] or type(error).__name__
'''
    ),
    "node_text": Helper(
        '''\
def node_text(node):
    """A node of the graph without its address."""
    return None if node is None else f"<{type(node).__name__}>"
'''
    ),
    "tensor_of": Helper(
        '''\
def tensor_of(values):
    """A list of numbers and tensors as one tensor, differentiable in the tensors."""
    if isinstance(values, torch.Tensor):
        return values
    if not isinstance(values, (list, tuple)):
        return torch.tensor(values)
    parts = [tensor_of(value) for value in values]
    if not any(isinstance(value, (torch.Tensor, list, tuple)) for value in values):
        return torch.tensor(values)
    dtype = None
    for value, part in zip(values, parts):
        if isinstance(value, (torch.Tensor, list, tuple)):
            dtype = part.dtype if dtype is None else torch.promote_types(dtype, part.dtype)
    for value in values:
        if not isinstance(value, (torch.Tensor, list, tuple)):
            dtype = torch.result_type(torch.empty(1, dtype=dtype), value)
    return torch.stack([part.to(dtype) for part in parts])
'''
    ),
    "converted": Helper(
        '''\
def converted(value, dtype, number):
    """A tensor in another type; a number or a text as a Python number."""
    return value.to(dtype) if isinstance(value, torch.Tensor) else number(value)
'''
    ),
    "as_tensor": Helper(
        '''\
def as_tensor(value):
    """A tensor as it is, a number as a tensor without dimensions."""
    return value if isinstance(value, torch.Tensor) else torch.tensor(value)
'''
    ),
    "with_gradients": Helper(
        '''\
def with_gradients(optimizer, loss):
    """A closure for `optimizer.step`: the loss, after its backward pass."""

    def closure():
        optimizer.zero_grad()
        value = loss()
        value.backward()
        return value

    return closure
'''
    ),
    "minimize": Helper(
        '''\
def minimize(loss, parameters, optimizer=None, steps=None, until=None):
    """Change tensors step by step so that a loss falls; the loss before each step."""
    fixed = [parameter for parameter in parameters if not parameter.requires_grad]
    for parameter in fixed:
        parameter.requires_grad_()
    if optimizer is None:
        optimizer = lambda parameters: torch.optim.LBFGS(
            parameters, max_iter=1, line_search_fn="strong_wolfe"
        )
        if steps is None and until is None:
            until = 0.0
    optimizer = optimizer(parameters)
    if steps is None:
        steps = 1000 if until is None else 100_000

    def closure():
        for parameter in parameters:
            parameter.grad = None
        value = loss()
        value.backward(inputs=parameters)
        return value

    history = []
    for step in range(steps):
        history.append(optimizer.step(closure).item())
        if until is not None and step and abs(history[-2] - history[-1]) <= until:
            break
    for parameter in parameters:
        parameter.grad = None
    for parameter in fixed:
        parameter.requires_grad_(False)
    return torch.tensor(history)
'''
    ),
    "Record": Helper(
        '''\
class Record:
    """Values by name."""

    def __init__(self, values):
        self._values = dict(values)
        self.names = tuple(self._values)

    def __getattr__(self, name):
        if name.startswith("_") or name not in self._values:
            raise AttributeError(f"there is no value called '{name}'")
        return self._values[name]

    def __getitem__(self, name):
        return self._values[self.names[name] if isinstance(name, int) else name]

    def __iter__(self):
        return iter(self._values.values())

    def __len__(self):
        return len(self._values)

    def matrix(self):
        """The columns that hold numbers, side by side."""
        return torch.stack([x for x in self if isinstance(x, torch.Tensor)], 1)
'''
    ),
    "record": Helper(
        '''\
def record(**values):
    """Values by name."""
    return Record(values)
''',
        helpers=("Record",),
    ),
    "load": Helper(
        '''\
def load(path, separator=None, header=None, dtype=None):
    """The data in a .npy, .npz, .safetensors, .csv, .tsv or .txt file."""
    if not os.path.exists(path):
        path = os.path.join(os.path.dirname(os.path.abspath(__file__)), path)
    ending = os.path.splitext(path)[1].lower()
    if ending == ".npy":
        return torch.from_numpy(np.load(path))
    if ending in (".npz", ".safetensors"):
        if ending == ".npz":
            with np.load(path) as arrays:
                values = {name: torch.from_numpy(arrays[name]) for name in arrays.files}
        else:
            from safetensors.torch import load_file

            values = load_file(path)
            if list(values) == ["tensor"]:
                return values["tensor"]
        if list(values) == [f"arr_{place}" for place in range(len(values))]:
            return values["arr_0"] if len(values) == 1 else tuple(values.values())
        return Record(values)
    if ending not in (".csv", ".tsv", ".txt"):
        raise ValueError(f"'{path}' does not say its format by a known ending")
    with open(path, encoding="utf-8-sig", newline="") as stream:
        if separator is None:
            first = stream.readline()
            separator = max(",\\t;|", key=first.count)
            separator = separator if separator in first else " "
            stream.seek(0)
        rows = csv.reader(stream, delimiter=separator, skipinitialspace=True)
        rows = [[cell.strip() for cell in row] for row in rows]
    rows = [row for row in rows if any(row)]
    if header is None:
        header = all(number(cell) is None for cell in rows[0])
    names = rows.pop(0) if header else [f"column{place + 1}" for place in range(len(rows[0]))]
    columns = []
    for cells in zip(*rows):
        numbers = [number(cell) for cell in cells]
        if None in numbers:
            columns.append(cells)
        else:
            columns.append(torch.tensor(numbers, dtype=dtype or torch.get_default_dtype()))
    if header or any(isinstance(column, tuple) for column in columns):
        return Record(zip(names, columns))
    return columns[0] if len(columns) == 1 else torch.stack(columns, 1)


def number(cell):
    """The number in a cell of a table, nan where it is missing, None for a text."""
    if cell.lower() in ("", "na", "n/a", "nan", "null", "none", "-", "?"):
        return math.nan
    try:
        return float(cell)
    except ValueError:
        return None
''',
        imports=("csv", "math", "os", "np"),
        helpers=("Record",),
    ),
    "save": Helper(
        '''\
def save(value, path):
    """Write a tensor, or several by name or position, to a .npy, .npz or .csv file."""
    ending = os.path.splitext(path)[1].lower()
    if isinstance(value, tuple):
        arrays = {f"arr_{place}": array_of(part) for place, part in enumerate(value)}
    elif hasattr(value, "names"):
        arrays = {name: array_of(value[name]) for name in value.names}
    else:
        arrays = {"arr_0": array_of(value)}
    if ending == ".npy" and list(arrays) == ["arr_0"]:
        np.save(path, arrays["arr_0"])
    elif ending == ".npz":
        np.savez(path, **arrays)
    elif ending in (".csv", ".tsv", ".txt"):
        columns = list(arrays.values())
        if columns[0].ndim == 2:
            columns = list(columns[0].T)
        with open(path, "w", encoding="utf-8", newline="") as stream:
            separator = {".csv": ",", ".tsv": "\\t", ".txt": " "}[ending]
            writer = csv.writer(stream, delimiter=separator, lineterminator="\\n")
            if hasattr(value, "names"):
                writer.writerow(value.names)
            writer.writerows(zip(*(np.atleast_1d(column).astype(str) for column in columns)))
    else:
        raise ValueError(f"'{path}' does not say its format by a known ending")


def array_of(value):
    """A tensor or a number as an array."""
    return value.detach().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)
''',
        imports=("csv", "os", "np"),
    ),
}
