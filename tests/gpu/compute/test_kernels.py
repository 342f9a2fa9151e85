"""Kernels: each compiles without a card, and gives what its torch twin gives: on the processor, on a card."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
import torch

from gpu.compute.allocate import allocate_tokens, joint_relevance, solve_tokens
from gpu.compute.cuda import compile_kernels
from gpu.compute.cuda_stain import density_table, separate_stains_on_cuda
from gpu.compute.device import KernelProcessor
from gpu.compute.knapsack import FLOOR, FLOOR_LEVEL, LEVELS
from gpu.compute.stain import separate_stains
from gpu.compute.token_steps import TOKEN_STEPS, TokenProblem

pytest.importorskip("cuda.bindings", reason="CUDA's Python bindings are not installed (extra “cuda”)")

NAMES = sorted(
    entry.name.removesuffix(".cu")
    for entry in resources.files("gpu.compute.kernels").iterdir()
    if entry.name.endswith(".cu")
)
on_card = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="no NVIDIA graphics card that torch can use"
)

ALLOCATE_ON_HOST = """
#include "cuda_on_host.h"
#include "allocate.cu"
extern "C" void allocate(
    const float* relevance, const unsigned short* past, int regions, const int* slopes,
    float floor_relevance, int floor_level, uint64 seats, int most, int64 budget, int64* answer,
    unsigned short* tokens
) {
    const int all = (LEVELS + 1) * COLUMNS, blocks = (regions + BLOCK - 1) / BLOCK;
    std::vector<int> bins(regions), counts(all), before(blocks);
    std::vector<unsigned char> table(all), ties(all);
    launch(allocate_count, 3, BLOCK, relevance, past, regions, floor_relevance, floor_level, seats,
           bins.data(), counts.data());
    launch(allocate_solve, 1, SOLVE_BLOCK, counts.data(), slopes, floor_level, past ? 11 : 10, past ? 9 : 10,
           past ? COLUMNS : 1, most, budget, table.data(), ties.data(), answer);
    launch(allocate_tied, blocks, BLOCK, bins.data(), ties.data(), regions, before.data());
    launch(allocate_offsets, 1, SOLVE_BLOCK, before.data(), blocks);
    launch(allocate_share, blocks, BLOCK, bins.data(), table.data(), ties.data(), before.data(), answer,
           regions, tokens);
}
"""

STAIN_ON_HOST = """
#include "cuda_on_host.h"
#include "stain.cu"
extern "C" void separate(
    const unsigned char* rgb, const float* density, const float* stains_from_density, long long pixels,
    float* densities, float* amounts
) {
    launch(separate_stains, 3, 64, rgb, density, stains_from_density, pixels, densities, amounts);
}
"""

PROBLEMS = {
    "plenty": (331, 22, 0),
    "middling": (102, 22, 2**29),
    "little": (70, 22, 2**28),
    "scarce": (30, 22, 2**28),
    "nothing": (0, 22, 0),
    "capped": (200, 13, 2**31),
    "everything": (400, 22, 2**32),
}


def regions(count=1_003):
    """Queried, unasked-for and strange ones, some of them equal."""
    rng = np.random.default_rng(5)
    relevance = joint_relevance(rng.beta(0.5, 2, count).astype(np.float32))
    relevance[100:400] = FLOOR
    relevance[400:500] = 0.7
    relevance[:6] = [np.nan, -np.inf, np.inf, -3, 0, 8]
    return relevance


def past_of(relevance):
    return allocate_tokens(np.roll(relevance, 3), 140 * relevance.size).tokens


@pytest.fixture(scope="module")
def on_host(tmp_path_factory):
    """Compile kernels and what launches them for the processor."""
    compiler = shutil.which("g++")
    if compiler is None:
        pytest.skip("no C++ compiler to run kernels on the processor")
    folder = tmp_path_factory.mktemp("kernels")

    def compiled(name, text):
        source, library = folder / f"{name}.cpp", folder / f"{name}.so"
        source.write_text(text, encoding="utf-8")
        with resources.as_file(resources.files("gpu.compute.kernels")) as kernels:
            include = [f"-I{kernels}", f"-I{Path(__file__).parent}"]
            command = [compiler, "-std=c++20", "-O1", "-shared", "-fPIC", "-pthread", *include, str(source)]
            subprocess.run([*command, "-o", str(library)], check=True, capture_output=True, text=True)
        return ctypes.CDLL(str(library))

    return compiled


@pytest.fixture(scope="module")
def allocate_on_host(on_host):
    return on_host("allocate", ALLOCATE_ON_HOST).allocate


def address(array):
    return array.ctypes.data_as(ctypes.c_void_p)


@pytest.mark.parametrize("architecture", ["sm_75", "sm_90"])
@pytest.mark.parametrize("name", NAMES)
def test_every_kernel_compiles_without_a_card(name, architecture):
    assert compile_kernels(name, architecture).startswith(b"\x7fELF")


@pytest.mark.parametrize("with_past", [False, True])
@pytest.mark.parametrize("name", PROBLEMS)
def test_the_allocation_kernel_run_on_the_processor_is_its_twin(allocate_on_host, name, with_past):
    tokens_each, most, seats = PROBLEMS[name]
    relevance = regions()
    past = past_of(relevance) if with_past else None
    budget = tokens_each * relevance.size // 16
    slopes = np.array(TOKEN_STEPS.slopes, np.int32)
    answer, tokens = np.zeros(4, np.int64), np.zeros(relevance.size, np.uint16)
    allocate_on_host(
        address(relevance),
        None if past is None else address(past),
        ctypes.c_int(relevance.size),
        address(slopes),
        ctypes.c_float(FLOOR),
        ctypes.c_int(FLOOR_LEVEL),
        ctypes.c_ulonglong(seats),
        ctypes.c_int(most),
        ctypes.c_longlong(budget),
        address(answer),
        address(tokens),
    )
    expected, price, scarce = twin(relevance, past, TokenProblem(budget, most, seats, None))
    assert (tokens == expected).all()
    assert (answer[0], answer[1]) == (price, scarce)


def twin(relevance, past, problem):
    held = None if past is None else torch.from_numpy(past.astype(np.int16))
    tokens, price, scarce = solve_tokens(torch.from_numpy(relevance), held, problem)
    return tokens.numpy(), price, scarce


def test_the_kernel_and_the_twin_agree_on_the_shape_of_the_problem():
    source = resources.files("gpu.compute.kernels").joinpath("allocate.cu").read_text(encoding="utf-8")
    for line in (f"STEPS {len(TOKEN_STEPS.costs)}", f"LEVELS {LEVELS}", f"FIRST_COST {TOKEN_STEPS.costs[0]}"):
        assert f"#define {line}\n" in source
    assert set(TOKEN_STEPS.costs[1:]) == {1}


@on_card
@pytest.mark.parametrize("with_past", [False, True])
@pytest.mark.parametrize("tokens_each", [0, 30, 70, 102, 331, 400])
def test_the_allocation_on_a_card_is_that_of_the_processor(tokens_each, with_past):
    relevance = regions(100_003)
    past = past_of(relevance) if with_past else None
    budget = tokens_each * relevance.size
    on_cpu = allocate_tokens(relevance, budget, previous=past)
    on_cuda = allocate_tokens(relevance, budget, previous=past, processor=KernelProcessor())
    assert (on_cuda.tokens == on_cpu.tokens).all()
    assert (on_cuda.price, on_cuda.scarce) == (on_cpu.price, on_cpu.scarce)


STAINS = torch.tensor([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11], [0.27, 0.57, 0.78]])
GLASS = torch.tensor([243.0, 240.0, 246.0])


def picture():
    """Every colour, in a picture whose sides divide by nothing."""
    return torch.randint(0, 256, (3, 73, 121), dtype=torch.uint8, generator=torch.Generator().manual_seed(4))


def test_the_stain_kernel_run_on_the_processor_is_its_twin(on_host):
    rgb = picture()
    densities, amounts = np.zeros(rgb.shape, np.float32), np.zeros(rgb.shape, np.float32)
    density, inverse = density_table(GLASS).numpy(), np.linalg.inv(STAINS.numpy()).T.copy()
    on_host("stain", STAIN_ON_HOST).separate(
        address(rgb.numpy()),
        address(density),
        address(inverse),
        ctypes.c_longlong(rgb[0].numel()),
        address(densities),
        address(amounts),
    )
    expected_densities, expected_amounts = separate_stains(rgb, GLASS, STAINS)
    assert densities == pytest.approx(expected_densities.numpy(), abs=2e-6)
    assert amounts == pytest.approx(expected_amounts.numpy(), abs=2e-5)


@on_card
def test_stains_on_a_card_are_those_of_the_processor():
    rgb = picture()
    on_cuda = separate_stains_on_cuda(rgb.cuda(), GLASS, STAINS)
    for found, expected in zip(on_cuda, separate_stains(rgb, GLASS, STAINS), strict=True):
        torch.testing.assert_close(found.cpu(), expected, atol=2e-5, rtol=1e-4)
