from __future__ import annotations

import ast
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("validation", "backfill", "webapp")
MODULES = [
    f
    for package in PACKAGES
    for f in sorted((ROOT / package).rglob("*.py"))
    if "migrations" not in f.parts
]
BENCH = sorted((ROOT / "bench").rglob("*.py"))
# Packages that each package may import.
MAY_IMPORT = {"validation": set(), "backfill": {"validation"}, "webapp": {"backfill", "validation"}}
# From the bottom up. A module belongs to the longest name that it begins with, and imports only
# from its own line or from lines above it.
LAYERS = (
    "errors version process_id crash_points logs backoff private_files liveness elapsed celery_app"
    " session_defaults telemetry",
    "warehouse.schema warehouse.tables",  # declarations
    "statements",
    "processors",
    "warehouse",
    "plan.cells plan.date_lists plan.option_fields plan.options",  # stored options
    "models",
    "season_calendar column_shares input_checks",
    "plan",
    "status",
    "versions",
    "execution.queue execution.live_checks",  # messages to the workers, conditions of a live run
    "audit",
    "drilldown",
    "notify",
    "execution telemetry.lineage telemetry.lineage_events",
    "jobs",
    "execution.tasks execution.sweep",  # entry points of the workers
    "documents queries ingest simulation recovery checks",
    "cli",
    "processes",
    "management",
    "apps",
)
# Demo seasons: for their own command, and for tests and measurements.
SIMULATION = "backfill.simulation"
BENCH = sorted((ROOT / "bench").glob("*.py"))
CLI = ("backfill", "cli")
MOST_LINES = 350
MOST_MODULES = 18
# Read only: a preview shows exactly the runs that would start, and opening a page changes nothing.
READ_ONLY = {"plan", "status"}
WRITES = {
    *("save", "asave", "update", "aupdate", "create", "acreate", "delete", "adelete"),
    *("get_or_create", "update_or_create", "bulk_create", "bulk_update"),
    *("transition", "insert", "locked", "select_for_update"),
}
# Counters, not querysets.
COUNTERS = {
    "backfill/status/comparison.py": ["update"],
    "backfill/status/progress.py": ["update"],
    "backfill/status/season_failures.py": ["update"],
}
# Django gives each of these the same name in every module that declares one.
DJANGO_NAMES = {"Command", "Meta", "Migration", "State", "Status"}
# Kind: nested enumerations of two models.
SHARED_NAMES = {"Kind"}
DECLARATIONS = {"backfill/warehouse/tables.py"}
# Positional arguments of one call; a starred one counts once.
MOST_POSITIONAL = 5
# Calls that take a list item by item: iterables, the values of a text, columns of a query, and the
# words of a command line.
VARIADIC = {"chain", "format_html", "only", "manage"}
# A value class of up to three fields is a pair or a triple, and may be positional. A NamedTuple is
# made of a row, with a star; the rule of calls bounds it.
MOST_POSITIONAL_FIELDS = 3
REGISTRY = {"BY_REF", "BY_SHORT", "CHAIN", "CODES", "OUTPUTS", "PROCESSORS", "RULES", "TABLES"}
COMMANDS = sorted(f.stem for f in ROOT.glob("*/management/commands/*.py") if f.stem != "__init__")


def name_of(module: Path) -> str:
    return module.relative_to(ROOT).as_posix()


def package_of(module: Path) -> str:
    return module.relative_to(ROOT).parts[0]


@cache
def imported(module: Path) -> frozenset[str]:
    """Return the top-level packages that a module imports anywhere, its own included."""

    def found() -> Iterator[str]:
        for node in ast.walk(parsed(module)):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield package_of(module) if node.level else node.module or ""

    return frozenset(name.partition(".")[0] for name in found())


def test_imports_run_one_way() -> None:
    others = {m: imported(m) & set(PACKAGES) - {package_of(m)} for m in MODULES}
    assert {
        name_of(m): found - MAY_IMPORT[package_of(m)]
        for m, found in others.items()
        if found - MAY_IMPORT[package_of(m)]
    } == {}


def dotted(module: Path) -> str:
    parts = module.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


BY_NAME = {dotted(m): m for m in MODULES}


@cache
def imported_modules(module: Path) -> frozenset[str]:
    """Return the product's modules that a module imports, lazy and type-only imports included."""

    def found() -> Iterator[str]:
        for node in ast.walk(parsed(module)):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                origin = node.module or ""
                names = [f"{origin}.{alias.name}" for alias in node.names]
                yield from names
                # A package that only names its submodules is no dependency.
                if not all(name in BY_NAME for name in names):
                    yield origin

    return frozenset(name for name in found() if name in BY_NAME) - {dotted(module)}


