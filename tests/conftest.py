"""How hypothesis searches here.

`repeatable` (the default) tries the same examples on every run and machine, so a red build is red for everybody. To
look for more, draw anew and many: `python -m pytest tests/domain --hypothesis-profile=search`; a failure prints the
`@reproduce_failure` line to paste above the test, and belongs in the code as an `@example`.
"""

from __future__ import annotations

from hypothesis import settings

for name, examples, derandomize in (("repeatable", 100, True), ("search", 5_000, False)):
    settings.register_profile(
        name, max_examples=examples, derandomize=derandomize, database=None, deadline=None, print_blob=True
    )
settings.load_profile("repeatable")
