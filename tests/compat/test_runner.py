"""`python -m plait.compat`: a program runs as Python would run it, old names installed."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path

import pytest

import plait
from plait.compat import install

SHOW = """\
import sys, json
import nghttp2, plait.compat.nghttp2
print(json.dumps({
    "same": nghttp2 is plait.compat.nghttp2,
    "name": __name__, "file": __file__, "argv": sys.argv, "path0": sys.path[0],
    "main": sys.modules["__main__"].__dict__ is globals(),
    "package": __package__, "spec": getattr(__spec__, "name", None),
}))
"""


def python(
    *arguments: str | Path, cwd: Path | None = None, options: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", *options, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=60, check=False)


def compat(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return python("-m", "plait.compat", *arguments, cwd=cwd)


def shown(done: subprocess.CompletedProcess[str]) -> dict[str, object]:
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    facts: dict[str, object] = json.loads(done.stdout)
    return facts


@pytest.fixture
def program(tmp_path: Path) -> Path:
    folder = tmp_path / "programs"
    folder.mkdir()
    path = folder / "program.py"
    path.write_text(SHOW)
    return path


def test_a_script_sees_what_python_would_show_it(program: Path, tmp_path: Path) -> None:
    plain = program.with_name("plain.py")
    imports, same = SHOW.splitlines()[1], '"same": nghttp2 is plait.compat.nghttp2'
    plain.write_text(SHOW.replace(imports, "").replace(same, '"same": True'))
    relative = plain.relative_to(tmp_path)
    expected = shown(python(relative, "one", "-m", "--two", cwd=tmp_path))
    facts = shown(compat(relative, "one", "-m", "--two", cwd=tmp_path))
    assert facts == expected
    assert facts["path0"] == str(program.parent)
    assert facts["argv"] == [str(relative), "one", "-m", "--two"]


def test_the_old_name_leads_to_plaits_module(program: Path, tmp_path: Path) -> None:
    facts = shown(compat(program, "one", cwd=tmp_path))
    assert facts["same"] is True
    assert facts["argv"] == [str(program), "one"]
    assert facts["name"] == "__main__"
    assert facts["main"] is True


def test_modules_packages_folders_and_zip_files_run(program: Path, tmp_path: Path) -> None:
    package = tmp_path / "parent" / "package"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "__main__.py").write_text(SHOW)
    facts = shown(compat("-m", "program", "x", cwd=program.parent))
    assert facts["same"] is True
    assert facts["argv"] == [str(program), "x"]
    assert (facts["package"], facts["spec"]) == ("", "program")
    assert facts["path0"] == str(program.parent)
    facts = shown(compat("-m", "package", cwd=package.parent))
    assert (facts["package"], facts["spec"]) == ("package", "package.__main__")
    facts = shown(compat(package, cwd=tmp_path))
    assert (facts["package"], facts["spec"]) == ("", "__main__")
    assert facts["path0"] == str(package)
    archive = tmp_path / "program.pyz"
    with zipfile.ZipFile(archive, "w") as writer:
        writer.writestr("__main__.py", SHOW)
    facts = shown(compat(archive, "z"))
    assert facts["argv"] == [str(archive), "z"]
    assert facts["path0"] == str(archive)


def test_safe_path_is_respected(program: Path) -> None:
    done = python("-m", "plait.compat", program, options=("-P",), cwd=program.parent)
    assert shown(done)["path0"] != str(program.parent)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "usage: python -m plait.compat SCRIPT"),
        (["--frobnicate"], "there is no option --frobnicate"),
        (["-c", "pass"], "there is no option -c"),
        (["missing.py"], "cannot read 'missing.py': No such file or directory"),
        (["folder"], "there is no __main__.py in 'folder'"),
        (["-m"], "-m needs the name of a module"),
        (["-m", "no_such_module"], "no module named no_such_module"),
        (["-m", "no_such_package.module"], "no module named no_such_package.module"),
        (["-m", "json.no_such"], "no module named json.no_such"),
        (["-m", "xml"], "xml is a package without a __main__ module"),
        (["-m", "math"], "math has no Python code to run"),
        (["-m", ".x"], "no module can be named '.x'"),
    ],
)
def test_wrong_input_is_one_line_and_status_2(
    arguments: list[str], complaint: str, tmp_path: Path
) -> None:
    (tmp_path / "folder").mkdir()
    done = compat(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith(f"python -m plait.compat: {complaint}")
    assert done.stderr.count("\n") == 1


def test_an_unreadable_script_is_wrong_input(tmp_path: Path) -> None:
    # root may read everything, so the obstacle is one that also stops root
    loop = tmp_path / "loop.py"
    loop.symlink_to(loop)
    done = compat(loop)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Too many levels of symbolic links" in done.stderr


def test_help_and_version_are_not_errors() -> None:
    done = compat("--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "stands in for: h2, kyoukai, nghttp2, spdylay.\n" in done.stdout
    assert compat("--version").stdout == f"plait {plait.__version__}\n"


@pytest.mark.parametrize(
    ("source", "status"),
    [
        ("def f():\n    raise ValueError('mine')\nf()\n", 1),
        ("import sys\nsys.exit(7)\n", 7),
        ("import sys\nsys.exit('farewell')\n", 1),
        ("def f(:\n", 1),
        ("raise KeyboardInterrupt\n", -2),
        ("try:\n    1/0\nexcept ZeroDivisionError as e:\n    raise RuntimeError('b') from e\n", 1),
    ],
)
def test_a_failing_program_fails_as_under_python(source: str, status: int, tmp_path: Path) -> None:
    program = tmp_path / "failing.py"
    program.write_text(source)
    expected = python(program)
    done = compat(program)
    assert done.returncode == expected.returncode == status
    assert done.stderr == expected.stderr


def test_a_failing_module_shows_only_its_own_frames(tmp_path: Path) -> None:
    (tmp_path / "failing.py").write_text("import no_such_thing\n")
    done = compat("-m", "failing", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr == textwrap.dedent(f"""\
        Traceback (most recent call last):
          File "{tmp_path}/failing.py", line 1, in <module>
            import no_such_thing
        ModuleNotFoundError: No module named 'no_such_thing'
        """)


def test_a_broken_parent_package_is_not_hidden(tmp_path: Path) -> None:
    package = tmp_path / "broken"
    package.mkdir()
    (package / "__init__.py").write_text("import no_such_thing\n")
    (package / "module.py").write_text("")
    done = compat("-m", "broken.module", cwd=tmp_path)
    assert done.returncode == 1
    assert "import no_such_thing" in done.stderr
    assert "runner.py" not in done.stderr


def test_the_wsgi_helper_is_one_module_under_both_names(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import nghttp2.wsgi\n"
        "from nghttp2 import wsgi\n"
        "import plait.compat.nghttp2.wsgi as real\n"
        "assert nghttp2.wsgi is wsgi is real\n"
        "assert nghttp2.__spec__.name == 'plait.compat.nghttp2'\n"
        "assert issubclass(wsgi.WSGIContainer, nghttp2.BaseRequestHandler)\n"
        "import importlib\n"
        "assert importlib.reload(wsgi) is wsgi\n"
        "try:\n"
        "    import nghttp2.absent\n"
        "except ModuleNotFoundError as e:\n"
        "    print(e)\n"
    )
    done = compat(program)
    assert (done.stderr, done.returncode) == ("", 0)
    assert done.stdout == "No module named 'nghttp2.absent'\n"


def test_a_program_that_never_imports_it_pays_nothing(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import sys\nprint([m for m in sys.modules if 'nghttp2' in m or 'spdy' in m])\n"
    )
    assert compat(program).stdout == "[]\n"


def installing(code: str, folder: Path) -> str:
    done = python("-c", textwrap.dedent(code), cwd=folder)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_install_chooses_in_code(tmp_path: Path) -> None:
    (tmp_path / "nghttp2.py").write_text("REAL = True\n")
    code = """
        from plait.compat import install
        install("nghttp2")
        install("nghttp2")
        import nghttp2
        install()
        print(nghttp2.__name__, nghttp2.DATA_DEFERRED)
    """
    assert installing(code, tmp_path) == "plait.compat.nghttp2 2\n"


def test_spdylay_is_found_too(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import spdylay, plait.compat.spdylay\n"
        "assert spdylay is plait.compat.spdylay\n"
        "from spdylay import *\n"
        "print(EOFError.__module__, Session(CLIENT, PROTO_SPDY3).get_pri_lowest())\n"
    )
    done = compat(program)
    assert (done.stderr, done.returncode) == ("", 0)
    assert done.stdout == "plait.compat.spdylay.errors 7\n"


def test_install_refuses_when_another_module_is_in_use(tmp_path: Path) -> None:
    (tmp_path / "nghttp2.py").write_text("REAL = True\n")
    code = """
        import nghttp2
        from plait.compat import install
        try:
            install("nghttp2")
        except ImportError as problem:
            print(problem)
        assert nghttp2.REAL
    """
    said = installing(code, tmp_path)
    assert "another module nghttp2 has been imported already" in said
    assert str(tmp_path / "nghttp2.py") in said


def test_install_refuses_names_it_does_not_know() -> None:
    known = "h2, kyoukai, nghttp2, spdylay"
    with pytest.raises(ValueError, match=f"stands in for {known}, not for 'spam'"):
        install("spam")


@pytest.mark.parametrize("imported", ["h2", "h2.events"])
def test_install_refuses_when_the_real_h2_is_in_use(imported: str, tmp_path: Path) -> None:
    code = f"""
        import sys
        import {imported}
        for name in list(sys.modules):
            if name.partition(".")[0] == "h2" and name != {imported!r}:
                del sys.modules[name]  # one module is enough
        from plait.compat import install
        for names in (["h2"], ["nghttp2", "h2"], []):
            try:
                install(*names)
            except ImportError as problem:
                print(problem.name, problem)
        import importlib.util
        print(importlib.util.find_spec("nghttp2"))
    """
    *refused, found = installing(code, tmp_path).splitlines()
    assert len(refused) == 3
    for said in refused:
        assert said.startswith(f"{imported} another module {imported} has been imported already")
        assert "site-packages/h2/" in said
    assert found == "None"  # nothing of a refused call is done


CHILDREN = """\
import multiprocessing, sys
from concurrent.futures import ProcessPoolExecutor

