"""The sidecars say what the modules say.

An attribute that a class assigns and its sidecar does not declare compiles, and fails
when the assignment runs; one that is declared and never assigned reads as 0 or None in
the compiled variant and raises in the plain one. The compiler reports neither.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.support.project import (
    SOURCE,
    imports,
    module_name,
    modules,
    modules_with_sidecar,
    syntax_of,
)
from tests.support.sidecars import Declared, read_cimports, read_sidecar

COMPILED = modules_with_sidecar()
SIDECARS = {name: read_sidecar(path.with_suffix(".pxd")) for name, path in COMPILED.items()}
CLASSES = [(n, c) for n, found in SIDECARS.items() for c in found if c]
BY_NAME = {cls: found[cls] for found in SIDECARS.values() for cls in found if cls}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def tree_of(module: str) -> ast.Module:
    return syntax_of(COMPILED[module])


def class_of(module: str, name: str) -> ast.ClassDef:
    for node in tree_of(module).body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            return node
    raise AssertionError(f"{module} has no class {name}, which its sidecar declares")


def functions(body: list[ast.stmt]) -> dict[str, Function]:
    return {node.name: node for node in body if isinstance(node, Function)}


def is_property(node: Function) -> bool:
    for mark in node.decorator_list:
        if isinstance(mark, ast.Name) and mark.id in ("property", "cached_property"):
            return True
        if isinstance(mark, ast.Attribute) and mark.attr in ("setter", "deleter"):
            return True
    return False


def assigned(node: ast.ClassDef) -> dict[str, int]:
    """Names assigned as `self.name` in the methods of a class, with a line that does it."""
    found: dict[str, int] = {}
    for method in node.body:
        if not isinstance(method, Function) or not method.args.args:
            continue
        me = method.args.args[0].arg
        for part in ast.walk(method):
            if (
                isinstance(part, ast.Attribute)
                and isinstance(part.ctx, ast.Store | ast.Del)
                and isinstance(part.value, ast.Name)
                and part.value.id == me
            ):
                found.setdefault(part.attr, part.lineno)
    return found


def inherited(declared: Declared) -> set[str]:
    """The attributes of a class and of its compiled bases."""
    names = set(declared.attributes)
    while declared.base in BY_NAME:
        declared = BY_NAME[declared.base]
        names |= declared.attributes
    return names


def slots(node: ast.ClassDef) -> list[str] | None:
    for part in node.body:
        if isinstance(part, ast.Assign) and ast.unparse(part.targets[0]) == "__slots__":
            value = ast.literal_eval(part.value)
            return [value] if isinstance(value, str) else list(value)
    return None


@pytest.mark.parametrize(("module", "name"), CLASSES)
def test_every_attribute_a_compiled_class_assigns_is_declared(module: str, name: str) -> None:
    node = class_of(module, name)
    properties = {n for n, method in functions(node.body).items() if is_property(method)}
    known = inherited(SIDECARS[module][name]) | properties
    missing = {f"{n} (line {line})" for n, line in assigned(node).items() if n not in known}
    assert not missing, f"{module}.{name}: not in the sidecar: {sorted(missing)}"


@pytest.mark.parametrize(("module", "name"), CLASSES)
def test_every_declared_attribute_is_assigned(module: str, name: str) -> None:
    node = class_of(module, name)
    special = {"__dict__", "__weakref__"}  # places that the interpreter fills
    forgotten = SIDECARS[module][name].attributes - assigned(node).keys() - special
    assert not forgotten, f"{module}.{name}: only in the sidecar: {sorted(forgotten)}"


@pytest.mark.parametrize(("module", "name"), CLASSES)
def test_slots_and_sidecar_agree(module: str, name: str) -> None:
    names = slots(class_of(module, name))
    if names is not None:
        assert set(names) == SIDECARS[module][name].attributes


@pytest.mark.parametrize("module", COMPILED)
def test_declared_functions_exist_with_as_many_parameters(module: str) -> None:
    for name, declared in SIDECARS[module].items():
        body = class_of(module, name).body if name else tree_of(module).body
        defined = functions(body)
        for method, count in declared.methods.items():
            assert method in defined, f"{module}: {name}.{method} is only in the sidecar"
            arguments = defined[method].args
            written = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
            assert len(written) == count, f"{module}: {name}.{method} takes other parameters"


def test_nobody_imports_a_variable_that_is_typed_in_a_sidecar() -> None:
    # such a variable is not in the module's namespace any more
    gone = {f"{module}.{name}" for module in COMPILED for name in SIDECARS[module][""].attributes}
    for module, path in modules().items():
        for line, target in imports(path):
            assert target not in gone, f"{module}:{line} imports {target}"


@pytest.mark.parametrize("module", COMPILED)
def test_declared_functions_make_no_closures(module: str) -> None:
    for name, declared in SIDECARS[module].items():
        body = class_of(module, name).body if name else tree_of(module).body
        for method, node in functions(body).items():
            if method in declared.methods:
                inner = [part for part in ast.walk(node) if part is not node]
                bad = [p for p in inner if isinstance(p, Function | ast.Lambda | ast.GeneratorExp)]
                assert not bad, f"{module}: {name}.{method}, line {bad[0].lineno}"


@pytest.mark.parametrize("module", COMPILED)
def test_a_type_is_imported_from_where_its_sidecar_has_it_from(module: str) -> None:
    # a name that comes from two places is a variable in one and a C type in the other
    typed = read_cimports(COMPILED[module].with_suffix(".pxd"))
    for line, target in imports(COMPILED[module]):
        where, _, name = target.rpartition(".")
        assert typed.get(name, where) == where, f"{module}:{line}: import it from {typed[name]}"


def test_no_source_knows_about_the_compiler() -> None:
    for name, path in modules().items():
        for node in ast.walk(syntax_of(path)):
            if isinstance(node, ast.Import):
                imported = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                imported = [node.module or ""]
            else:
                continue
            for target in imported:
                assert target.lower().partition(".")[0] != "cython", f"{name}:{node.lineno}"


def test_every_sidecar_stands_beside_a_module() -> None:
    for sidecar in (SOURCE / "plait").rglob("*.pxd"):
        assert sidecar.with_suffix(".py").exists(), sidecar
        assert module_name(sidecar) in COMPILED


def read(tmp_path: Path, text: str) -> dict[str, Declared]:
    path = tmp_path / "x.pxd"
    path.write_text(text)
    return read_sidecar(path)


def test_the_reader_knows_every_form_of_declaration(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        """
from plait.hpack.table cimport Table
cimport cython

cdef object _private
cdef long long _a, _b  # two
cpdef bytes encode(list fields, int flags=*)
cdef inline (long long, int) pair(const unsigned char* data,
                                  Py_ssize_t at) except *

@cython.final
cdef class Window(base.Counter):
    cdef:
        readonly dict streams
        public list[int] order
    cdef public long long size, limit
    cdef unsigned char* data
    cdef unsigned char flags[16]
    cdef Table table
    @cython.locals(n=int)
    cpdef long long take(self, long long n)
    cdef void _grow(self) noexcept
    cpdef bint full(self) except -1

cdef class Empty:
    pass
""",
    )
    assert found[""].attributes == {"_private", "_a", "_b"}
    assert found[""].methods == {"encode": 2, "pair": 2}
    window = found["Window"]
    assert window.base == "Counter"
    wanted = {"streams", "order", "size", "limit", "data", "flags", "table"}
    assert window.attributes == wanted
    assert window.methods == {"take": 2, "_grow": 1, "full": 1}
    assert found["Empty"].attributes == set()
