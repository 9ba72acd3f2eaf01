"""Checking derivatives against finite differences: PyTorch's gradcheck and gradgradcheck.

The Jacobian of one output with respect to one input is kept as PyTorch shows it: a row for each
element of the input, a column for each element of the output. A complex output is checked as two
real ones, its imaginary part and its real part; the entry for a complex input is the conjugate
Wirtinger derivative `ds/dx + i ds/dy` that a backward pass computes.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from gradsh.engine.backward import grad
from gradsh.engine.functional import jvp
from gradsh.engine.leaf import finished, requires_grad_
from gradsh.engine.ops.creation import literal
from gradsh.engine.random import Generator, default_generator
from gradsh.engine.tensor import Tensor, new_tensor

Function = Callable[..., Any]


class GradcheckError(RuntimeError):
    """What gradcheck and gradgradcheck raise when derivatives are not what they should be."""


def gradcheck(
    func: Function,
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_forward_ad: bool = False,
    check_backward_ad: bool = True,
    fast_mode: bool = False,
) -> bool:
    """Compare the gradients of func at inputs with central differences of width eps.

    `func` takes the inputs (a tensor, or a tuple of tensors and other values) and gives a tensor
    or a tuple of tensors. Those inputs that require grad are checked; they should be float64 or
    complex128. True if every entry of every Jacobian agrees to within `atol + rtol * |entry|`;
    else GradcheckError, which shows both Jacobians (false if not `raise_exception`).
    `check_forward_ad` checks what `jvp` computes as well, and `fast_mode` compares one random
    projection of each Jacobian, and the whole only where that differs.

    gradcheck(x -> x.exp(), tensor([1., 2.], dtype=float64, requires_grad=true))
    """
    if not (check_forward_ad or check_backward_ad):
        raise ValueError(
            "Expected at least one of check_forward_ad or check_backward_ad to be True"
        )
    check = _Check(func, _as_tuple(inputs), eps, atol, rtol)
    check.refuse_inputs()
    try:
        if check_backward_ad:
            check.backward_mode(nondet_tol, check_grad_dtypes, fast_mode)
        if check_forward_ad:
            check.forward_mode()
        if check_backward_ad:
            check.zero_weights(check_undefined_grad)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def gradgradcheck(
    func: Function,
    inputs: Any,
    grad_outputs: Any = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_fwd_over_rev: bool = False,
    check_rev_over_rev: bool = True,
    fast_mode: bool = False,
) -> bool:
    """Compare the second derivatives of func at inputs with differences of its gradients.

    The gradients are those of the outputs weighted with `grad_outputs`, by default random numbers
    between -1 and 1. The other arguments, and the result, are those of gradcheck.

    gradgradcheck(x -> x.exp(), tensor([1., 2.], dtype=float64, requires_grad=true))
    """
    arguments = _as_tuple(inputs)
    if grad_outputs is None:
        outputs = _differentiable(func(*arguments))
        weights = tuple([_random_weight(out, gen_non_contig_grad_outputs) for out in outputs])
    else:
        weights = _as_tuple(grad_outputs)
    asked = [_requires_grad(argument) for argument in arguments]

    def gradients(*values: Any) -> tuple[Any, ...]:
        given, cotangents = values[: len(arguments)], values[len(arguments) :]
        sources = [
            requires_grad_(value) for value, wanted in zip(given, asked, strict=True) if wanted
        ]
        outputs = _differentiable(func(*given))
        found = grad(outputs, sources, cotangents, create_graph=True, allow_unused=True)
        return tuple([gradient for gradient in found if gradient is not None])

    return gradcheck(
        gradients,
        (*arguments, *weights),
        eps=eps,
        atol=atol,
        rtol=rtol,
        raise_exception=raise_exception,
        nondet_tol=nondet_tol,
        check_undefined_grad=check_undefined_grad,
        check_grad_dtypes=check_grad_dtypes,
        check_forward_ad=check_fwd_over_rev,
        check_backward_ad=check_rev_over_rev,
        fast_mode=fast_mode,
    )


def _as_tuple(values: Any) -> tuple[Any, ...]:
    if isinstance(values, list):
        if any(isinstance(value, Tensor) for value in values):
            return tuple(values)
        return (literal(values),)
    return values if isinstance(values, tuple) else (values,)


def _requires_grad(value: Any) -> bool:
    return isinstance(value, Tensor) and value.node is not None


def _differentiable(outputs: Any) -> tuple[Tensor, ...]:
    """The outputs that require grad."""
    found = []
    for output in _as_tuple(outputs):
        if not isinstance(output, Tensor):
            error = TypeError(
                f"gradcheck expects a function that returns tensors, not {type(output).__name__}"
            )
            error.add_note("a number becomes a tensor with `tensor(...)`")
            raise error
        if output.node is not None:
            found.append(output)
    return tuple(found)


def _random_weight(output: Tensor, gaps: bool) -> Tensor:
    """Random numbers between -1 and 1 in the output's shape and type, a leaf."""
    shape = output.array.shape
    numbers = default_generator.uniform(-1.0, 1.0, shape, output.array.dtype)
    if gaps and numbers.size > 1:
        wide = np.empty((*shape[:-1], shape[-1] * 2), numbers.dtype)[..., ::2]
        wide[...] = numbers
        numbers = wide
    return finished(numbers, True)


