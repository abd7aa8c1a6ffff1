#!/usr/bin/env python3
"""schema_corpus.py SCHEMA.json: holds `muster schema` to the corpus that the loader is held to.

Every plan under tests/plans/good must be accepted; every one under tests/plans/bad refused, unless its head says
`# schema: accepts` (a mistake of meaning, which no schema can state). Files that say `# schema: no tree` are refused
before there is a tree to check; those that say `# vocabulary: test only` use kinds and actions that only the unit tests
have, and are left out.
"""

import json
import pathlib
import re
import sys

import jsonschema
import yaml

FOLDER = pathlib.Path(__file__).resolve().parent / "plans"
NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
WHOLE = re.compile(r"[-+]?[0-9]+")
TRUE = ("true", "True", "TRUE")
FALSE = ("false", "False", "FALSE")
NOTHING = ("", "~", "null", "Null", "NULL")


def scalar(node):
    """The value of a scalar under YAML 1.2's core schema; PyYAML's own is that of 1.1, where `yes` is true."""
    if node.style is not None:
        return node.value
    if node.value in NOTHING:
        return None
    if node.value in TRUE or node.value in FALSE:
        return node.value in TRUE
    if WHOLE.fullmatch(node.value):
        return int(node.value)
    return float(node.value) if NUMBER.fullmatch(node.value) else node.value


def value(node):
    if isinstance(node, yaml.MappingNode):
        return {key.value: value(child) for key, child in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [value(child) for child in node.value]
    return scalar(node)


def head(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.startswith("# ")]


def is_left_out(path):
    return any(line in head(path) for line in ("# schema: no tree", "# vocabulary: test only"))


def check(validator, path, is_accepted):
    tree = value(yaml.compose(path.read_text(encoding="utf-8-sig")))
    mistakes = [error.message for error in validator.iter_errors(tree)]
    if bool(mistakes) != is_accepted:
        return True
    if mistakes:
        print(f"{path.name}: the loader accepts it, the schema does not: {mistakes[0][:300]}")
    else:
        print(f"{path.name}: the loader refuses it, the schema does not")
    return False


def main():
    if len(sys.argv) != 2:
        print(__doc__)
        return 2
    schema = json.loads(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    results = [check(validator, path, True) for path in sorted(FOLDER.glob("good/*.yaml")) if not is_left_out(path)]
    for path in sorted(FOLDER.glob("bad/*.yaml")):
        if not is_left_out(path):
            results.append(check(validator, path, "# schema: accepts" in head(path)))
    failed = results.count(False)
    print(f"{results.count(True)} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
