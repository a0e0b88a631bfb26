"""Fit a random-intercept model over strata: the kit, and statsmodels' variational Bayes, side by side in one run.

    .venv/bin/python benchmarks/strata.py [STRATA PEOPLE]

Made-up strata whose log odds deviate with a standard deviation of .5, a null model; statsmodels takes one row for each
person. Prints medians of five alternating rounds in processor seconds, their ratios, and what each makes of it.
"""

import statistics
import sys
import time

import numpy as np
import scipy.sparse
from scipy import special
from statsmodels.genmod.bayes_mixed_glm import BinomialBayesMixedGLM

from divimpact.strata import predictions, random_intercept, sd_limits

SD = 0.5


def main(strata: int, people: int) -> None:
    rng = np.random.default_rng(1)
    nobs = rng.integers(people // 5, 2 * people - people // 5 + 1, strata)
    deviations = rng.normal(0, SD, strata)
    count = rng.binomial(nobs, special.expit(-1.2 + deviations))
    ones = np.ones((strata, 1))
    yes = np.concatenate([np.repeat([1.0, 0.0], [x, n - x]) for x, n in zip(count, nobs, strict=True)])
    of = np.repeat(np.arange(strata), nobs)
    rows = np.ones((len(yes), 1))
    member = scipy.sparse.csr_matrix((np.ones(len(yes)), (np.arange(len(yes)), of)))
    fit = random_intercept(count, nobs, ones)
    contenders = {
        "kit": lambda: random_intercept(count, nobs, ones).sd,
        "kit with limits": lambda: sd_limits(random_intercept(count, nobs, ones)),
        "kit with predictions": lambda: predictions(random_intercept(count, nobs, ones)),
        "statsmodels fit_vb": lambda: np.exp(
            BinomialBayesMixedGLM(yes, rows, member, np.zeros(strata, dtype=int)).fit_vb().vcp_mean[0]
        ),
    }
    found = {name: run() for name, run in contenders.items()}
    seconds = {name: [] for name in contenders}
    for _ in range(5):
        for name, run in contenders.items():
            start = time.process_time()
            run()
            seconds[name].append(time.process_time() - start)
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    print(
        f"{strata} strata, {len(yes):,} people; standard deviation drawn {deviations.std():.3f}, kit {fit.sd:.3f} "
        f"({sd_limits(fit)[0]:.3f} to {sd_limits(fit)[1]:.3f}), fit_vb {found['statsmodels fit_vb']:.3f}"
    )
    for name, median in medians.items():
        print(f"{name:21} {median:7.3f} s   {median / medians['kit']:7.1f} of the kit's fit")


if __name__ == "__main__":
    main(*(int(given) for given in sys.argv[1:3])) if len(sys.argv) > 1 else main(80, 60)
