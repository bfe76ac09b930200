"""Runs the tests of the charts and counts them. Every function `test_*` of the parts is one; each asserts one fact. Started by `run`."""

import sys
import traceback

import kinds
import node_prep
import parts
import pods
import refusals
import rights


def main():
    tests = [(n, f) for part in (kinds, pods, parts, rights, refusals) for n, f in vars(part).items() if n.startswith("test_")]
    tests += node_prep.TESTS
    passed = failed = skipped = 0
    for name, test in tests:
        try:
            test()
        except node_prep.Skipped as why:
            skipped += 1
            print(f"skipped {name}: {why}")
        except Exception as error:
            failed += 1
            kind = "" if isinstance(error, AssertionError) else traceback.format_exc()
            print(f"FAILED {name}: {error}\n{kind}")
        else:
            passed += 1
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
