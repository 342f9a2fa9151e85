"""CUDA without a toolkit: gpu/compute/kernels compiled at run time by NVRTC and launched on torch's stream.

cuda-bindings and NVRTC come from pip (the extra `cuda`). Nothing is imported before it is needed, and every
reason why there is no CUDA is said in words.
"""

from __future__ import annotations

import ctypes
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from gpu.errors import GpuError

if TYPE_CHECKING:
    from torch import Tensor

_OPTIONS = (b"--std=c++17", b"--fmad=false")
"""Without fused multiply-add a kernel's rounding is that of its twin."""

_POINTER = ctypes.c_void_p


class CudaUnavailableError(GpuError):
    """There is no CUDA here; the message says why and what to do."""


@cache
def compile_kernels(name: str, architecture: str) -> bytes:
    """Machine code (cubin) of ``kernels/<name>.cu`` for an architecture such as "sm_90". Needs no card.

    Raises:
        CudaUnavailableError: the compiler is not installed.
        GpuError: the compiler refused the source; its words are in the message.
    """
    nvrtc = _binding("nvrtc")
    source = resources.files("gpu.compute.kernels").joinpath(f"{name}.cu").read_bytes()
    program = _checked(nvrtc, nvrtc.nvrtcCreateProgram(source, f"{name}.cu".encode(), 0, [], []))
    options = [*_OPTIONS, f"--gpu-architecture={architecture}".encode()]
    try:
        (result,) = nvrtc.nvrtcCompileProgram(program, len(options), options)
        if result != nvrtc.nvrtcResult.NVRTC_SUCCESS:
            log = b" " * _checked(nvrtc, nvrtc.nvrtcGetProgramLogSize(program))
            _checked(nvrtc, nvrtc.nvrtcGetProgramLog(program, log))
            words = log.decode(errors="replace").rstrip("\0 \n")
            raise GpuError(f"kernels/{name}.cu was not compiled for {architecture}: {words}")
        cubin = b" " * _checked(nvrtc, nvrtc.nvrtcGetCUBINSize(program))
        _checked(nvrtc, nvrtc.nvrtcGetCUBIN(program, cubin))
        return cubin
    finally:
        nvrtc.nvrtcDestroyProgram(program)


class Kernels:
    """The kernels of one file on torch's present card, ready to launch.

    Raises:
        CudaUnavailableError: no card, no driver, or no compiler.
        GpuError: the compiler or the driver refused the kernels.
    """

    def __init__(self, name: str) -> None:
        import torch

        self._driver = _binding("driver")
        if not torch.cuda.is_available():
            raise CudaUnavailableError(
                "no NVIDIA graphics card that torch can use; compute on the CPU, or install a torch with CUDA"
            )
        torch.cuda.synchronize()  # makes torch's context the current one: modules belong to a context
        major, minor = torch.cuda.get_device_capability()
        cubin = compile_kernels(name, f"sm_{major}{minor}")
        self._module = _checked(self._driver, self._driver.cuModuleLoadData(cubin))
        self._functions: dict[str, Any] = {}

    def launch(
        self, function: str, *, blocks: int, threads: int, arguments: tuple[Tensor | Argument, ...]
    ) -> None:
        """Queue ``function`` on torch's present stream, where the tensors must live as long as it runs."""
        import torch

        if function not in self._functions:
            found = self._driver.cuModuleGetFunction(self._module, function.encode())
            self._functions[function] = _checked(self._driver, found)
        values: list[Any] = []
        types: list[Any] = []
        for argument in arguments:
            value, kind = argument if isinstance(argument, tuple) else (argument.data_ptr(), _POINTER)
            values.append(value)
            types.append(kind)
        stream = torch.cuda.current_stream().cuda_stream
        launched = self._driver.cuLaunchKernel(
            self._functions[function],
            blocks,
            1,
            1,
            threads,
            1,
            1,
            0,
            stream,
            (tuple(values), tuple(types)),
            0,
        )
        _checked(self._driver, launched)


Argument = tuple[int | float, Any]
"""A number and its ctypes type."""


@cache
def kernels(name: str) -> Kernels:
    """The kernels of ``kernels/<name>.cu``, compiled once a process. Raises as Kernels does."""
    return Kernels(name)


def _binding(part: str) -> Any:
    try:
        from cuda.bindings import driver, nvrtc
    except ImportError as error:
        raise CudaUnavailableError(
            f"CUDA kernels need the packages of the extra “cuda” (pip install 'foveola[cuda]'): {error}"
        ) from error
    return {"driver": driver, "nvrtc": nvrtc}[part]


def _checked(binding: Any, answer: tuple[Any, ...]) -> Any:
    """What a call of the bindings returned after its status, or its error in words."""
    status, *values = answer
    if status.value != 0:
        raise GpuError(f"{binding.__name__.rpartition('.')[2]}: {status.name}")
    return values[0] if values else None