class _Check:
    """One function at one point."""

    def __init__(
        self, func: Function, inputs: tuple[Any, ...], eps: float, atol: float, rtol: float
    ) -> None:
        self.func = func
        self.inputs = inputs
        self.eps = eps
        self.atol = atol
        self.rtol = rtol

    @property
    def sources(self) -> list[Tensor]:
        """The inputs that are checked."""
        return [value for value in self.inputs if _requires_grad(value)]

    def refuse_inputs(self) -> None:
        """Warn of inputs that are too coarse for differences, refuse what cannot be changed."""
        for index, value in enumerate(self.inputs):
            if not _requires_grad(value):
                continue
            array = value.array
            if array.dtype.itemsize < (16 if array.dtype.kind == "c" else 8):
                warnings.warn(
                    f"Input #{index} requires gradient and is not a double precision floating "
                    "point or complex. This check will likely fail if all the inputs are not of "
                    "double precision floating point or complex. ",
                    stacklevel=3,
                )
            if any(
                step == 0 and length > 1
                for step, length in zip(array.strides, array.shape, strict=True)
            ):
                error = RuntimeError(
                    f"The {index}th input has a dimension with stride 0. gradcheck only supports "
                    "inputs that are non-overlapping to be able to compute the numerical "
                    "gradients correctly. You should call .contiguous on the input before "
                    "passing it to gradcheck."
                )
                error.add_note("`x.clone()` has its own memory for each element")
                raise error
        if not self.sources:
            refusal = ValueError(
                "gradcheck expects at least one input tensor to require gradient, but none of "
                "them have requires_grad=True."
            )
            refusal.add_note("make the input a leaf with `x = ... grad`")
            raise refusal

    def evaluate(self) -> tuple[Tensor, ...]:
        """The outputs at the inputs as they are now."""
        outputs = _as_tuple(self.func(*self.inputs))
        _differentiable(outputs)
        return outputs

    # -------------------------------------------------------------------- the two modes

    def backward_mode(self, nondet_tol: float, check_dtypes: bool, fast: bool) -> None:
        """Compare the Jacobians of backward passes with the numerical ones."""
        outputs = self.evaluate()
        checked = [index for index, out in enumerate(outputs) if out.node is not None]
        if fast and checked and self._projections_agree(outputs, checked):
            return
        parts = ["real"]
        if any(out.array.dtype.kind == "c" for out in outputs):
            parts = ["imaginary", "real"]
        for part in parts:
            if not checked:
                self._expect_zero(part)
                continue
            numerical = self._numerical(part)
            for position, index in enumerate(checked):
                analytical = self._analytical(outputs[index], part, nondet_tol, check_dtypes)
                for source, matrix in enumerate(analytical):
                    is_complex = outputs[index].array.dtype.kind == "c"
                    self._compare(
                        numerical[source][index],
                        matrix,
                        f"Jacobian mismatch for output {position} with respect to input {source},",
                        source,
                        f"While considering the {part} part of complex outputs only, "
                        if is_complex
                        else "",
                    )

    def forward_mode(self) -> None:
        """Compare the Jacobians of forward mode with the numerical ones."""
        outputs = self.evaluate()
        numerical = self._numerical(None)
        for source, tensor in enumerate(self.sources):
            if tensor.array.dtype.kind == "c":
                raise ValueError(
                    "Expected inputs to be non-complex for _get_analytical_jacobian_forward_ad."
                )
            columns: list[list[Any]] = [[] for _ in outputs]
            for direction in _unit_arrays(tensor.array, 1):
                tangents = self._tangents(tensor, direction)
                _, moved = jvp(self._of_sources, tuple(self.sources), tangents)
                for column, tangent in zip(columns, _as_tuple(moved), strict=True):
                    column.append(tangent.array.reshape(-1))
            position = 0
            for index, out in enumerate(outputs):
                if out.node is None:
                    continue
                shape = (tensor.array.size, out.array.size)
                matrix = np.array(columns[index], out.array.dtype).reshape(shape)
                self._compare(
                    numerical[source][index],
                    matrix,
                    f"Jacobian computed with forward mode mismatch for output {position} with "
                    f"respect to input {source},",
                    source,
                )
                position += 1

    def _of_sources(self, *values: Tensor) -> Any:
        """The function of the checked inputs alone."""
        rest = iter(values)
        return self.func(*[next(rest) if _requires_grad(value) else value for value in self.inputs])

    def _tangents(self, moved: Tensor, direction: Any) -> tuple[Tensor, ...]:
        return tuple(
            [
                new_tensor(direction if value is moved else np.zeros_like(value.array))
                for value in self.sources
            ]
        )

    # ------------------------------------------------------------------------- Jacobians

    def _numerical(self, part: str | None) -> list[list[Any]]:
        """For each checked input the Jacobians of all outputs, by central differences."""
        found = []
        for source in self.sources:
            rows: list[list[Any]] = []
            steps = [self.eps, self.eps * 1j] if source.array.dtype.kind == "c" else [self.eps]
            for place in np.ndindex(source.array.shape):
                moved = [self._difference(source, place, step, part) for step in steps]
                if len(moved) == 1:
                    rows.append(moved[0])
                else:
                    rows.append([x + y * 1j for x, y in zip(*moved, strict=True)])
            found.append(self._matrices(source, rows, part))
        return found

    def _matrices(self, source: Tensor, rows: list[list[Any]], part: str | None) -> list[Any]:
        """A matrix for each output, from a row for each element of the input."""
        if rows:
            return [np.array(columns) for columns in zip(*rows, strict=True)]
        return [np.zeros((0, out.array.size)) for out in self.evaluate()]

    def _difference(
        self, source: Tensor, place: tuple[int, ...], step: Any, part: str | None
    ) -> list[Any]:
        """The outputs' central difference over one element of one input, flattened."""
        array = source.array
        before = array[place]
        try:
            array[place] = before - step
            low = [_part(out.array, part).copy() for out in self.evaluate()]
            array[place] = before + step
            high = [_part(out.array, part).copy() for out in self.evaluate()]
        finally:
            array[place] = before
        for one, other in zip(low, high, strict=True):
            for what in ("shape", "dtype"):
                a, b = getattr(one, what), getattr(other, what)
                if a != b:
                    raise ValueError(
                        f"Expected `func` to return outputs with the same {what} when inputs are "
                        f"perturbed on index {place} by {self.eps}, but got: {what}s {a} and {b}."
                    )
        width = 2 * self.eps
        return [
            ((b.astype(int) - a.astype(int)) / width).reshape(-1)
            if a.dtype.kind in "biu"
            else ((b - a) / width).astype(a.dtype).reshape(-1)
            for a, b in zip(low, high, strict=True)
        ]

    def _expect_zero(self, part: str) -> None:
        """Where no output requires grad, none may depend on the inputs."""
        for matrices in self._numerical(part):
            if any(matrix.any() for matrix in matrices):
                raise GradcheckError("Numerical gradient for function expected to be zero")

    def _analytical(
        self, output: Tensor, part: str, nondet_tol: float, check_dtypes: bool
    ) -> list[Any]:
        """The Jacobians of one output with respect to each checked input, by backward passes."""
        first = self._rows(output, part, check_dtypes)
        for one, other in zip(first, self._rows(output, part, check_dtypes), strict=True):
            if one.size and not np.abs(one - other).max() <= nondet_tol:
                if np.isnan(one).any() and np.array_equal(one, other, equal_nan=True):
                    continue
                error = GradcheckError(
                    "Backward is not reentrant, i.e., running backward with same input and "
                    "grad_output multiple times gives different values, although analytical "
                    "gradient matches numerical gradient."
                    f"The tolerance for nondeterminism was {nondet_tol}."
                )
                error.add_note("where it is meant to be random, say how much: `nondet_tol=`")
                raise error
        return first

    def _rows(self, output: Tensor, part: str, check_dtypes: bool) -> list[Any]:
        matrices = [
            np.zeros((source.array.size, output.array.size), source.array.dtype)
            for source in self.sources
        ]
        unit = 1j if part == "imaginary" and output.array.dtype.kind == "c" else 1
        for column, weight in enumerate(_unit_arrays(output.array, unit)):
            found = grad(
                output, self.sources, new_tensor(weight), retain_graph=True, allow_unused=True
            )
            for matrix, gradient in zip(matrices, found, strict=True):
                if gradient is None:
                    continue
                if check_dtypes and gradient.array.dtype != matrix.dtype:
                    raise GradcheckError("Gradient has dtype mismatch")
                matrix[:, column] = gradient.array.reshape(-1)
        return matrices

    # ------------------------------------------------------------------------- comparing

    def _compare(
        self, numerical: Any, analytical: Any, complaint: str, source: int, prefix: str = ""
    ) -> None:
        """GradcheckError, with both matrices and the worst entry, unless they agree."""
        numerical = np.asarray(numerical)
        if numerical.dtype != analytical.dtype:
            common = np.result_type(numerical, analytical)
            compared = numerical.astype(common), analytical.astype(common)
        else:
            compared = numerical, analytical
        if self._agree(*compared):
            return
        error = GradcheckError(
            f"{prefix}{complaint}\nnumerical:{new_tensor(numerical)}\n"
            f"analytical:{new_tensor(analytical)}\n"
        )
        error.add_note(_worst_entry(*compared, self.sources[source].array.shape))
        raise error

    def _agree(self, numerical: Any, analytical: Any) -> bool:
        return bool(np.allclose(analytical, numerical, rtol=self.rtol, atol=self.atol))

    def _projections_agree(self, outputs: Sequence[Tensor], checked: Sequence[int]) -> bool:
        """Whether one random projection of each Jacobian agrees with its difference.

        Of complex numbers it is the real part, which random phases make depend on both parts.
        """
        numbers = Generator().manual_seed(0)  # the program's own stream goes on undisturbed
        directions = [_unit_vector(numbers, source.array) for source in self.sources]
        weights = {index: _unit_vector(numbers, outputs[index].array) for index in checked}
        pulled = {
            index: grad(
                outputs[index],
                self.sources,
                new_tensor(weights[index]),
                retain_graph=True,
                allow_unused=True,
            )
            for index in checked
        }
        for position, (source, direction) in enumerate(zip(self.sources, directions, strict=True)):
            moved = self._along(source, direction)
            for index in checked:
                gradient = pulled[index][position]
                analytical = 0.0 if gradient is None else np.vdot(direction, gradient.array).real
                numerical = np.vdot(weights[index], moved[index]).real
                if not self._agree(numerical, analytical):
                    return False
        return True

    def _along(self, source: Tensor, direction: Any) -> list[Any]:
        """The outputs' central difference along a direction in one input."""
        array = source.array
        before = array.copy()
        try:
            array[...] = before - direction * self.eps
            low = [out.array.copy() for out in self.evaluate()]
            array[...] = before + direction * self.eps
            high = [out.array.copy() for out in self.evaluate()]
        finally:
            array[...] = before
        return [
            np.subtract(b, a, dtype=np.result_type(a, float)) / (2 * self.eps)
            for a, b in zip(low, high, strict=True)
        ]

    # --------------------------------------------------------------------------- weights

    def zero_weights(self, check_undefined: bool) -> None:
        """Zero weights, and absent ones, must give gradients that are zero."""
        outputs = _differentiable(self.evaluate())
        if not outputs:
            return
        if any(gradient.array.any() for gradient in self._weighted_with_zeros(outputs)):
            raise GradcheckError("backward not multiplied by grad_output")
        if not check_undefined or len(outputs) == 1:
            return
        for absent in range(len(outputs)):
            outputs = _differentiable(self.evaluate())
            rest = [out for index, out in enumerate(outputs) if index != absent]
            try:
                gradients = self._weighted_with_zeros(rest)
            except RuntimeError as error:
                raise GradcheckError(
                    "Expected backward function to handle undefined output grads. Please look at "
                    '"Notes about undefined output gradients" in "tools/autograd/derivatives.yaml"'
                ) from error
            if any(gradient.array.any() for gradient in gradients):
                raise GradcheckError(
                    "Expected all input grads to be undefined or zero when all output grads are "
                    'undefined or zero. Please look at "Notes about undefined output gradients" '
                    'in "tools/autograd/derivatives.yaml"'
                )

    def _weighted_with_zeros(self, outputs: Sequence[Tensor]) -> list[Tensor]:
        weights = tuple([new_tensor(np.zeros_like(out.array)) for out in outputs])
        found = grad(outputs, self.sources, weights, allow_unused=True)
        return [gradient for gradient in found if gradient is not None]


