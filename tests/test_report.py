"""The report shows what the model knows, as text, in one file, also in a browser."""

import html
import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import NMF, LatentDirichletAllocation
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.pipeline import make_pipeline

import skvae
from skvae.datasets import make_topic_corpus
from skvae.inspection import representative_documents, top_words, topic_prevalence
from skvae.metrics import (
    document_completion_perplexity,
    label_alignment,
    npmi_coherence,
    unigram_perplexity,
)

FAST = dict(max_epochs=5, hidden_layer_sizes=(20,), random_state=0)
LONG = dict(max_epochs=80, batch_size=64)
EVIL = "<script>document.title = 'evil'</script><img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def texts():
    """Texts of planted topics, the longest with HTML in it; one is empty."""
    corpus = make_topic_corpus(200, 40, 3, word_concentration=0.4, random_state=0)
    texts = [
        " ".join(f"w{j:02}" for j, n in enumerate(row) for _ in range(n))
        for row in corpus.data.toarray()
    ]
    texts = [f"{EVIL} </script> {text}" for text in texts]
    return [*texts, ""]


@pytest.fixture(scope="module")
def model(texts):
    counts = CountVectorizer(token_pattern=r"w\d\d")
    return make_pipeline(counts, skvae.GSMTopicModel(3, **FAST | LONG)).fit(texts)


