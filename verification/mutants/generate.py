"""All mutants of the files that are named, as JSON, one a line. Runs where mutmut is installed, without the product.

The mutation operators are mutmut's. Of its mutants of one string only the first is made: the others change its case.
"""

# mypy: ignore-errors
# What it imports is installed elsewhere.

import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider
from mutmut.mutation.file_mutation import create_mutations


def main(paths: list[str]) -> None:
    for path in paths:
        for mutant in mutants(path, Path(path).read_text("utf-8")):
            print(json.dumps(mutant))


def mutants(path: str, text: str) -> Iterator[dict[str, object]]:
    """`before` and `after` are the lines that change, `place` the function or class around them."""
    module, mutations, _classes, _functions = create_mutations(path, text)
    places = _Places()
    MetadataWrapper(module, unsafe_skip_copy=True).visit(places)
    statements = _Statements(module)
    seen: Counter[tuple[str, str, str]] = Counter()
    strings: set[int] = set()
    for mutation in mutations:
        original = mutation.original_node
        if id(original) in strings or id(original) in places.ignored:
            continue
        if isinstance(original, cst.BaseString):
            strings.add(id(original))
        changed = statements.with_change(original, mutation.mutated_node)
        if changed == text:
            continue
        line, before, after = _difference(text, changed)
        place = places.around(line)
        key = (place, before, after)
        seen[key] += 1
        number = seen[key]
        yield {
            "file": path,
            "place": place,
            "line": line,
            "before": before,
            "after": after,
            "number": number,
            "text": changed,
        }


class _Statements:
    """The statements of a module: to change one, only that one is written out again."""

    def __init__(self, module: cst.Module) -> None:
        self._module = module
        self._codes = [module.code_for_node(statement) for statement in module.body]
        whole, inner = module.code, "".join(self._codes)
        self._before, self._after = whole.split(inner) if inner else (whole, "")
        self._homes = {id(node): home for home, statement in enumerate(module.body) for node in _nodes(statement)}

    def with_change(self, original: cst.CSTNode, mutated: cst.CSTNode) -> str:
        """The code of the module with one node replaced."""
        home = self._homes[id(original)]
        statement = self._module.body[home]
        changed = mutated if statement is original else statement.deep_replace(original, mutated)
        codes = [*self._codes[:home], self._module.code_for_node(changed), *self._codes[home + 1 :]]
        return "".join((self._before, *codes, self._after))


def _nodes(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    yield node
    for child in node.children:
        yield from _nodes(child)


class _Places(cst.CSTVisitor):
    """Where functions and classes are, and what no mutant is made of: class keywords such as ``frozen``."""

    METADATA_DEPENDENCIES = (PositionProvider,)

    def __init__(self) -> None:
        super().__init__()
        self.ignored: set[int] = set()
        self._names: list[str] = []
        self._spans: list[tuple[int, int, str]] = []

    def visit_ClassDef(self, node: cst.ClassDef) -> None:  # noqa: N802
        for keyword in node.keywords:
            self._ignore(keyword)
        self._enter(node, node.name.value)

    def leave_ClassDef(self, original_node: cst.ClassDef) -> None:  # noqa: N802
        self._names.pop()

    def visit_FunctionDef(self, node: cst.FunctionDef) -> None:  # noqa: N802
        self._enter(node, node.name.value)

    def leave_FunctionDef(self, original_node: cst.FunctionDef) -> None:  # noqa: N802
        self._names.pop()

    def around(self, line: int) -> str:
        """The innermost function or class around a line; empty: the module itself."""
        return max(((start, name) for start, end, name in self._spans if start <= line <= end), default=(0, ""))[1]

    def _enter(self, node: cst.CSTNode, name: str) -> None:
        self._names.append(name)
        position = self.get_metadata(PositionProvider, node)
        self._spans.append((position.start.line, position.end.line, ".".join(self._names)))

    def _ignore(self, node: cst.CSTNode) -> None:
        self.ignored.add(id(node))
        for child in node.children:
            self._ignore(child)


def _difference(text: str, changed: str) -> tuple[int, str, str]:
    """The first line that changes, from 1, and the lines before and after, without their indentation."""
    old, new = text.splitlines(), changed.splitlines()
    first = next((at for at, pair in enumerate(zip(old, new, strict=False)) if pair[0] != pair[1]), 0)
    last = 0
    while last < min(len(old), len(new)) - first and old[-1 - last] == new[-1 - last]:
        last += 1
    before, after = old[first : len(old) - last], new[first : len(new) - last]
    return first + 1, _joined(before), _joined(after)


def _joined(lines: list[str]) -> str:
    return " ".join(line.strip() for line in lines)


if __name__ == "__main__":
    main(sys.argv[1:])