def _part(array: Any, part: str | None) -> Any:
    """The real or imaginary part of a complex array; a real one, and without a part, itself."""
    if part is None or array.dtype.kind != "c":
        return array
    return array.real if part == "real" else array.imag


def _unit_arrays(array: Any, unit: Any) -> Iterator[Any]:
    """Arrays like `array`, zero but for `unit` at one element, which goes through all."""
    for place in range(array.size):
        values = np.zeros(array.shape, array.dtype)
        values.reshape(-1)[place] = unit
        yield values


def _unit_vector(numbers: Generator, array: Any) -> Any:
    values = numbers.rand(array.shape, np.float64)
    if array.dtype.kind == "c":
        values = values + 1j * numbers.rand(array.shape, np.float64)
    return (values / max(np.linalg.norm(values.reshape(-1)), 1e-30)).astype(array.dtype)


def _worst_entry(numerical: Any, analytical: Any, shape: tuple[int, ...]) -> str:
    """Which entry differs most, in words."""
    difference = np.abs(numerical - analytical)
    worst = int(np.argmax(np.where(np.isnan(difference), np.inf, difference)))
    row, column = (int(place) for place in np.unravel_index(worst, difference.shape))
    place = [int(part) for part in np.unravel_index(row, shape)]
    return (
        f"the worst entry is [{row}, {column}]: numerical {numerical[row, column]:.6g}, "
        f"analytical {analytical[row, column]:.6g} (element {place} of the input, element "
        f"{column} of the flattened output)"
    )