def in_folder(module: Path, *folder: str) -> bool:
    return module.relative_to(ROOT).parts[: len(folder)] == folder


def importing(modules: list[Path], *prefixes: str) -> dict[str, list[str]]:
    """Return the modules that import names under these dotted prefixes, each with these names."""
    found = {
        name_of(m): sorted(
            name
            for name in imported_modules(m)
            if any(name == p or name.startswith(f"{p}.") for p in prefixes)
        )
        for m in modules
    }
    return {name: names for name, names in found.items() if names}


def test_no_import_cycle() -> None:
    bench = {f.stem: imports_beside(f) for f in BENCH}
    for graph in ({name: imported_modules(m) for name, m in BY_NAME.items()}, bench):
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as cycle:
            pytest.fail(f"import cycle: {' -> '.join(reversed(cycle.args[1]))}")


def imports_beside(script: Path) -> set[str]:
    """Return the measurements that one of them imports: each is a script in the same folder."""
    nodes = list(ast.walk(ast.parse(script.read_text(encoding="utf-8"))))
    names = {a.name for node in nodes if isinstance(node, ast.Import) for a in node.names}
    names |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    return names & {f.stem for f in BENCH}


def layer_of(name: str) -> int:
    """Return the position of a module's layer; the longest name that matches decides."""
    found = {
        prefix: n
        for n, line in enumerate(LAYERS)
        for prefix in line.split()
        if f"{name}.".startswith(f"backfill.{prefix}.")
    }
    assert found, f"{name} is in no layer"
    return found[max(found, key=len)]


def test_each_package_imports_from_the_layers_below_it() -> None:
    modules = [m for m in MODULES if in_folder(m, "backfill") and dotted(m) != "backfill"]
    against = {
        name_of(m): upward
        for m in modules
        if (
            upward := [
                name
                for name in sorted(imported_modules(m))
                if name.startswith("backfill.") and layer_of(name) > layer_of(dotted(m))
            ]
        )
    }
    assert against == {}


def test_only_its_command_imports_the_simulation() -> None:
    outside = [m for m in MODULES if not dotted(m).startswith(SIMULATION)]
    command = "backfill/management/commands/simulate_season.py"
    assert list(importing(outside, SIMULATION)) == [command]


def test_plan_and_status_do_not_know_what_writes() -> None:
    modules = [m for m in MODULES if any(in_folder(m, "backfill", name) for name in READ_ONLY)]
    assert modules
    assert importing(modules, "backfill.jobs", "backfill.execution") == {}


def test_plan_and_status_never_write() -> None:
    calls = {
        name_of(m): [
            node.func.attr
            for node in ast.walk(parsed(m))
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in WRITES
        ]
        for m in MODULES
        if any(in_folder(m, "backfill", name) for name in READ_ONLY)
    }
    assert {name: found for name, found in calls.items() if found} == COUNTERS


def reached(names: Iterable[str]) -> set[str]:
    """Return the modules imported by these, directly or through others."""
    found: set[str] = set()
    left = set(names)
    while left:
        found |= left
        left = {n for name in left for n in imported_modules(BY_NAME[name])} - found
    return found


def test_panel_and_shell_do_not_reach_each_other() -> None:
    panel = {
        name
        for name, m in BY_NAME.items()
        if in_folder(m, "webapp") and not in_folder(m, "webapp", "management")
    }
    shell = {name for name, m in BY_NAME.items() if "management" in m.parts or in_folder(m, *CLI)}
    assert panel
    assert shell
    assert reached(panel) & shell == set()
    assert [name for name in reached(shell) if name.startswith("webapp.api")] == []


def test_documents_hold_no_text() -> None:
    documents = [name for name, m in BY_NAME.items() if in_folder(m, "backfill", "documents")]
    assert documents
    assert [name for name in reached(documents) if name.startswith("backfill.cli")] == []


def test_one_class_name_has_one_meaning() -> None:
    names = Counter(
        name
        for m in MODULES
        for name in {node.name for node in ast.walk(parsed(m)) if isinstance(node, ast.ClassDef)}
    )
    assert {name for name, n in names.items() if n > 1} - DJANGO_NAMES == SHARED_NAMES


@cache
def parsed(module: Path) -> ast.Module:
    return ast.parse(module.read_text(encoding="utf-8"))


def called(call: ast.Call) -> str:
    """Return the last word of a call's name: `order_by` of `rows.order_by(...)`."""
    return call.func.attr if isinstance(call.func, ast.Attribute) else ast.unparse(call.func)


