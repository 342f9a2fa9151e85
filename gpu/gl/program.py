"""GLSL programs: sources with includes, compile errors that name file and line, cached uniform locations."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from importlib import resources

import numpy as np
from numpy.typing import NDArray
from OpenGL import GL

from gpu.errors import GpuError
from gpu.gl import strings

_VERSION_LINE = "#version 330 compatibility"
_INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"\s*$')
# Mesa "0:12(5): …", NVIDIA "0(12) : …", AMD and Intel "ERROR: 0:12: …": source number, then line.
_LOG_POSITION = re.compile(r"^(?:ERROR:\s*|WARNING:\s*)?\d+[:(](\d+)\)?")
# The file goes into the line number, as file * this + line: Mesa loses the source number of #line directives.
_LINES_PER_FILE = 10_000

ReadSource = Callable[[str], str]
UniformValue = int | float | Sequence[float] | NDArray[np.float32]


def read_shader(name: str) -> str:
    """Text of a file of the shaders package; raises GpuError if there is none of that name."""
    try:
        return resources.files("shaders").joinpath(name).read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise GpuError(strings.SHADER_MISSING.format(name=name)) from error


def expand_includes(name: str, read: ReadSource = read_shader) -> tuple[str, list[str]]:
    """The source of `name` with every `#include "file"` replaced by that file, each file once.

    Returns:
        The text, with #line directives, and the file names that readable_log needs to read a log about it.

    Raises:
        GpuError: a file is missing.
    """
    files: list[str] = []

    def expand(file: str) -> list[str]:
        number = len(files)
        files.append(file)
        lines = [f"#line {number * _LINES_PER_FILE + 1}"]
        for line_number, line in enumerate(read(file).splitlines(), start=1):
            match = _INCLUDE.match(line)
            if match is None:
                lines.append(line)
            elif match[1] not in files:
                lines.extend(expand(match[1]))
                lines.append(f"#line {number * _LINES_PER_FILE + line_number + 1}")
            else:
                lines.append("")
        return lines

    return "\n".join(expand(name)) + "\n", files


def readable_log(log: str, files: Sequence[str]) -> str:
    """A driver's log with its positions replaced by file name and line: `tile.frag:12: …`."""

    def readable(line: str) -> str:
        match = _LOG_POSITION.match(line)
        if match is None:
            return line
        file, file_line = divmod(int(match[1]), _LINES_PER_FILE)
        return f"{files[file]}:{file_line}{line[match.end() :]}" if file < len(files) else line

    return "\n".join(readable(line) for line in log.strip("\x00\n ").splitlines())


class Program:
    """A linked vertex and fragment shader of the current context.

    Args:
        vertex, fragment: file names in the shaders package.
        defines: names to #define in both; VERTEX and FRAGMENT are defined in theirs.
        read: where sources come from; tests give their own.

    Raises:
        GpuError: a source is missing, or does not compile or link; the message names file and line.
    """

    def __init__(
        self, vertex: str, fragment: str, *, defines: Iterable[str] = (), read: ReadSource = read_shader
    ) -> None:
        names = list(defines)
        shaders: list[int] = []
        try:
            for kind, file, stage in (
                (GL.GL_VERTEX_SHADER, vertex, "VERTEX"),
                (GL.GL_FRAGMENT_SHADER, fragment, "FRAGMENT"),
            ):
                header = "\n".join([_VERSION_LINE, *(f"#define {name} 1" for name in [stage, *names])])
                shaders.append(_compiled(kind, file, header, read))
            self.name: int = _linked(shaders, vertex, fragment)
        finally:
            for shader in shaders:
                GL.glDeleteShader(shader)
        self._locations: dict[str, int] = {}
        self._values: dict[str, int | float | Sequence[float]] = {}

    def set_uniforms(self, **values: UniformValue) -> None:
        """Set uniforms by name; the program must be in use.

        int sets an int, bool or sampler; float a float; a sequence of 2 to 4 floats a vector. A name that the
        compiler has removed as unused is ignored, as OpenGL itself does.
        """
        for name, value in values.items():
            if not isinstance(value, np.ndarray):
                if self._values.get(name) == value:  # set before, which takes far longer than this
                    continue
                self._values[name] = value
            location = self._locations.get(name)
            if location is None:
                location = self._locations[name] = int(GL.glGetUniformLocation(self.name, name))
            if isinstance(value, int):
                GL.glUniform1i(location, value)
            elif isinstance(value, float):
                GL.glUniform1f(location, value)
            else:
                vector = np.asarray(value, np.float32)
                _SET_VECTOR[vector.size](location, 1, vector)

    def release(self) -> None:
        """Delete the program; its context must be current."""
        GL.glDeleteProgram(self.name)
        self.name = 0


_SET_VECTOR = {2: GL.glUniform2fv, 3: GL.glUniform3fv, 4: GL.glUniform4fv}


def _compiled(kind: int, name: str, header: str, read: ReadSource) -> int:
    source, files = expand_includes(name, read)
    shader = int(GL.glCreateShader(kind))
    GL.glShaderSource(shader, f"{header}\n{source}")
    GL.glCompileShader(shader)
    if not GL.glGetShaderiv(shader, GL.GL_COMPILE_STATUS):
        log = _text(GL.glGetShaderInfoLog(shader))
        GL.glDeleteShader(shader)
        raise GpuError(strings.SHADER_NOT_COMPILED.format(name=name, log=readable_log(log, files)))
    return shader


def _linked(shaders: Sequence[int], vertex: str, fragment: str) -> int:
    program = int(GL.glCreateProgram())
    for shader in shaders:
        GL.glAttachShader(program, shader)
    GL.glLinkProgram(program)
    for shader in shaders:
        GL.glDetachShader(program, shader)
    if not GL.glGetProgramiv(program, GL.GL_LINK_STATUS):
        log = _text(GL.glGetProgramInfoLog(program))
        GL.glDeleteProgram(program)
        raise GpuError(strings.SHADERS_NOT_LINKED.format(vertex=vertex, fragment=fragment, log=log))
    return program


def _text(log: bytes | str) -> str:
    return log.decode("utf-8", "replace") if isinstance(log, bytes) else log
