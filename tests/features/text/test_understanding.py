"""What queries as people type them are taken for."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from spacy.language import Language
from spacy.tokens import Doc

from slta import Searcher
from slta.errors import InputError
from slta.features.extractors.imagenet_words import ImagenetWords
from slta.features.text.languages import LANGUAGES, other_language
from slta.features.text.nouns import language, parse
from slta.features.text.spelling import correction, is_english
from slta.features.text.understanding import WORD, present, understand
from tests.support.commands import call
from tests.support.indexed_films import known

READER = "imagenet-words"


def text(query: str) -> str:
    return understand(query, READER).text


@pytest.mark.parametrize(
    "query",
    [
        *(
            "the",
            "on the",
            "is it",
            "a",
            "her",
            "of",
            "with the",
            "to be",
            "this",
            "you",
        ),
        *("x", "b c", "Q", "a b c d", "2 3 a", "two", "at 5", "3 x", "what is it?"),
        *("nothing else", "THE", "ａ", "very"),
    ],
)
def test_what_says_nothing_is_refused(query: str) -> None:
    with pytest.raises(
        InputError, match="no word that says what to look for; describe a"
    ):
        understand(query, READER)


@pytest.mark.parametrize(
    "query",
    [
        *(
            "somebody",
            "someone",
            "outside",
            "dog",
            "TV",
            "running",
            "two dogs",
            "a 3d TV",
        ),
        *("the back", "empty", "blue", "ox", "they laugh"),
    ],
)
def test_one_word_can_say_something(query: str) -> None:
    assert text(query) == (query.lower() if query.isupper() else query)


@pytest.mark.parametrize(
    ("query", "language"),
    [
        ("un gato", "Spanish"),
        ("perro", "Spanish"),
        ("el perro corre por la playa", "Spanish"),
        ("ein Hund läuft", "German"),
        ("ein rotes Auto", "German"),
        ("die Katze schläft auf dem Sofa", "German"),
        ("un homme ouvre le frigo", "French"),
        ("un chat noir", "French"),
        ("quelqu'un ouvre la porte", "French"),
        ("uma pessoa", "Portuguese"),
        ("a menina dança", "Portuguese"),
        ("una donna apre il frigorifero", "Italian"),
        ("en katt", "Swedish"),
        ("een vrouw opent de koelkast", "Dutch"),
        ("en hund løber på stranden", "Danish"),
        ("en jente danser", "Norwegian"),
        ("mężczyzna pije kawę", "Polish"),
        ("muž pije kávu", "Czech"),
        ("mies juo kahvia", "Finnish"),
        ("bir kedi", "Turkish"),
        ("egy piros autó", "Hungarian"),
        ("o mașină roșie", "Romanian"),
        ("seorang wanita membuka kulkas", "Indonesian"),
        ("người đàn ông đang chạy", "Vietnamese"),
        ("UN GATO", "Spanish"),
    ],
)
def test_other_languages_are_told_to_ask_in_english(query: str, language: str) -> None:
    assert language in LANGUAGES.values()
    with pytest.raises(InputError, match=f"{language}; .* so write it in English"):
        understand(query, READER)


@pytest.mark.parametrize(
    "query",
    [
        *(
            "a piñata",
            "a man eats sushi",
            "a chef makes crêpes",
            "tai chi",
            "a Dachshund",
        ),
        *(
            "paella",
            "pain au chocolat",
            "a croissant and a café au lait",
            "gelato",
            "fjord",
        ),
        *(
            "hat",
            "a hat",
            "die",
            "a fox den",
            "men in suits",
            "barn",
            "bra",
            "slut",
            "war",
        ),
        *(
            "la la land",
            "Le Mans",
            "Los Angeles",
            "Buenos Aires",
            "Rio de Janeiro carnival",
        ),
        *("Angela Merkel", "a man named José García", "Lionel Messi", "Notre Dame"),
        *("jiu jitsu", "en pointe", "pizza margherita", "a UN soldier", "chat", "casa"),
    ],
)
def test_foreign_words_and_names_in_english_stay(query: str) -> None:
    assert understand(query, READER).notes == ()


@pytest.mark.parametrize(
    ("query", "read"),
    [
        ("a elefant", "a elephant"),
        ("a caat", "a cat"),
        ("motorcyle", "motorcycle"),
        ("a wman opnes a frige", "a woman opens a fridge"),
        ("Teh hosre and a tabel.", "Teh horse and a table."),
        ("chiken soup in the kichen", "chicken soup in the kitchen"),
        ("a helicoptor, an umbrela", "a helicopter, an umbrella"),
        ("peopel on a cuttingboard", "people on a cutting board"),
        ("A CAAT", "a cat"),
    ],
)
def test_slips_are_mended_and_told(query: str, read: str) -> None:
    understood = understand(query, READER)
    assert understood.text == read and understood.unknown_words == ()
    told = re.findall('^read "(.+)" as "(.+)"$', "\n".join(understood.notes), re.M)
    assert len(told) == len(understood.notes) > 0
    for written, meant in told:
        assert written.lower() in query.lower() and meant in read


@pytest.mark.parametrize(
    "word",
    [
        *(
            "cat",
            "knot",
            "tubas",
            "axolotl",
            "Dachshund",
            "crêpes",
            "lederhosen",
            "gopro",
        ),
        *("vlogger", "capybara", "selfie", "piñata", "okapi", "unboxing"),
    ],
)
def test_real_words_are_known(word: str) -> None:
    assert is_english(word)


@pytest.mark.parametrize(
    "word",
    [
        *("asdf", "qwer", "zxcv", "qqqq", "aaaa", "xxxx", "hjkl", "blorptang", "wugs"),
        *("frindle", "snorbit", "kwijibo", "vorpal", "dfgdfg"),
    ],
)
def test_what_is_no_word_becomes_none(word: str) -> None:
    assert not is_english(word) and correction(word) is None


def test_names_in_a_sentence_are_not_mended() -> None:
    # Written small, they would be.
    assert correction("marcas") and correction("persin")
    assert text("a man named Marcas meets Persin") == "a man named Marcas meets Persin"


def test_what_means_nothing_is_named() -> None:
    understood = understand("a woman wugs a blorptang in the park", READER)
    assert understood.text == "a woman wugs a blorptang in the park"
    assert understood.unknown_words == ("wugs", "blorptang")
    assert understood.known == 0.5  # of woman, wugs, blorptang, park
    assert understood.notes == (f"'wugs' and 'blorptang' mean nothing to {READER}",)


@pytest.mark.parametrize(
    "query",
    ["qqqq", "asdf qwer zxcv", "blorptang wugs a frindle", "the blorptang!", "QQQQ"],
)
def test_a_query_that_means_nothing_at_all_is_refused(query: str) -> None:
    with pytest.raises(InputError, match=f"nothing to {READER}; describe in English"):
        understand(query, READER)


@pytest.mark.parametrize(
    "query",
    [
        *(
            "no cat",
            "NO CAT",
            "No people!",
            "without people",
            "nobody",
            "no one",
            "not",
        ),
        *("isn't", "isn’t", "never", "there is no dog", "There's no dog.", "not a cat"),
        *("there isn't a cat", "it is not a dog", "the dog isn't there", "don't run"),
        *("nobody is in the kitchen", "no people in the room", "cannot see a dog"),
        *("no dogs or cats", "no dogs and no cats", "neither dogs nor cats"),
    ],
)
def test_what_is_absent_cannot_be_asked(query: str) -> None:
    with pytest.raises(InputError, match=r"absent, .* describe something that can"):
        understand(query, READER)


@pytest.mark.parametrize(
    ("query", "left"),
    [
        ("a street without cars", "a street"),
        ("a room with no people", "a room"),
        ("a kitchen without anybody", "a kitchen"),
        ("an empty street, no cars", "an empty street"),
        ("a dog but no cat", "a dog"),
        ("no cat but a dog", "a dog"),
        ("there is a cat, not a dog", "there is a cat"),
        ("a man sits and does not move", "a man sits"),
        ("a person who is not wearing a hat", "a person"),
        ("A woman sings. No one listens.", "A woman sings"),
    ],
)
def test_what_is_there_beside_it_is_searched_with(query: str, left: str) -> None:
    understood = understand(query, READER)
    assert understood.text == left
    (note,) = understood.notes
    assert f'"{left}"' in note and "absent" in note


@pytest.mark.parametrize(
    "query",
    [
        *(
            "a man ties a knot",
            "a notebook",
            "notes on a piano",
            "the North",
            "he knows",
        ),
        *("a no parking sign", "a no-entry sign", "a non-slip mat", "nonstop dancing"),
        *(
            "a man can't stop laughing",
            "not only a dog but also a cat",
            "no doubt a dog",
        ),
        *("a man does nothing but eat", "the sun is no longer visible"),
    ],
)
def test_what_only_looks_like_a_negation_stays(query: str) -> None:
    assert present(query) == query and understand(query, READER).notes == ()


@pytest.mark.parametrize(
    ("query", "same"),
    [
        ("ａ ｃａｔ", "a cat"),
        ("A CAT", "a cat"),
        ("ＣＡＴ", "cat"),
        (" a cat ", "a cat"),
    ],
)
def test_how_letters_look_does_not_matter(query: str, same: str) -> None:
    assert understand(query, READER) == understand(same, READER)


def test_a_long_query_is_quoted_in_part() -> None:
    with pytest.raises(InputError) as raised:
        understand("no cat " * 40, READER)
    assert len(str(raised.value)) < 200


@pytest.mark.real
def test_sentences_of_real_data_are_not_taken_for_another_language(
    shared: Path,
) -> None:
    data = shared / "data"
    lines = (
        (data / "qvhighlights/highlight_test_release.jsonl").read_text().splitlines()
    )
    asked = {json.loads(line)["query"] for line in lines}
    lines = (data / "charades/charades_sta_test.txt").read_text().splitlines()
    asked |= {line.partition("##")[2] for line in lines}
    asked |= {
        d["description"]
        for d in json.loads((data / "didemo/test_data.json").read_text())
    }
    assert len(asked) > 8000
    assert not [query for query in asked if other_language(WORD.findall(query))]


@pytest.mark.real
def test_nonsense_is_told(shared: Path) -> None:
    sentences = json.loads((shared / "data/clips/sentences.json").read_text())
    for query in sentences["nonsense"]:
        with pytest.raises(InputError):
            understand(query, READER)
    present = [query for each in sentences["present"].values() for query in each]
    for query in [*present, *sentences["absent"]]:
        assert understand(query, READER).text == query


def test_training_reads_slips_as_they_are() -> None:
    asked = ImagenetWords().text("a caat without ears")
    assert asked.words == ("a", "caat", "without", "ears")
    assert asked.known == 1 and asked.notes == ()


def test_an_extractor_reads_full_width_letters_as_usual_ones() -> None:
    extractor = ImagenetWords()
    wide, usual = extractor.text("ａ ｃａｔ"), extractor.text("a cat")
    assert wide.words == usual.words == ("a", "cat")
    np.testing.assert_array_equal(wide.word_vectors, usual.word_vectors)
    np.testing.assert_array_equal(wide.meanings, usual.meanings)


@pytest.mark.slice
def test_a_query_is_answered_as_it_was_understood() -> None:
    searcher = Searcher(store=known().store)
    typed = "A caat on a blorptang without ears"
    answer = searcher.search(known().film, typed)
    assert answer.query == typed and answer.parts[0] == "A cat on a blorptang"
    assert answer.notes == understand(typed, READER).notes
    same = searcher.search(known().film, "A cat on a blorptang")
    assert answer.moments == same.moments and answer.confidence == same.confidence
    assert searcher.read(typed).known == 0.5


@pytest.mark.slice
def test_the_command_tells_how_a_query_was_understood(
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked = ("search", known().film, "a caat", "a dog", "--store", known().store)
    note = 'read "caat" as "cat"'
    table = call(capsys, *asked).out
    assert table.count(note) == 1
    assert table.index('"a caat"') < table.index(note) < table.index('"a dog"')
    first, second = map(json.loads, call(capsys, *asked, "--json").out.splitlines())
    assert (first["query"], first["notes"]) == ("a caat", [note])
    assert second["notes"] == []


def test_a_query_is_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed, spacy = [], type(language())
    run = spacy.__call__

    def counted(self: Language, text: str) -> Doc:
        parsed.append(text)
        return run(self, text)

    monkeypatch.setattr(spacy, "__call__", counted)
    query = "a cook who can't stop stirring the soup"  # what is denied needs grammar
    assert understand(query, READER).text == query
    assert parse(query).phrases == parse(query).phrases == ("cook", "soup")
    assert parsed == [query]