import h2  # at the head of the program, which a child imports again

def found():
    import h2.events, nghttp2
    return [h2.__name__, h2.events.__name__, sys.modules["h2"].__name__, nghttp2.__name__]

def in_a_child(how):
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context(how)) as pool:
        return pool.submit(found).result()

def in_a_grandchild():
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(in_a_child, "spawn").result()

if __name__ == "__main__":
    assert "multiprocessing.spawn" not in sys.modules
    assert found() == in_a_grandchild() == in_a_child("forkserver") == in_a_child("fork")
    import multiprocessing.spawn as spawn
    assert type(spawn.__loader__) is type(spawn.__spec__.loader) is type(multiprocessing.__loader__)
    print(found())
"""
FOUND = "['plait.compat.h2', 'plait.compat.h2.events', 'plait.compat.h2', 'plait.compat.nghttp2']\n"


def test_processes_that_a_program_starts_see_the_same(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(CHILDREN)
    # 3.12 warns of threads in a process that forks, and the pool has one
    done = python("-m", "plait.compat", program, options=("-W", "ignore::DeprecationWarning"))
    assert (done.stderr, done.returncode) == ("", 0)
    assert done.stdout == FOUND


def test_a_program_that_chooses_in_code_has_children_too(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    choosing = "import multiprocessing.spawn; from plait.compat import install; install(); "
    main = "if __name__ == '__main__': print(in_a_child('spawn'))\n"
    source = CHILDREN.partition("if __name__")[0].replace("import h2  #", "#")
    program.write_text(source + main.replace("print", choosing + "print"))
    done = python(program)
    assert (done.stderr, done.returncode) == ("", 0)
    assert done.stdout == FOUND


def test_a_fork_server_does_not_import_the_program_before_its_children(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import multiprocessing.spawn as spawn\n"
        "from plait.compat import install\n"
        "before = spawn.get_preparation_data\n"
        "install()\n"
        "assert spawn.get_preparation_data is before\n"
        "asked = eval('lambda: spawn.get_preparation_data(\"any\")',\n"
        "             {'spawn': spawn, '__name__': 'multiprocessing.forkserver'})()\n"
        "of_a_child = spawn.get_preparation_data('any')\n"
        "print(*of_a_child.keys() - asked.keys())\n"
    )
    for how, entry in (([program], "path"), (["-m", "program"], "name")):
        done = compat(*how, cwd=tmp_path)
        assert (done.stderr, done.returncode) == ("", 0)
        assert done.stdout == f"init_main_from_{entry}\n"


def test_a_child_finds_plait_where_only_its_parent_knows_it(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import multiprocessing, sys\n"
        "def found():\n"
        "    import h2\n"
        "    print(h2.__name__)\n"
        "if __name__ == '__main__':\n"
        f"    sys.path.append({str(Path(plait.__file__).parents[1])!r})\n"
        "    from plait.compat import install\n"
        "    install('h2')\n"
        "    child = multiprocessing.get_context('spawn').Process(target=found)\n"
        "    child.start()\n"
        "    child.join()\n"
        "    sys.exit(child.exitcode)\n"
    )
    done = python(program, options=("-I", "-S"))
    assert (done.stderr, done.returncode) == ("", 0)
    assert done.stdout == "plait.compat.h2\n"


def test_h2_is_found_with_its_modules(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import sys\n"
        "import h2\n"
        "assert not hasattr(h2, 'connection')  # nobody has imported it\n"
        "from h2 import events\n"
        "import plait.compat.h2.events as real\n"
        "assert events is real is h2.events\n"
        "import h2.connection\n"
        "assert sys.modules['h2.events'] is events\n"
        "assert h2.connection.H2Connection.__module__ == 'plait.compat.h2.connection'\n"
        "# programs use these without an import of their own\n"
        "print(h2.config, h2.errors, h2.exceptions, h2.settings, h2.stream)\n"
        "for name in ('frame_buffer', 'windows', 'absent'):\n"
        "    try:\n"
        "        __import__(f'h2.{name}')\n"
        "    except ModuleNotFoundError as e:\n"
        "        print(e)\n"
    )
    done = compat(program)
    assert (done.stderr, done.returncode) == ("", 0)
    modules, *absent = done.stdout.splitlines()
    assert modules.count("<module 'plait.compat.h2.") == 5
    assert absent == [
        f"No module named 'h2.{name}'" for name in ("frame_buffer", "windows", "absent")
    ]