def test_no_call_passes_more_than_five_positional_arguments() -> None:
    assert [
        f"{name_of(m)}:{node.lineno} {called(node)}"
        for m in (*MODULES, *BENCH)
        for node in ast.walk(parsed(m))
        if isinstance(node, ast.Call)
        and len(node.args) > MOST_POSITIONAL
        and called(node) not in VARIADIC
    ] == []


def test_no_function_takes_more_than_five_positional_arguments() -> None:
    def positional(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
        names = [a.arg for a in (*function.args.posonlyargs, *function.args.args)]
        return names[names[:1] in (["self"], ["cls"]) :]

    assert [
        f"{name_of(m)}:{node.lineno} {node.name}"
        for m in (*MODULES, *BENCH)
        for node in ast.walk(parsed(m))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and len(positional(node)) > MOST_POSITIONAL
    ] == []


def dataclass_options(node: ast.ClassDef) -> set[str] | None:
    """Return the options that are true in a `@dataclass(...)`; None for other classes."""
    for decorator in node.decorator_list:
        call = decorator if isinstance(decorator, ast.Call) else None
        if ast.unparse(call.func if call else decorator).endswith("dataclass"):
            options = call.keywords if call else []
            return {k.arg or "" for k in options if ast.unparse(k.value) == "True"}
    return None


def test_a_value_class_of_more_than_three_fields_takes_keywords() -> None:
    classes = {
        (m, node.name): node
        for m in (*MODULES, *BENCH)
        for node in ast.walk(parsed(m))
        if isinstance(node, ast.ClassDef) and dataclass_options(node) is not None
    }
    by_name = {name: node for (_, name), node in classes.items()}

    def fields(node: ast.ClassDef) -> int:
        """Count the fields of a class, those of its parents included."""
        own = [
            statement
            for statement in node.body
            if isinstance(statement, ast.AnnAssign)
            and not ast.unparse(statement.annotation).startswith("ClassVar")
        ]
        parents = (by_name[name] for name in map(ast.unparse, node.bases) if name in by_name)
        return len(own) + sum(map(fields, parents))

    assert classes
    assert [
        f"{name_of(m)} {name}"
        for (m, name), node in classes.items()
        if fields(node) > MOST_POSITIONAL_FIELDS
        and "kw_only" not in (dataclass_options(node) or set())
    ] == []


def test_no_folder_is_crowded() -> None:
    sizes = Counter(m.parent.relative_to(ROOT).as_posix() for m in MODULES)
    assert {
        folder: n
        for folder, n in sizes.items()
        if n > MOST_MODULES and not folder.endswith("management/commands")
    } == {}


def registry_reads(node: ast.AST) -> Iterator[str]:
    """Yield the names of the registry that are read when a module is imported; no defaults of
    parameters, which are the live objects themselves.
    """
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.Lambda):
            continue
        if isinstance(child, ast.Assign) and isinstance(child.value, ast.Name):
            continue  # another name for the same live object
        if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Load):
            yield from {child.id} & REGISTRY
        yield from registry_reads(child)


def test_no_module_copies_the_processors_when_it_is_imported() -> None:
    """Processors registered later are visible to modules imported earlier."""
    found = {name_of(m): sorted(set(registry_reads(parsed(m)))) for m in MODULES}
    assert {name for name, read in found.items() if read} == DECLARATIONS


def test_validation_imports_the_standard_library_only() -> None:
    modules = [m for m in MODULES if package_of(m) == "validation"]
    assert frozenset().union(*map(imported, modules)) - {"validation"} <= sys.stdlib_module_names


def test_the_product_does_not_know_its_tests() -> None:
    assert [
        name_of(m) for m in MODULES if imported(m) & {"tests", "bench", "pytest", "hypothesis"}
    ] == []


def test_no_module_is_too_long_to_read() -> None:
    lines = {name_of(m): len(m.read_text(encoding="utf-8").splitlines()) for m in MODULES}
    assert {
        name: n for name, n in lines.items() if n > MOST_LINES and name not in DECLARATIONS
    } == {}


def test_every_module_says_what_it_is() -> None:
    texts = {name_of(m): m.read_text(encoding="utf-8") for m in MODULES}
    assert [
        name for name, text in texts.items() if text and not ast.get_docstring(ast.parse(text))
    ] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_verb_answers_in_json_and_explains_itself(name: str) -> None:
    command = load_command_class(get_commands()[name], name)
    printed = command.create_parser("manage.py", name).format_help()
    assert "--json" in printed
    assert command.help.endswith(".")
