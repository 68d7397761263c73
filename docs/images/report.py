"""Draw report.png and report_dark.png, README's picture of a report.

    python docs/images/report.py

Takes half a minute, Chromium with its driver, and the packages of skvae[test].
"""

import tempfile
from pathlib import Path

from selenium import webdriver
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.pipeline import make_pipeline

import skvae
from skvae.datasets import fetch_example_texts

TOPIC = "encryption"  # the topic that has this word is open


def write_report(folder):
    """Return the address of a report of README's model."""
    texts = fetch_example_texts().data
    counts = CountVectorizer(
        stop_words="english",
        token_pattern=r"\b[^\W\d_]{3,}\b",
        max_df=0.1,
        max_features=2000,
    )
    model = make_pipeline(counts, skvae.GSMTopicModel(20, random_state=0)).fit(texts)
    column = model[0].vocabulary_[TOPIC]
    topic = model[-1].components_[:, column].argmax()
    path = Path(folder) / "report.html"
    skvae.report(model, texts, path=path, n_words=10, n_documents=8, baseline=None)
    return f"{path.as_uri()}#topic-{topic}"


def take_picture(address, path, scheme):
    """Write a picture of the report's topics, in a light or a dark scheme."""
    options = webdriver.ChromeOptions()
    for argument in ("--headless", "--no-sandbox", "--hide-scrollbars"):
        options.add_argument(argument)
    driver = webdriver.Chrome(options)
    try:
        window = dict(width=1100, height=800, deviceScaleFactor=1.25, mobile=False)
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", window)
        feature = {"name": "prefers-color-scheme", "value": scheme}
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
        driver.get(address)
        place = "scrollTo(0, document.getElementById('topics').offsetTop - 8)"
        driver.execute_script(place)
        driver.save_screenshot(str(path))
    finally:
        driver.quit()


if __name__ == "__main__":
    here = Path(__file__).parent
    with tempfile.TemporaryDirectory() as folder:
        address = write_report(folder)
        take_picture(address, here / "report.png", "light")
        take_picture(address, here / "report_dark.png", "dark")
