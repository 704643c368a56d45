"""Names of files: they fit, whatever a video is called."""

from pathlib import Path
from unicodedata import normalize

from hypothesis import given
from hypothesis import strategies as st

from slta.files import LONGEST, apart, composed, fitted

ENDING = "-a-cat-1.mp4"


@given(st.text(st.characters(exclude_characters="/\0", codec="utf-8"), max_size=300))
def test_a_name_that_fits_is_kept_and_another_cut_to_fit(stem: str) -> None:
    name = fitted(stem, ENDING)
    size = len(f"{stem}{ENDING}".encode())
    assert (name == stem + ENDING) == (size <= LONGEST)
    assert len(name.encode()) <= LONGEST and name.endswith(ENDING)
    assert name[:10] == (stem + ENDING)[:10]


def test_long_names_stay_apart_and_can_be_made(tmp_path: Path) -> None:
    stems = [
        letters * 64 + last for letters in ("é", "日", "🎬", "e\u0301") for last in "ab"
    ]
    names = {fitted(3 * stem, ENDING) for stem in stems}
    assert len(names) == len(stems)
    for name in names:
        (tmp_path / name).touch()
        assert "e~" not in name and "\u0301-" not in name, "accents stay with letters"


@given(st.text())
def test_all_spellings_have_one(name: str) -> None:
    assert {composed(normalize(form, name)) for form in ("NFC", "NFD")} == {
        composed(name)
    }


@given(st.lists(st.sampled_from(["a", "A", "a.1", "a.2", "b", "b.3"]), max_size=6))
def test_files_are_named_apart(names: list[str]) -> None:
    found = apart(names)
    assert len({name.casefold() for name in found}) == len(names)
    assert all(new.startswith(old) for new, old in zip(found, names, strict=True))
    if len({name.casefold() for name in names}) == len(names):
        assert found == names
