"""The picture of the README."""

from xml.etree import ElementTree as ET

from tools import picture


def test_the_picture_shows_the_recorded_session() -> None:
    assert picture.PICTURE.read_text() == picture.draw(picture.SESSION.read_text())


def test_the_picture_is_well_formed_and_loads_nothing() -> None:
    text = picture.PICTURE.read_text()
    assert ET.fromstring(text).tag == "{http://www.w3.org/2000/svg}svg"  # noqa: S314 - a file of this repository
    assert text.count("http") == 1  # the namespace


def test_each_line_of_the_session_is_drawn() -> None:
    drawn = picture.draw("$ make up\nfirst\nsecond\n")
    assert all(word in drawn for word in ("make&#160;up", "first", "second"))
