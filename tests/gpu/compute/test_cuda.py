"""Finding CUDA: what is missing is said in words, and refusals carry the compiler's own."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from gpu.compute import cuda
from gpu.compute.device import KernelProcessor
from gpu.errors import GpuError


@pytest.fixture(autouse=True)
def forget_compiled():
    cuda.compile_kernels.cache_clear()
    cuda.kernels.cache_clear()
    yield
    cuda.compile_kernels.cache_clear()
    cuda.kernels.cache_clear()


def test_without_the_packages_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "cuda.bindings", None)
    with pytest.raises(cuda.CudaUnavailableError, match=r"foveola\[cuda\]"):
        cuda.compile_kernels("allocate", "sm_90")


def test_without_a_card_asking_for_one_is_refused_not_ignored(monkeypatch):
    pytest.importorskip("cuda.bindings", reason="CUDA's Python bindings are not installed (extra “cuda”)")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(cuda.CudaUnavailableError, match="no NVIDIA graphics card"):
        KernelProcessor()


def test_what_the_compiler_refuses_comes_with_its_words(monkeypatch, tmp_path):
    pytest.importorskip("cuda.bindings", reason="CUDA's Python bindings are not installed (extra “cuda”)")
    Path(tmp_path / "broken.cu").write_text('extern "C" __global__ void broken() { nonsense; }\n')
    monkeypatch.setattr(cuda.resources, "files", lambda _: tmp_path)
    with pytest.raises(GpuError, match=r"(?s)broken.cu was not compiled for sm_90: .*nonsense"):
        cuda.compile_kernels("broken", "sm_90")


def test_an_architecture_that_does_not_exist_is_an_error_not_a_crash():
    pytest.importorskip("cuda.bindings", reason="CUDA's Python bindings are not installed (extra “cuda”)")
    with pytest.raises(GpuError, match="sm_1"):
        cuda.compile_kernels("allocate", "sm_1")


def test_machine_code_is_compiled_once():
    pytest.importorskip("cuda.bindings", reason="CUDA's Python bindings are not installed (extra “cuda”)")
    assert cuda.compile_kernels("allocate", "sm_90") is cuda.compile_kernels("allocate", "sm_90")
