"""The page that errors send people to is there, and is that of this catalogue."""

from field_table import DOCUMENT, TYPES, document

from schema.fields import catalogue


def test_the_page_of_fields_is_current() -> None:
    written = DOCUMENT.read_text(encoding="utf-8")
    assert written == document(), "run: python tests/schema/field_table.py"


def test_every_field_is_on_it_once_with_a_type_that_is_explained() -> None:
    page = document()
    for field in catalogue().values():
        assert page.count(f"| `{field.name}` |") == 1
        assert field.type in TYPES
