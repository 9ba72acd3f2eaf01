#!/usr/bin/env python3
"""Fit the polynomial of `gradsh/engine/error_function.py` and print it with its largest error."""

import numpy as np
from scipy.special import erf, erfc

DEGREE, END, POINTS, ROUNDS = 9, 3.8, 3000, 400


def main() -> None:
    """Minimise the largest error of tanh(x * p(x²)) on (0, END) by Lawson's reweighting."""
    x = END * 0.5 * (1 - np.cos(np.pi * (np.arange(POINTS) + 0.5) / POINTS))
    x = x[x > 1e-3]
    wanted = 0.5 * np.log((1 + erf(x)) / erfc(x)) / x  # artanh(erf(x)) / x
    powers = np.polynomial.chebyshev.chebvander(2 * x * x / END**2 - 1, DEGREE)
    size = np.maximum(erf(x), 0.25)
    slope = x * (1 - erf(x) ** 2) / size  # of the result's error, by the polynomial's
    weight = np.ones_like(x)
    least, best = np.inf, np.zeros(DEGREE + 1)
    for _ in range(ROUNDS):
        factor = np.sqrt(weight) * slope
        found = np.linalg.lstsq(powers * factor[:, None], wanted * factor, rcond=None)[0]
        error = np.abs(np.tanh(x * (powers @ found)) - erf(x)) / size
        if error.max() < least:
            least, best = error.max(), found
        weight *= error + 1e-3 * error.max()
        weight /= weight.sum()
    fitted = np.polynomial.chebyshev.Chebyshev(best, domain=[0, END * END])
    for coefficient in fitted.convert(kind=np.polynomial.Polynomial).coef[::-1]:
        print(float(np.float32(coefficient)))
    print("largest error", least)


if __name__ == "__main__":
    main()
