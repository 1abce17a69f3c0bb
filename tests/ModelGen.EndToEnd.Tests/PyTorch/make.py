"""Writes numbers.json with PyTorch's own schedulers and optimizers: python3 make.py. The file that is there comes from Debian 12's python3-torch (1.13.1)."""
import json
import math
import warnings

import torch
from torch.optim import swa_utils
from torch.optim.lr_scheduler import *

warnings.simplefilter("ignore")
STEPS = 40
RATE = 0.1
VALUES = [1.0, 0.9, 0.95, 0.96, 0.8, 0.85, 0.9, 0.9, 0.8, 0.8, 0.8, 0.7999, 0.9, 0.9, 0.2, 0.3, 0.3, 0.3, 0.3, 0.3]


def sgd():
    return torch.optim.SGD([torch.zeros(1, requires_grad=True)], RATE, momentum=0.9)


SCHEDULES = {
    "StepLR": lambda o: StepLR(o, 7, 0.3),
    "MultiStepLR": lambda o: MultiStepLR(o, [3, 11, 12], 0.5),
    "ExponentialLR": lambda o: ExponentialLR(o, 0.93),
    "ConstantLR": lambda o: ConstantLR(o, 0.25, 6),
    "LinearLR": lambda o: LinearLR(o, 0.1, 0.8, 9),
    "PolynomialLR": lambda o: PolynomialLR(o, 25, 2),
    "LambdaLR": lambda o: LambdaLR(o, lambda step: 1 / (1.0 + step)),
    "MultiplicativeLR": lambda o: MultiplicativeLR(o, lambda step: 0.5 if step % 3 == 0 else 1.1),
    "CosineAnnealingLR": lambda o: CosineAnnealingLR(o, 10, 0.01),
    "CosineAnnealingWarmRestarts": lambda o: CosineAnnealingWarmRestarts(o, 5, 2, 0.01),
    "CyclicLR": lambda o: CyclicLR(o, 0.01, RATE, 4, 6, base_momentum=0.8, max_momentum=0.9),
    "CyclicLR, triangular2": lambda o: CyclicLR(o, 0.01, RATE, 3, mode="triangular2", base_momentum=0.8, max_momentum=0.9),
    "CyclicLR, exp_range": lambda o: CyclicLR(o, 0.01, RATE, 3, 5, mode="exp_range", gamma=0.97, base_momentum=0.8, max_momentum=0.9),
    "OneCycleLR": lambda o: OneCycleLR(o, RATE, STEPS),
    "OneCycleLR, three phases": lambda o: OneCycleLR(o, RATE, STEPS, pct_start=0.4, anneal_strategy="linear", div_factor=10, final_div_factor=100, three_phase=True),
    "SequentialLR": lambda o: SequentialLR(o, [ConstantLR(o, 0.1, 2), ExponentialLR(o, 0.9)], [4]),
    "SequentialLR, warm-up": lambda o: SequentialLR(o, [LinearLR(o, 0.1, 1, 5), StepLR(o, 10, 0.5)], [5]),
    "ChainedScheduler": lambda o: ChainedScheduler([ConstantLR(o, 0.5, 4), ExponentialLR(o, 0.9)]),
    "SWALR": lambda o: swa_utils.SWALR(o, 0.02, 8),
    "SWALR, linear": lambda o: swa_utils.SWALR(o, 0.2, 5, "linear"),
}

PLATEAUS = {
    "min": dict(factor=0.5, patience=1),
    "max": dict(mode="max", factor=0.5, patience=2, threshold=0.01, threshold_mode="abs"),
    "cooldown": dict(factor=0.3, patience=0, threshold=0.05, cooldown=2, min_lr=0.004),
}

OPTIMIZERS = {
    "SGD": lambda p: torch.optim.SGD(p, 0.05, 0.9, weight_decay=0.01, nesterov=True),
    "SGD, dampened": lambda p: torch.optim.SGD(p, 0.05, 0.9, 0.4, 0.01),
    "SGD, maximized": lambda p: torch.optim.SGD(p, 0.01, 0.9, weight_decay=0.01, maximize=True),
    "Adam": lambda p: torch.optim.Adam(p, 0.01, weight_decay=0.1),
    "Adam, AMSGrad": lambda p: torch.optim.Adam(p, 0.01, (0.9, 0.9), weight_decay=0.1, amsgrad=True),
    "AdamW": lambda p: torch.optim.AdamW(p, 0.01, weight_decay=0.1),
    "AdamW, AMSGrad": lambda p: torch.optim.AdamW(p, 0.01, (0.9, 0.9), weight_decay=0.1, amsgrad=True),
    "Adagrad": lambda p: torch.optim.Adagrad(p, 0.05, 0.01, 0.01),
    "Adadelta": lambda p: torch.optim.Adadelta(p, 1, weight_decay=0.01),
    "Adamax": lambda p: torch.optim.Adamax(p, 0.01, weight_decay=0.01),
    # The other implementation of 1.13 has one factor too many in the product of momenta, which later releases mended.
    "NAdam": lambda p: torch.optim.NAdam(p, 0.01, weight_decay=0.01, foreach=True),
    "RAdam": lambda p: torch.optim.RAdam(p, 0.01, weight_decay=0.01),
    "RMSProp": lambda p: torch.optim.RMSprop(p, 0.01, weight_decay=0.01),
    "RMSProp, centred, momentum": lambda p: torch.optim.RMSprop(p, 0.001, weight_decay=0.01, momentum=0.8, centered=True),
    "ASGD": lambda p: torch.optim.ASGD(p, 0.05, 0.01, 0.75, 20, 0.01),
    "Rprop": lambda p: torch.optim.Rprop(p, 0.01),
}


