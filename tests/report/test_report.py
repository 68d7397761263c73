"""The report shows what the model knows, as text, in one file."""

import html
import json
import re

import numpy as np
import pandas as pd
import pytest
from helpers import EVIL
from scipy.cluster.hierarchy import leaves_list
from sklearn.decomposition import NMF, LatentDirichletAllocation
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.pipeline import make_pipeline

import skvae
from skvae.inspection import (
    representative_documents,
    top_words,
    topic_hierarchy,
    topic_prevalence,
    topic_sizes,
)
from skvae.metrics import (
    document_completion_perplexity,
    label_alignment,
    npmi_coherence,
    unigram_perplexity,
)

FAST = dict(max_epochs=5, hidden_layer_sizes=(20,), random_state=0)


def visible(page):
    """Words of the page outside its style and its scripts."""
    page = re.sub(r"<(style|script)[^>]*>.*?</\1>", "", page, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", page)).split())


def data_of(page):
    (block,) = re.findall(
        r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL
    )
    return json.loads(block)


def article(page, number):
    """What the page shows of a topic."""
    shown = page.read_text("utf-8")
    (found,) = re.findall(
        f'<article class="topic" id="topic-{number}".*?</article>', shown, re.DOTALL
    )
    return found


def named_numbers(table):
    """Name and percents of each row of a table of the page."""
    rows = re.findall(r'<th scope="row" dir="auto">(.*?)</th>(.*?)</tr>', table)
    return {
        html.unescape(name): [
            float(n) for n in re.findall(r">([0-9.]+)\N{THIN SPACE}%", row)
        ]
        for name, row in rows
    }


def test_topics_are_those_of_the_tables(page, model, texts):
    shown = page.read_text("utf-8")
    assert "GSMTopicModel: 3 topics in 201 documents" in visible(shown)
    tables = {
        weight: top_words(model, 15, by="relevance", weight=weight, X=texts)
        for weight in (0.0, 0.6, 1.0)
    }
    numbers = [
        int(k) for k in re.findall(r'<article class="topic" id="topic-(\d)"', shown)
    ]
    sizes = topic_sizes(model, texts)["share"]
    assert numbers == np.argsort(-sizes.to_numpy()).tolist()
    data = data_of(shown)
    assert data["order"] == numbers
    p = model[-1].components_ / model[-1].components_.sum(axis=1, keepdims=True)
    for k in numbers:
        # What the slider sorts by, in double precision but for four decimals.
        for weight, table in tables.items():
            relevance = {
                data["words"][j]: log_p - (1 - weight) * data["frequencies"][j]
                for j, log_p in data["topics"][str(k)]["words"]
            }
            order = sorted(relevance, key=relevance.get, reverse=True)[:15]
            assert set(order) == set(table.iloc[k])
        listed = named_numbers(article(page, k).split('class="values words"')[1])
        words = top_words(model, 15, by="relevance", X=texts).iloc[k].tolist()
        assert list(listed)[:15] == words  # the slider's start
        column = list(model[0].get_feature_names_out()).index(words[0])
        overall = model[0].transform(texts).mean(axis=0)[0, column]
        overall /= model[0].transform(texts).sum() / len(texts)
        assert np.allclose(
            listed[words[0]], [100 * p[k, column], 100 * overall], atol=0.051
        )


def test_search_knows_which_topics_have_a_word(page, model, texts):
    data = data_of(page.read_text("utf-8"))
    names = list(model[0].get_feature_names_out())
    assert data["words"] == names
    p = model[-1].components_ / model[-1].components_.sum(axis=1, keepdims=True)
    counts = model[0].transform(texts).sum(axis=0).A1
    for j, found in enumerate(data["topics_of_words"]):
        above = np.flatnonzero(p[:, j] > counts[j] / counts.sum())
        order = above[np.argsort(-p[above, j])]
        assert [k for k, _ in found] == order.tolist()
        assert np.allclose(
            [log_p for _, log_p in found], np.log(p[order, j]), atol=0.01
        )


def test_topics_have_documents_with_their_shares(page, model, texts, classes):
    shares = model.transform(texts)
    documents = representative_documents(model, texts, n_documents=20)
    for k, (_, found) in enumerate(documents.groupby("topic", sort=False)):
        items = re.findall(
            rf'<li id="d-{k}-(\d+)">(.*?)</li>', article(page, k), re.DOTALL
        )
        assert [int(row) for row, _ in items] == found["document"].tolist()
        for row, item in items:
            row, text = int(row), visible(item)
            assert f"{100 * shares[row, k]:.1f}\N{THIN SPACE}%" in item
            assert " ".join(texts[row].split()) in text and classes[row] in text
            assert f"document {row} class" in text
            for other in range(3):
                told = f'href="#topic-{other}"' in item
                assert told == (other != k and shares[row, other] >= 0.1)
    assert 'id="d-0-200"' not in page.read_text("utf-8")  # without words


def test_neighbors_and_classes_of_topics(page, model, texts, classes):
    p = model[-1].components_ / model[-1].components_.sum(axis=1, keepdims=True)
    overlaps = np.sqrt(p) @ np.sqrt(p).T
    shares = model.transform(texts)[:200]  # the last has no words
    for k in range(3):
        part = article(page, k)
        near = re.search(r'<ul class="neighbors">(.*?)</ul>', part, re.DOTALL)[1]
        order = [int(j) for j in re.findall("#topic-([0-9]+)", near)]
        assert order == [j for j in np.argsort(-overlaps[k]) if j != k]
        values = re.findall(r'class="value">([0-9.]+)<', near)
        assert values == [f"{overlaps[k, j]:.3f}" for j in order]
        of_classes = named_numbers(part.split("Classes of its documents")[1])
        for name in np.unique(classes):
            inside = shares[classes[:200] == name, k].sum() / shares[:, k].sum()
            overall = (classes[:200] == name).mean()
            assert np.allclose(
                of_classes[name], [100 * inside, 100 * overall], atol=0.051
            )


def test_similarities_are_in_the_order_of_the_tree(page, model):
    table = data_of(page.read_text("utf-8"))["tables"]["similarity"]
    order = leaves_list(topic_hierarchy(model)).tolist()
    assert table["rows"] == table["columns"] == order
    roots = np.sqrt(model[-1].components_)
    roots /= np.linalg.norm(roots, axis=1, keepdims=True)
    values = np.array(table["values"], dtype=float)
    assert np.isnan(np.diag(values)).all()
    off = ~np.eye(3, dtype=bool)
    assert np.allclose(
        values[off], (roots @ roots.T)[np.ix_(order, order)][off], atol=1e-4
    )


def test_topics_of_a_single_document_are_to_be_looked_at(texts, tmp_path):
    """No word says that all is well above a topic of noise."""
    noise = " ".join(f"w9{c}" for c in "abcdefghijkl") + " "
    texts = [*texts[:200], 40 * noise]
    counts = CountVectorizer(token_pattern=r"w\d\w").fit(texts)
    lda = LatentDirichletAllocation(4, random_state=0, max_iter=20)
    lda = make_pipeline(counts, lda).fit(texts)
    noisy = int(lda.transform(texts[-1:]).argmax())
    path = skvae.report(lda, texts, path=tmp_path / "r.html", baseline=None)
    text = visible(path.read_text("utf-8"))
    assert "The model keeps no record of its training." in text
    assert re.search(
        rf"Look at these [^:]*Topic {noisy} [^:]*: half of its tokens are in 1 doc",
        text,
    )
    assert "healthy" not in text


def test_long_texts_are_cut_only_where_all_are_too_long(
    model, texts, tmp_path, monkeypatch
):
    long = [f"{text} {'tail ' * 400}end" for text in texts]
    path = tmp_path / "r.html"
    shown = skvae.report(model, long, path=path, baseline=None).read_text("utf-8")
    assert "tail end<" in shown and "Texts are cut" not in shown
    monkeypatch.setattr("skvae._report._topics._ROOM", 50_000)
    shown = skvae.report(model, long, path=path, baseline=None).read_text("utf-8")
    assert "tail end<" not in shown
    assert "Texts are cut after 700 characters." in visible(shown)


def test_texts_are_shown_and_never_run(page):
    shown = page.read_text("utf-8")
    assert html.escape(EVIL).replace("&#x27;", "&#39;") in shown
    assert "<img" not in shown and "document.title" in shown
    assert len(re.findall("<script", shown)) == 2  # data, and the page's own
    assert "default-src &#39;none&#39;" in shown or "default-src 'none'" in shown


def test_words_are_escaped_too_and_odd_characters_survive_or_are_replaced(tmp_path):
    words = ["日本語", "עברית", *(f"<u>{j}</u></script>&\"'" for j in range(10))]
    odd = ["日本語 word", "\ud800 half", "\x00 null", "עברית word"] * 5
    X = np.random.default_rng(0).poisson(1.0, (20, 12))
    nmf = NMF(2, init="nndsvda").fit(X)
    groups = skvae.TopicGroups(nmf, {"</script><u>\ud800 name": [1]}).fit(X)
    path = skvae.report(groups, X, odd, tmp_path / "r.html", feature_names=words)
    shown = path.read_text("utf-8")
    assert "日本語" in shown and "עברית" in shown
    assert html.escape("</script><u>\N{REPLACEMENT CHARACTER} name") in shown
    assert "<u>" not in shown and len(re.findall("</script>", shown)) == 2
    assert data_of(shown)["words"] == words
    assert words[3] in visible(shown)


def test_nothing_is_loaded_from_elsewhere(page):
    shown = re.sub(html.escape(EVIL), "", page.read_text("utf-8"))
    assert not re.findall(r"https?://|//cdn|@import|url\(|<link|<iframe", shown)
    assert not re.findall(r"\ssrc=", shown.replace("img src=x", ""))


def figures_of(page):
    """Rows of the table of figures: name, then name and value of each figure."""
    table = page.read_text("utf-8").split('<table class="figures">')[1]
    rows = re.findall(r"<tr><th scope=\"row\">(.*?)</th>(.*?)</tr>", table)[:4]
    return {
        html.unescape(name): dict(re.findall(r'data-name="(.*?)">(.*?)<', row))
        for name, row in rows
    }


def test_figures_are_those_of_the_metrics(page, model, texts, classes, tmp_path):
    rows, counts = figures_of(page), model[0].transform(texts)
    completion = document_completion_perplexity(model, texts)
    assert rows["GSMTopicModel"]["perplexity per token"] == f"{completion:,.1f}"
    unigram = rows["word frequencies alone (unigram)"]
    expected = unigram_perplexity(counts, counts)
    assert unigram["perplexity per token"] == f"{expected:,.1f}"
    found = label_alignment(classes, model.transform(texts))
    assert rows["GSMTopicModel"]["NMI"] == f"{found['nmi']:.2f}"
    assert "which the models have seen" in visible(page.read_text("utf-8"))
    npmi = npmi_coherence(model[-1], counts, per_topic=True)
    listed = re.findall(r'data-number="(\d)".*?data-npmi="(.*?)"', page.read_text())
    assert np.allclose([npmi[int(k)] for k, _ in listed], [float(n) for _, n in listed])

    few, labels = texts[:40], np.arange(40) % 3
    path = skvae.report(
        model, texts, path=tmp_path / "r.html", X_test=few, y=labels, baseline=None
    )
    text, row = visible(path.read_text("utf-8")), figures_of(path)["GSMTopicModel"]
    completion = document_completion_perplexity(model, few)
    assert row["perplexity per token"] == f"{completion:,.1f}"
    assert "on held-out documents" in text and "LDA" not in text
    assert "Classes of its held-out documents" in text and not re.search(
        "document [0-9]+ class", text
    )
    found = label_alignment(labels, model.transform(few))
    assert [row["purity"], row["NMI"]] == [f"{found[n]:.2f}" for n in ("purity", "nmi")]
    held_out = npmi_coherence(model[-1], model[0].transform(few))
    assert row["NPMI, held out"] == f"{held_out:,.3f}"
    path = skvae.report(model, texts, path=path, baseline=None)
    assert "purity" not in visible(path.read_text("utf-8"))


def test_documents_are_transformed_once(model, texts, tmp_path, monkeypatch):
    """Beside their halves, that perplexity is measured on."""
    tokens, transform = [], skvae.GSMTopicModel.transform

    def counted(self, X, **given):
        tokens.append(X.sum())
        return transform(self, X, **given)

    monkeypatch.setattr(skvae.GSMTopicModel, "transform", counted)
    labels = np.arange(len(texts)) % 2
    path = tmp_path / "r.html"
    skvae.report(model, texts, path=path, y=labels, by=labels, baseline=None)
    assert tokens.count(model[0].transform(texts).sum()) == 1 and len(tokens) == 2


def test_any_models_are_there_for_comparison(model, texts, tmp_path):
    counts, words = model[0].transform(texts), model[0].get_feature_names_out()
    nmf, path = NMF(2, init="nndsvda"), tmp_path / "r.html"

    def shown(baseline):
        given = dict(path=path, feature_names=words, baseline=baseline)
        return visible(skvae.report(model[-1], counts, **given).read_text("utf-8"))

    assert "NMF, for comparison" in shown(nmf)
    text = shown({"first NMF": nmf, "second NMF": nmf})
    rows = figures_of(path)
    assert rows["first NMF"] == rows["second NMF"] and "first NMF" in text


def test_health_history_and_making_are_told(page, model, tmp_path, texts):
    text = visible(page.read_text("utf-8"))
    assert "latent units in use: 3 of 3" in text and "healthy" not in text
    assert f"skvae {skvae.__version__}" in text and "scikit-learn" in text
    made = "GSMTopicModel(batch_size=64, hidden_layer_sizes=(20,), max_epochs=80"
    assert made in text
    assert "random_state 0 not the default" in text
    assert text.count("10") > 0 and "log-likelihood" in text
    assert "1 document has no counted word." in text
    bad = skvae.GSMTopicModel(3, max_epochs=1, lr=1e-6, random_state=0)
    with pytest.warns(match="worse than word frequencies"):
        bad = make_pipeline(model[0], bad).fit(texts)
    given = dict(path=tmp_path / "bad.html", baseline=None)
    path = skvae.report(bad, [*texts, "???", ""], **given)
    text = visible(path.read_text("utf-8"))
    assert "3 documents have no counted word." in text
    assert (
        "Do not rely on these topics" in text and "worse than word frequencies" in text
    )


@pytest.mark.parametrize(
    "estimator",
    [
        skvae.NVDMTopicModel(3, **FAST),
        skvae.ProdLDATopicModel(3, **FAST),
        LatentDirichletAllocation(3, random_state=0),
        NMF(3, init="nndsvda"),
        skvae.GSMTopicModel(1, **FAST),
        skvae.ClusterTopicModel(3, estimator=skvae.NVDMTopicModel(3, **FAST)),
    ],
    ids=["NVDM", "ProdLDA", "LDA", "NMF", "one topic", "clusters"],
)
def test_any_topic_model_has_a_report(estimator, model, texts, tmp_path):
    pipeline = make_pipeline(model[0], estimator).fit(texts)
    name = type(estimator).__name__
    compared = name in ("NMF", "LatentDirichletAllocation")
    given = {} if compared else {"baseline": None}
    path = skvae.report(pipeline, texts, path=tmp_path / "r.html", **given)
    text = visible(path.read_text("utf-8"))
    assert name in text and "(unigram)" in text
    if name == "ClusterTopicModel":
        assert "The NVDMTopicModel within uses 3 of 3 latent units" in text
        perplexity = pipeline[-1].health_["perplexity"]
        assert f"in their cluster with a perplexity of {perplexity:.1f}" in text
        assert "KL term" in text and "dead topics: " not in text
    for row in ("LDA, scikit-learn's defaults", "LDA, online"):
        assert (row in text) == (name == "NMF")  # LDA not beside itself
    assert ("log-likelihood" in text) == name.endswith("TopicModel")
    assert ("% of tokens" in text) == (name != "NVDMTopicModel")
    assert ("Similarity of topics" in text) == (len(pipeline[-1].components_) > 1)
    for word in top_words(pipeline, 3).to_numpy().ravel():
        assert word in text


def test_documents_of_a_frame_go_by_their_rows(model, texts, tmp_path):
    counts = pd.DataFrame(
        model[0].transform(texts).toarray(),
        columns=model[0].get_feature_names_out(),
        index=[f"name {i}" for i in range(len(texts))],
    )
    lda = LatentDirichletAllocation(3, random_state=0).fit(counts)
    path = skvae.report(lda, counts, texts, tmp_path / "r.html")
    found = representative_documents(lda, counts.reset_index(drop=True), texts)
    text = visible(path.read_text("utf-8"))
    for row in found["document"]:
        assert f"document {row}" in text


def prevalence_in(page, number):
    """What the page shows of a topic over time or by group."""
    return article(page, number).split('<div class="prevalence">')[1].split("</div>")[0]


def test_groups_have_bars_and_intervals(page, model, texts):
    assert "Topics by group" in visible(page.read_text("utf-8"))
    by = np.array(["a<b>", "other"])[np.arange(201) % 2]
    found = topic_prevalence(model, texts, by)
    for number, (_, rows) in enumerate(found.groupby("topic", sort=False)):
        figure = prevalence_in(page, number)
        expected = [float(f"{100 * share:.1f}") for share in rows["share"]]
        assert named_numbers(figure) == {"a<b>": expected[:1], "other": expected[1:]}
        ends = rows["share"] + 1.96 * rows["std_error"]
        styles = re.findall(r'width:(\S+)%"></i><.*?left:(\S+)%;right:(\S+)%', figure)
        width, low, high = np.array(styles, dtype=float).T / 100
        assert np.allclose(width * ends.max(), rows["share"], atol=1e-4)
        assert np.allclose((1 - high) * ends.max(), ends, atol=1e-4)
        assert np.allclose(low + 1 - high, 2 * width, atol=3e-4)  # in the middle
    table = data_of(page.read_text("utf-8"))["tables"]["prevalence"]
    shares = found.pivot(index="topic", columns="group", values="share").to_numpy()
    assert table["columns"] == ["a<b>", "other"]
    assert np.allclose(table["values"], shares[table["rows"]], atol=1e-4)


def test_lines_over_time_break_where_documents_are_missing(model, texts, tmp_path):
    months = pd.period_range("2023-01", "2024-12", freq="M")
    month = np.arange(201) % 24
    month[(month == 5) | (month == 7)] = 8  # one alone between empty ones
    path = tmp_path / "r.html"
    dates = months[month].start_time
    skvae.report(model, texts, path=path, by=dates, baseline=None)
    found = topic_prevalence(model, texts, dates)
    assert "Topics over time" in path.read_text("utf-8")
    for number, (_, rows) in enumerate(found.groupby("topic", sort=False)):
        figure = prevalence_in(path, number)
        top = (rows["share"] + 1.96 * rows["std_error"].fillna(0)).max()
        labels = re.findall(r">(20[-0-9]+)<", figure)
        assert labels == ["2023-01", "2023-07", "2024-01", "2024-07"]
        lines = [
            np.array([pair.split(",") for pair in points.split()], dtype=float)
            for points in re.findall(r'<polyline[^>]*points="(.*?)"', figure)
        ]
        assert [len(line) for line in lines] == [5, 1, 16]
        assert figure.count("<circle") == figure.count('class="interval"') == 1
        assert figure.count("<polygon") == 2
        # From the upper edge, 10, to the axis, 26 above the lower edge of 190.
        shares = top * (164 - np.concatenate(lines)[:, 1]) / 154
        tenth = top / 154 / 10  # of a pixel
        assert np.allclose(shares, rows["share"].dropna(), rtol=0, atol=tenth)
    # Numbers are no dates.
    skvae.report(model, texts, path=path, by=month, freq="W", baseline=None)
    assert "Topics by group" in path.read_text("utf-8")
    assert ">20<" in prevalence_in(path, 0)


def test_weights_have_no_perplexity_and_the_report_says_so(texts, tmp_path):
    nmf = NMF(3, init="nndsvda")
    tfidf = make_pipeline(TfidfVectorizer(token_pattern=r"w\d\d"), nmf).fit(texts)
    path = skvae.report(tfidf, texts, path=tmp_path / "r.html")
    assert "There are none: X must hold word counts" in visible(path.read_text("utf-8"))


def test_a_failed_report_leaves_the_file_that_was_there(model, texts, tmp_path):
    path = tmp_path / "r.html"
    path.write_text("before")
    nameless = NMF(2, init="nndsvda").fit(np.eye(4))
    counts, words = model[0].transform(texts), model[0].get_feature_names_out()
    wide = dict(X_test=np.ones((3, 5)), feature_names=words)
    for told, fitted, X, given in [
        ("are 2 texts, but X has 201 documents", model, texts, {"texts": ["a", "b"]}),
        ("NMF was fitted without feature names", nameless, np.eye(4), {}),
        ("baseline='best'. Pass an estimator", model, texts, {"baseline": "best"}),
        ("inconsistent numbers of samples", model, texts, {"y": [0, 1]}),
        (r"by has the shape \(2,\), but X has 201", model, texts, {"by": [0, 1]}),
        ("X_test has 5 features, but GSMTopicModel was", model[-1], counts, wide),
    ]:
        with pytest.raises(ValueError, match=told):
            skvae.report(fitted, X, path=path, **given)
    assert path.read_text() == "before" and len(list(tmp_path.iterdir())) == 1
    with pytest.raises(TypeError, match="Pass the file to write as path="):
        skvae.report(model, texts, "r.html")


def test_models_that_learned_nothing_are_not_to_be_relied_on(tmp_path, page):
    noise = np.random.default_rng(0).poisson(0.1, (150, 30))
    lda = LatentDirichletAllocation(5, random_state=0).fit(noise[:100])
    words = [f"word{j}" for j in range(30)]
    options = dict(path=tmp_path / "noise.html", feature_names=words, baseline=None)
    path = skvae.report(lda, noise[:100], X_test=noise[100:], **options)
    told = visible(path.read_text("utf-8"))
    assert "LatentDirichletAllocation predicts words no better than" in told
    assert "no better than" not in visible(page.read_text("utf-8"))


def test_short_texts_have_no_coherence_and_duplicates_are_named(tmp_path):
    rng = np.random.default_rng(0)
    short, long = rng.poisson(0.1, (90, 60)), rng.poisson(0.5, (90, 60))
    words = [f"word{j}" for j in range(60)]
    lda = LatentDirichletAllocation(3, max_iter=2, random_state=0).fit(long)
    lda.components_[2] = lda.components_[0]
    options = dict(path=tmp_path / "page.html", feature_names=words, baseline=None)
    assert 'data-key="npmi"' in skvae.report(lda, long, **options).read_text("utf-8")
    pages = skvae.report(lda, short, **options).read_text("utf-8")
    assert 'data-key="npmi"' not in pages
    assert "its top words are nearly those of topic 0" in pages
    short[:40] = 0
    told = visible(skvae.report(lda, short, **options).read_text("utf-8"))
    assert "that it is the main topic of are empty" in told
