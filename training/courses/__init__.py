"""The courses: what they are made of, and the ten that come with the product, each a Markdown file beside this one.

Promise kept: a course is known by the hash of its text. Whoever has passed it has passed these words, and a record
says which.
"""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from training.courses.reading import (
    Block,
    Course,
    CourseFault,
    Option,
    Page,
    Question,
    Span,
    Step,
    read,
)

FOLDER = Path(__file__).parent

__all__ = [
    "Block",
    "Course",
    "CourseFault",
    "Option",
    "Page",
    "Question",
    "Span",
    "Step",
    "builtin",
    "read",
]


@lru_cache
def builtin() -> Mapping[str, Course]:
    """Return the courses that come with the product by code, in their order."""
    found = [read(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.md"))]
    return MappingProxyType({course.code: course for course in found})