def schedule(make):
    optimizer = sgd()
    scheduler = make(optimizer)
    rates, momenta = [], []
    for _ in range(STEPS):
        rates.append(optimizer.param_groups[0]["lr"])
        momenta.append(optimizer.param_groups[0]["momentum"])
        optimizer.step()
        if len(rates) < STEPS:
            scheduler.step()
    return {"rates": rates, "momenta": momenta}


def plateau(settings):
    optimizer = sgd()
    scheduler = ReduceLROnPlateau(optimizer, **settings)
    rates = []
    for value in VALUES:
        optimizer.step()
        scheduler.step(-value if settings.get("mode") == "max" else value)
        rates.append(optimizer.param_groups[0]["lr"])
    return rates


def optimize(make):
    # Twelve numbers, each its own gradient: that of a bowl and a wave.
    parameter = torch.tensor([math.cos(i) for i in range(12)], dtype=torch.float64).reshape(4, 3).requires_grad_()
    optimizer = make([parameter])
    for step in range(STEPS):
        wave = torch.tensor([math.sin(1.7 * step + 0.9 * i) for i in range(12)], dtype=torch.float64).reshape(4, 3)
        parameter.grad = 0.5 * parameter.detach() + 0.3 * wave
        optimizer.step()
    return parameter.detach().flatten().tolist()


def quadratic(p):
    # Ill-conditioned: a Hilbert matrix with a little on its diagonal.
    a = torch.tensor([[1 / (i + j + 1) + (0.01 if i == j else 0) for j in range(12)] for i in range(12)], dtype=torch.float64)
    b = torch.tensor([math.sin(i + 1) for i in range(12)], dtype=torch.float64)
    return 0.5 * p @ (a @ p) - b @ p


def rosenbrock(p):
    return (100 * (p[1:] - p[:-1] ** 2) ** 2 + (1 - p[:-1]) ** 2).sum()


def network(p):
    # Twelve numbers: two inputs, three tanh, one output.
    x = torch.tensor([[math.sin(0.7 * i), math.cos(1.3 * i)] for i in range(20)], dtype=torch.float64)
    y = torch.tensor([math.sin(2.1 * i) * math.cos(0.4 * i) for i in range(20)], dtype=torch.float64)
    hidden = torch.tanh(x @ p[:6].reshape(2, 3) + p[6:9])
    return ((hidden @ p[9:12] - y) ** 2).mean()


FUNCTIONS = {"quadratic": quadratic, "rosenbrock": rosenbrock, "network": network}

SEARCHES = {
    "quadratic": ("quadratic", 6, dict(lr=1)),
    "quadratic, strong Wolfe": ("quadratic", 6, dict(lr=1, line_search_fn="strong_wolfe")),
    "quadratic, short memory": ("quadratic", 8, dict(lr=0.7, max_iter=5, history_size=3)),
    "quadratic, one iteration": ("quadratic", 12, dict(lr=0.5, max_iter=1)),
    "quadratic, tolerances": ("quadratic", 4, dict(lr=1, max_iter=200, tolerance_grad=1e-2, line_search_fn="strong_wolfe")),
    "quadratic, small changes": ("quadratic", 4, dict(lr=1, max_iter=200, tolerance_change=1e-2)),
    "rosenbrock, strong Wolfe": ("rosenbrock", 6, dict(lr=1, max_iter=10, line_search_fn="strong_wolfe")),
    "rosenbrock, long first step": ("rosenbrock", 4, dict(lr=20, max_iter=8, line_search_fn="strong_wolfe")),
    "rosenbrock, few evaluations": ("rosenbrock", 8, dict(lr=1, max_iter=20, max_eval=5, line_search_fn="strong_wolfe")),
    "rosenbrock, short steps": ("rosenbrock", 8, dict(lr=0.02, max_iter=10)),
    "network": ("network", 8, dict(lr=0.3, max_iter=10)),
    "network, strong Wolfe": ("network", 8, dict(lr=1, max_iter=10, line_search_fn="strong_wolfe")),
    "network, short memory, strong Wolfe": ("network", 8, dict(lr=1, max_iter=8, history_size=4, line_search_fn="strong_wolfe")),
}


def search(name, steps, settings):
    p = torch.tensor([math.cos(i) for i in range(12)], dtype=torch.float64).requires_grad_()
    optimizer = torch.optim.LBFGS([p], **settings)

    def closure():
        optimizer.zero_grad()
        loss = FUNCTIONS[name](p)
        loss.backward()
        return loss

    losses, iterations, evaluations = [], [], []
    for _ in range(steps):
        losses.append(float(optimizer.step(closure)))
        iterations.append(optimizer.state[p]["n_iter"])
        evaluations.append(optimizer.state[p]["func_evals"])
    return {"losses": losses, "iterations": iterations, "evaluations": evaluations, "parameters": p.detach().tolist()}


with open("numbers.json", "w", encoding="utf-8") as file:
    json.dump({
        "schedules": {name: schedule(make) for name, make in SCHEDULES.items()},
        "plateaus": {name: plateau(settings) for name, settings in PLATEAUS.items()},
        "values": VALUES,
        "optimizers": {name: optimize(make) for name, make in OPTIMIZERS.items()},
        "searches": {name: search(*case) for name, case in SEARCHES.items()},
    }, file, indent=0)
