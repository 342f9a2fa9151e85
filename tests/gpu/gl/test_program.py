"""Shader sources with includes, and errors that name the file and line."""

from __future__ import annotations

import numpy as np
import pytest
from OpenGL import GL

from gpu.errors import GpuError
from gpu.gl import strings
from gpu.gl.program import Program, expand_includes, read_shader, readable_log
from tests.messages import pattern

VERTEX = "void main() {\n    gl_Position = vec4(0.0);\n}\n"


def reader(**files):
    return lambda name: files[name.replace(".", "_")]


def test_include_is_expanded_once_with_line_numbers():
    text, files = expand_includes(
        "a.frag",
        reader(
            a_frag='#include "b.glsl"\n#include "c.glsl"\nvoid main() {}',
            b_glsl='#include "c.glsl"\nfloat b;',
            c_glsl="float c;",
        ),
    )
    assert files == ["a.frag", "b.glsl", "c.glsl"]
    assert text.count("float c;") == 1
    assert text.splitlines() == [
        "#line 1",
        "#line 10001",
        "#line 20001",
        "float c;",
        "#line 10002",
        "float b;",
        "#line 2",
        "",
        "void main() {}",
    ]


def test_file_that_includes_itself_ends():
    text, files = expand_includes("a.frag", reader(a_frag='#include "a.frag"\nfloat a;'))
    assert files == ["a.frag"]
    assert text.count("float a;") == 1


def test_missing_file_is_named():
    with pytest.raises(GpuError, match=pattern(strings.SHADER_MISSING, name="nowhere.glsl")):
        read_shader("nowhere.glsl")


@pytest.mark.parametrize(
    ("line", "readable"),
    [
        ("0:10012(5): error: x", "b.glsl:12(5): error: x"),
        ("0(10012) : error C1008: x", "b.glsl:12 : error C1008: x"),
        ("ERROR: 0:12: 'x' : undeclared", "a.frag:12: 'x' : undeclared"),
        ("0:70012(5): error: x", "0:70012(5): error: x"),
        ("linking failed", "linking failed"),
    ],
)
def test_logs_of_all_drivers_become_readable(line, readable):
    assert readable_log(line + "\n\x00", ["a.frag", "b.glsl"]) == readable


def test_compile_error_names_included_file_and_line():
    read = reader(
        v_vert=VERTEX,
        f_frag='#include "broken.glsl"\nout vec4 c;\nvoid main() { c = vec4(0.0); }',
        broken_glsl="float fine;\nfloat broken = nonsense;\n",
    )
    message = pattern(strings.SHADER_NOT_COMPILED, name="f.frag", log="") + r"(.*\n)*broken\.glsl:2"
    with pytest.raises(GpuError, match=message):
        Program("v.vert", "f.frag", read=read)


def test_link_error_names_both_shaders():
    read = reader(v_vert=VERTEX, f_frag="vec4 absent();\nout vec4 c;\nvoid main() { c = absent(); }")
    with pytest.raises(
        GpuError, match=pattern(strings.SHADERS_NOT_LINKED, vertex="v.vert", fragment="f.frag")
    ):
        Program("v.vert", "f.frag", read=read)


def test_defines_reach_both_stages():
    read = reader(
        v_vert="#if !defined(WANTED) || !defined(VERTEX) || defined(FRAGMENT)\n#error no\n#endif\n" + VERTEX,
        f_frag="#if !defined(WANTED) || !defined(FRAGMENT) || defined(VERTEX)\n#error no\n#endif\n"
        "out vec4 c;\nvoid main() { c = vec4(0.0); }",
    )
    Program("v.vert", "f.frag", defines=["WANTED"], read=read).release()


def test_uniforms_are_set_by_their_python_type_where_they_have_changed(monkeypatch):
    read = reader(
        v_vert=VERTEX,
        f_frag="uniform int i; uniform float f; uniform vec2 v2; uniform vec3 v3; uniform vec4 v4;\n"
        "out vec4 c;\nvoid main() { c = v4 + vec4(v3, f) + vec4(v2, float(i), 0.0); }",
    )
    program = Program("v.vert", "f.frag", read=read)
    GL.glUseProgram(program.name)
    values = {"i": 7, "f": 0.5, "v2": (1.0, 2.0), "v3": (3.0, 4.0, 5.0), "v4": (6.0, 7.0, 8.0, 9.0)}
    program.set_uniforms(**values, removed_as_unused=1.0)
    for name, value in values.items():
        location = GL.glGetUniformLocation(program.name, name)
        if name == "i":
            assert _read(program, location, 1, GL.glGetUniformiv, "i") == [value]
        else:
            wanted = [value] if isinstance(value, float) else list(value)
            assert _read(program, location, len(wanted), GL.glGetUniformfv, "f") == wanted
    calls = []
    with monkeypatch.context() as patch:
        patch.setattr(GL, "glUniform1f", lambda *_given: calls.append("set"))
        program.set_uniforms(f=0.5)
        assert not calls, "it has this value"
        program.set_uniforms(f=0.25)
        assert calls == ["set"]
    program.set_uniforms(v2=np.array([3.0, 4.0], np.float32))
    assert _read(program, GL.glGetUniformLocation(program.name, "v2"), 2, GL.glGetUniformfv, "f") == [3, 4]
    GL.glUseProgram(0)
    program.release()


def _read(program, location, count, get, kind):
    import ctypes

    array = ((ctypes.c_int if kind == "i" else ctypes.c_float) * count)()
    get(program.name, location, array)
    return list(array)
