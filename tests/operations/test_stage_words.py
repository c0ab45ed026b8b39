"""Each stage that an operation names has words for the timeline."""

import re
from pathlib import Path

from operations.timeline import STAGES
from providers import operation_types

NAMED = re.compile(r'\.stage\("(\w+)"\)')


def test_each_stage_has_words() -> None:
    sources = [path.read_text() for path in Path(operation_types.__path__[0]).glob("*.py")]
    named = {name for source in sources for name in NAMED.findall(source)}
    assert len(named) >= 10
    assert named <= STAGES.keys()