@pytest.fixture(scope="module")
def page(model, texts, tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.html"
    assert skvae.report(model, texts, path=path) == path
    return path


def visible(page):
    """Words of the page outside its style and its scripts."""
    page = re.sub(r"<(style|script)[^>]*>.*?</\1>", "", page, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", page)).split())


def data_of(page):
    (block,) = re.findall(
        r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL
    )
    return json.loads(block)


def test_topics_are_those_of_the_tables(page, model, texts):
    shown = page.read_text("utf-8")
    text = visible(shown)
    assert "GSMTopicModel: 3 topics in 201 documents" in text
    tables = {
        weight: top_words(model, 10, by="relevance", weight=weight, X=texts)
        for weight in (0.0, 0.6, 1.0)
    }
    numbers = [
        int(k) for k in re.findall(r'<article class="topic" id="topic-(\d)"', shown)
    ]
    assert sorted(numbers) == [0, 1, 2]
    for number, words in zip(numbers, data_of(shown)["topics"]):
        # What the slider sorts by, in double precision but for four decimals.
        for weight, table in tables.items():
            relevance = {w: p - (1 - weight) * overall for w, p, overall in words}
            order = sorted(relevance, key=relevance.get, reverse=True)[:10]
            assert set(order) == set(table.iloc[number])
        card = shown.split(f'id="topic-{number}"')[1].split("</ol>")[0]
        listed = re.findall(r'<span class="word" dir="auto">(.*?)</span>', card)
        assert listed == top_words(model, 10).iloc[number].tolist()
    documents = representative_documents(model, texts, n_documents=3)
    for row in documents["document"]:
        assert f"(document {row})" in text
    assert "document 200" not in text  # without words


def test_texts_are_shown_and_never_run(page):
    shown = page.read_text("utf-8")
    assert html.escape(EVIL).replace("&#x27;", "&#39;") in shown
    assert "<img" not in shown and "document.title" in shown
    assert len(re.findall("<script", shown)) == 2  # data, and the page's own
    assert "default-src &#39;none&#39;" in shown or "default-src 'none'" in shown


def test_words_are_escaped_too(tmp_path):
    words = [f"<b>{j}</b></script>&\"'" for j in range(12)]
    X = np.random.default_rng(0).poisson(1.0, (30, 12))
    nmf = NMF(2, init="nndsvda").fit(X)
    path = skvae.report(nmf, X, path=tmp_path / "r.html", feature_names=words)
    shown = path.read_text("utf-8")
    assert "<b>" not in shown and len(re.findall("</script>", shown)) == 2
    assert data_of(shown)["topics"][0][0][0] in words
    assert words[3] in visible(shown)


def test_nothing_is_loaded_from_elsewhere(page):
    shown = re.sub(html.escape(EVIL), "", page.read_text("utf-8"))
    assert not re.findall(r"https?://|//cdn|@import|url\(|<link|<iframe", shown)
    assert not re.findall(r"\ssrc=", shown.replace("img src=x", ""))


def test_figures_are_those_of_the_metrics(page, model, texts, tmp_path):
    text = visible(page.read_text("utf-8"))
    completion = document_completion_perplexity(model, texts)
    assert f"GSMTopicModel {completion:,.1f}" in text
    counts = model[0].transform(texts)
    unigram = unigram_perplexity(counts, counts)
    assert f"word frequencies alone (unigram) {unigram:,.1f}" in text
    assert "LDA, scikit-learn's defaults" in text and "LDA, online" in text
    assert "which the models have seen" in text
    assert "purity" not in text and "NPMI, held out" not in text
    few, labels = texts[:40], np.arange(40) % 3
    path = skvae.report(
        model, texts, path=tmp_path / "r.html", X_test=few, y=labels, baseline=None
    )
    text = visible(path.read_text("utf-8"))
    completion = document_completion_perplexity(model, few)
    assert f"GSMTopicModel {completion:,.1f}" in text
    assert "on held-out documents" in text and "LDA" not in text
    found = label_alignment(labels, model.transform(few))
    npmi = npmi_coherence(model[-1], model[0].transform(few))
    assert f"{found['purity']:.2f} {found['nmi']:.2f} word frequencies" in text
    assert f" {npmi:,.3f} " in text


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
        skvae.report(
            model[-1], counts, path=path, feature_names=words, baseline=baseline
        )
        return visible(path.read_text("utf-8"))

    assert "NMF, for comparison" in shown(nmf)
    text = shown({"first NMF": nmf, "second NMF": nmf})
    first, second = re.findall(r"(?:first|second) NMF ([\d., ]+)", text)
    assert first == second


def test_health_history_and_making_are_told(page, model, tmp_path, texts):
    text = visible(page.read_text("utf-8"))
    assert "Latent units in use: 3 of 3" in text
    assert f"skvae {skvae.__version__}" in text and "scikit-learn" in text
    assert (
        "GSMTopicModel(batch_size=64, hidden_layer_sizes=(20,), max_epochs=80" in text
    )
    assert "random_state 0 not the default" in text
    assert text.count("10") > 0 and "log-likelihood" in text
    bad = skvae.GSMTopicModel(3, max_epochs=1, lr=1e-6, random_state=0)
    with pytest.warns(match="worse than word frequencies"):
        bad = make_pipeline(model[0], bad).fit(texts)
    path = skvae.report(bad, texts, path=tmp_path / "bad.html", baseline=None)
    text = visible(path.read_text("utf-8"))
    assert "Something went wrong" in text and "worse than word frequencies" in text


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
    path = skvae.report(pipeline, texts, path=tmp_path / "r.html")
    text = visible(path.read_text("utf-8"))
    name = type(estimator).__name__
    assert name in text and "(unigram)" in text
    if name == "ClusterTopicModel":
        assert re.search("NVDMTopicModel (looks healthy|has|ended)", text)
        assert "KL term" in text
    assert ("LDA, online" in text) == (name != "LatentDirichletAllocation")
    assert ("log-likelihood" in text) == name.endswith("TopicModel")
    assert ("% of tokens" in text) == (name != "NVDMTopicModel")
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
        assert f"(document {row})" in text


def section(path, name):
    """A section of the page, and for each topic its number and figure."""
    part = path.read_text("utf-8").split(f'<section id="{name}">')[1]
    part = part.split("</section>")[0]
    figures = re.findall(r"<figure>(.*?)</figure>", part, re.DOTALL)
    of_topic = [re.search("#topic-([0-9]+)", figure)[1] for figure in figures]
    return part, dict(zip(map(int, of_topic), figures))


def test_groups_have_bars_and_intervals(model, texts, tmp_path):
    by = np.array(["a<b>", "other"])[np.arange(201) % 2]
    path = tmp_path / "r.html"
    skvae.report(model, texts, path=path, by=by, baseline=None)
    part, figures = section(path, "prevalence")
    assert "Topics by group" in part and sorted(figures) == [0, 1, 2]
    found = topic_prevalence(model, texts, by)
    ends = found["share"] + 1.96 * found["std_error"]
    for number, (_, rows) in enumerate(found.groupby("topic", sort=False)):
        text = visible(figures[number])
        values = re.findall(r"(\S+) ([0-9.]+)\s% ?", text)
        expected = [f"{100 * share:.1f}" for share in rows["share"]]
        assert values == [("a<b>", expected[0]), ("other", expected[1])]
        styles = re.findall(
            r'width: (\S+)%"></span><.*?left: (\S+)%; right: (\S+)%', figures[number]
        )
        width, low, high = np.array(styles, dtype=float).T / 100
        assert np.allclose(width * ends.max(), rows["share"], atol=1e-4)
        assert np.allclose((1 - high) * ends.max(), ends[rows.index], atol=1e-4)
        assert np.allclose(low + 1 - high, 2 * width, atol=3e-4)  # in the middle


def test_lines_over_time_break_where_documents_are_missing(model, texts, tmp_path):
    months = pd.period_range("2023-01", "2024-12", freq="M")
    month = np.arange(201) % 24
    month[(month == 5) | (month == 7)] = 8  # one alone between empty ones
    path = tmp_path / "r.html"
    dates = months[month].start_time
    skvae.report(model, texts, path=path, by=dates, baseline=None)
    part, figures = section(path, "prevalence")
    found = topic_prevalence(model, texts, dates)
    assert "Topics over time" in part and sorted(figures) == [0, 1, 2]
    top = (found["share"] + 1.96 * found["std_error"]).max()
    for number, (_, rows) in enumerate(found.groupby("topic", sort=False)):
        figure = figures[number]
        assert re.findall(r">(20[-0-9]+)<", figure) == [
            "2023-01",
            "2023-07",
            "2024-01",
            "2024-07",
        ]
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
    weeks = skvae.report(
        model, texts, path=path, by=month, freq="W", baseline=None
    )  # numbers, which are no dates
    part, figures = section(weeks, "prevalence")
    assert "Topics by group" in part and ">20<" in figures[0]


def test_weights_have_no_perplexity_and_the_report_says_so(texts, tmp_path):
    nmf = NMF(3, init="nndsvda")
    tfidf = make_pipeline(TfidfVectorizer(token_pattern=r"w\d\d"), nmf).fit(texts)
    path = skvae.report(tfidf, texts, path=tmp_path / "r.html")
    assert "There are none: X must hold word counts" in visible(path.read_text("utf-8"))


def test_a_failed_report_leaves_the_file_that_was_there(model, texts, tmp_path):
    path = tmp_path / "r.html"
    path.write_text("before")
    with pytest.raises(ValueError, match="There are 2 texts, but X has 201 documents"):
        skvae.report(model, texts, ["a", "b"], path)
    with pytest.raises(ValueError, match="NMF was fitted without feature names"):
        skvae.report(NMF(2, init="nndsvda").fit(np.eye(4)), np.eye(4), path=path)
    with pytest.raises(ValueError, match="baseline='best', but it is an estimator"):
        skvae.report(model, texts, path=path, baseline="best")
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        skvae.report(model, texts, path=path, y=[0, 1])
    with pytest.raises(ValueError, match=r"by has the shape \(2,\), but X has 201"):
        skvae.report(model, texts, path=path, by=[0, 1])
    assert path.read_text() == "before" and len(list(tmp_path.iterdir())) == 1
    with pytest.raises(
        ValueError, match="X_test has 5 features, but GSMTopicModel was"
    ):
        skvae.report(
            model[-1],
            model[0].transform(texts),
            X_test=np.ones((3, 5)),
            path=path,
            feature_names=model[0].get_feature_names_out(),
        )
    with pytest.raises(TypeError, match="Pass the file to write as path="):
        skvae.report(model, texts, "r.html")


def test_odd_characters_survive_or_are_replaced(tmp_path):
    odd = ["日本語 word", "\ud800 half", "\x00 null", "עברית word"] * 5
    X = np.random.default_rng(0).poisson(2.0, (20, 12))
    words = ["日本語", "עברית", *"abcdefghij"]
    nmf = NMF(2, init="nndsvda").fit(X)
    path = skvae.report(nmf, X, odd, tmp_path / "r.html", feature_names=words)
    shown = path.read_text("utf-8")
    assert "日本語" in shown and "עברית" in shown


# --- in a browser -------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """Debian's Chromium, without a window and without a network of its own."""
    webdriver = pytest.importorskip("selenium.webdriver")
    programs = [shutil.which("chromium"), shutil.which("chromedriver")]
    if None in programs:
        pytest.skip("needs Debian's packages chromium and chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = programs[0]
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--hide-scrollbars",
        f"--user-data-dir={tmp_path_factory.mktemp('profile')}",
    ):
        options.add_argument(argument)
    options.set_capability(
        "goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"}
    )
    driver = webdriver.Chrome(options, webdriver.ChromeService(programs[1]))
    yield driver
    driver.quit()


def open_page(browser, page, *, width=1100, theme="light"):
    features = [{"name": "prefers-color-scheme", "value": theme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    size = dict(width=width, height=800, deviceScaleFactor=1, mobile=False)
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get("about:blank")
    for log in ("performance", "browser"):  # of the pages before
        browser.get_log(log)
    browser.get(page.as_uri())


def move_slider(browser, weight):
    browser.execute_script(
        "const slider = document.getElementById('weight'); slider.value = arguments[0];"
        "slider.dispatchEvent(new Event('input'));",
        weight,
    )


def words_shown(browser, number):
    return browser.execute_script(
        "return [...document.querySelectorAll("
        "  `#topic-${arguments[0]} .word`)].map((word) => word.textContent)",
        number,
    )


def test_slider_sorts_words_in_the_browser(browser, page, model, texts):
    open_page(browser, page)
    for weight in (0.3, 0.0, 0.8, 1.0):
        move_slider(browser, weight)
        table = top_words(model, 10, by="relevance", weight=weight, X=texts)
        for k in range(3):
            shown = words_shown(browser, k)
            assert len(shown) == 10 and set(shown) == set(table.iloc[k])
            assert shown[0] == table.iloc[k, 0]
        output = "return document.getElementById('weight-value').textContent"
        assert browser.execute_script(output) == f"{weight:.1f}"


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1100])
def test_page_is_quiet_and_fits(browser, page, width, theme):
    """No error, no request but for the file, no sideways scrolling, one map."""
    open_page(browser, page, width=width, theme=theme)
    move_slider(browser, 0.4)
    assert browser.get_log("browser") == []
    messages = [
        json.loads(entry["message"]) for entry in browser.get_log("performance")
    ]
    requests = [
        message["message"]["params"]["request"]["url"]
        for message in messages
        if message["message"]["method"] == "Network.requestWillBeSent"
    ]
    assert requests == [page.as_uri()]
    assert browser.title == "GSMTopicModel: 3 topics in 201 documents"
    assert (
        browser.execute_script("return document.documentElement.scrollWidth") == width
    )
    maps = browser.execute_script(
        "return [...document.querySelectorAll('svg.map')]"
        ".filter((map) => map.getBoundingClientRect().width > 0)"
        ".map((map) => map.getBoundingClientRect().width / map.viewBox.baseVal.width)"
    )
    assert len(maps) == 1 and 0.9 < maps[0] < 1.1  # labels keep their size
    color, background = browser.execute_script(
        "const style = getComputedStyle(document.body);"
        "return [style.color, style.backgroundColor]"
    )
    lightness = [sum(map(int, re.findall(r"\d+", c)[:3])) for c in (color, background)]
    assert (lightness[1] > lightness[0]) == (theme == "light")
    assert abs(lightness[1] - lightness[0]) > 500


def test_html_of_a_document_is_text_in_the_browser(browser, page):
    open_page(browser, page)
    assert browser.execute_script("return document.images.length") == 0
    documents = browser.execute_script(
        "return [...document.querySelectorAll('.documents li')]"
        ".map((item) => item.textContent)"
    )
    assert documents and all(EVIL in text for text in documents)


def test_policy_stops_what_would_slip_through(browser, page, tmp_path):
    """Even a script that got into the file as such does not run or reach out."""
    slipped = tmp_path / "slipped.html"
    text = page.read_text("utf-8").replace("<main>", f"<main>{EVIL}", 1)
    slipped.write_text(text, "utf-8")
    open_page(browser, slipped)
    assert browser.title != "evil"
    assert words_shown(browser, 0)
    refused = [entry["message"] for entry in browser.get_log("browser")]
    assert any("Content Security Policy" in message for message in refused)
