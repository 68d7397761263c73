"""The report in a browser."""

import json
import re
import shutil

import numpy as np
import pytest
from helpers import EVIL

from skvae.inspection import top_words, topic_sizes
from skvae.metrics import npmi_coherence


def data_of(page):
    (block,) = re.findall(
        r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL
    )
    return json.loads(block)


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
    switches = "headless=new no-sandbox disable-gpu disable-quic no-first-run"
    switches += " disable-background-networking disable-component-update"
    switches += " disable-sync hide-scrollbars"
    for switch in switches.split():
        options.add_argument(f"--{switch}")
    options.add_argument(f"--user-data-dir={tmp_path_factory.mktemp('profile')}")
    options.set_capability(
        "goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"}
    )
    driver = webdriver.Chrome(options, webdriver.ChromeService(programs[1]))
    yield driver
    driver.quit()


def open_page(browser, page, *, width=1100, theme="light", media="", part=""):
    features = [{"name": "prefers-color-scheme", "value": theme}]
    emulated = {"features": features, "media": media}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", emulated)
    size = dict(width=width, height=800, deviceScaleFactor=1, mobile=False)
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get("about:blank")
    for log in ("performance", "browser"):  # of the pages before
        browser.get_log(log)
    browser.get(page.as_uri() + part)


def find(browser, selector):
    """What a person sees of a part of the page; None if nothing."""
    found = browser.find_elements("css selector", selector)
    return next((part for part in found if part.is_displayed()), None)


def click(browser, selector):
    find(browser, selector).click()


def type_into(browser, selector, text):
    find(browser, selector).clear()
    find(browser, selector).send_keys(text)


def each(browser, selector, expression):
    """Values of an expression of JavaScript for each `part` of the page."""
    parts = f"[...document.querySelectorAll({json.dumps(selector)})]"
    return browser.execute_script(f"return {parts}.map((part) => {expression})")


def opened(browser):
    """Numbers of the topics that are to be seen."""
    shown = each(browser, "article", "part.offsetHeight > 0 ? part.id : null")
    return [int(name.split("-")[1]) for name in shown if name]


def focus(browser, part):
    browser.execute_script("arguments[0].focus()", part)


def told_aloud(browser):
    (status,) = each(browser, "#status", "part.textContent")
    return status


def width_of(browser):
    (width,) = each(browser, "html", "part.scrollWidth")
    return width


def move_slider(browser, weight):
    browser.execute_script(
        "const slider = document.getElementById('weight'); slider.value = arguments[0];"
        "slider.dispatchEvent(new Event('input'));",
        weight,
    )


def words_shown(browser, number):
    return each(browser, f"#topic-{number} .words tbody th", "part.textContent")


def focused(browser):
    """The id of what has the focus, or the part of the page that it links to."""
    return browser.execute_script(
        "const part = document.activeElement; return part.hash || part.id"
    )


def test_a_topic_is_chosen_in_the_browser(browser, page):
    """By the list, by its address, by a neighbor, by the map, and back again."""
    first, second, last = data_of(page.read_text("utf-8"))["order"]
    open_page(browser, page)
    assert opened(browser) == [first]
    click(browser, f"#list a[href='#topic-{last}']")
    assert opened(browser) == [last] and browser.current_url.endswith(f"#topic-{last}")
    assert focused(browser) == f"title-{last}"
    assert find(browser, "#list [aria-current]").text == f"Topic {last}"
    click(browser, "#next")
    assert opened(browser) == [first]
    click(browser, "#previous")
    assert opened(browser) == [last]
    click(browser, f"#topic-{last} .neighbors a[href='#topic-{second}']")
    assert opened(browser) == [second]
    browser.back()
    assert opened(browser) == [last]
    click(browser, f"svg.map a[href='#topic-{first}']")
    assert opened(browser) == [first]
    (place,) = each(browser, f"#topic-{first}", "part.getBoundingClientRect().top")
    assert 0 <= place < 400
    open_page(browser, page, part=f"#topic-{second}")
    assert opened(browser) == [second]


def test_topics_are_sorted_in_the_browser(browser, page, model, texts):
    open_page(browser, page)
    keys = {
        "share": topic_sizes(model, texts)["share"].to_numpy(),
        "npmi": npmi_coherence(model, texts, per_topic=True),
        "name": -np.arange(3),
    }

    def listed():
        links = browser.find_elements("css selector", "#list tbody a")
        return [int(link.text.split()[1]) for link in links]

    assert listed() == np.argsort(-keys["share"]).tolist()
    for key in ("npmi", "name", "share"):
        click(browser, f"#list th[data-key={key}] button")
        order = np.argsort(-keys[key]).tolist()
        assert listed() == order
        direction = "ascending" if key == "name" else "descending"
        head = find(browser, f"#list th[data-key={key}]")
        assert head.get_attribute("aria-sort") == direction
        click(browser, f"#list th[data-key={key}] button")
        assert listed() == order[::-1]
        click(browser, f"#list a[href='#topic-{order[-1]}']")
        click(browser, "#next")  # in the order of the list
        assert opened(browser) == [order[-2]]


def test_words_and_texts_are_searched_in_the_browser(browser, page, model, texts):
    open_page(browser, page)
    data = data_of(page.read_text("utf-8"))
    j, found = next(
        (j, f) for j, f in enumerate(data["topics_of_words"]) if len(f) == 1
    )
    word, topic = data["words"][j], found[0][0]
    type_into(browser, "#search", word.upper())
    result = find(browser, "#results .found li")
    assert result.find_element("css selector", "b").text == word
    links = result.find_elements("css selector", "a")
    assert [link.get_attribute("hash") for link in links] == [f"#topic-{topic}"]
    shown = re.findall(r'<li id="d-\d-(\d+)">', page.read_text("utf-8"))
    with_word = [row for row in set(shown) if word in texts[int(row)].split()]
    told = f"1 word and {len(with_word) or 'none'} of the documents in this page"
    assert told_aloud(browser) == told
    click(browser, "#results .found:last-child a")
    (number,) = opened(browser)
    row = re.search(r"#d-(\d+)-(\d+)$", browser.current_url)
    assert int(row[1]) == number and row[2] in with_word
    assert find(browser, f"#d-{number}-{row[2]} .text, #d-{number}-{row[2]} .title")

    type_into(browser, "#search", EVIL)
    assert EVIL in find(browser, "#results .found:last-child").text
    type_into(browser, "#search", "no such")
    assert (
        find(browser, "#results").text
        == "no words and none of the documents in this page"
    )

    type_into(browser, f"#topic-{number} .filter", word)
    kept = browser.find_elements("css selector", f"#topic-{number} .documents > li")
    kept = [item.get_attribute("id") for item in kept if item.is_displayed()]
    ids = re.findall(rf'<li id="(d-{number}-\d+)">', page.read_text("utf-8"))
    assert kept == [i for i in ids if i.split("-")[2] in with_word]

    first = words_shown(browser, number)[0]
    click(browser, f"#topic-{number} .words button")
    assert find(browser, "#search").get_property("value") == first
    assert find(browser, "#results b").text == first


def test_slider_sorts_words_in_the_browser(browser, page, model, texts):
    open_page(browser, page)
    slider = find(browser, "#weight").get_property("value")
    assert slider == "0.6"
    for weight, k in [(0.3, 0), (0.0, 1), (0.8, 2), (1.0, 0)]:
        move_slider(browser, weight)
        click(browser, f"#list a[href='#topic-{k}']")
        table = top_words(model, 15, by="relevance", weight=weight, X=texts)
        shown = words_shown(browser, k)
        assert len(shown) == 15 and set(shown) == set(table.iloc[k])
        assert shown[0] == table.iloc[k, 0]
        assert each(browser, "#weight-value", "part.textContent") == [f"{weight:.1f}"]


def test_pointer_and_keys_tell_what_is_there_in_the_browser(browser, page):
    webdriver = pytest.importorskip("selenium.webdriver")
    keys = webdriver.Keys

    def press(*pressed):
        webdriver.ActionChains(browser).send_keys(*pressed).perform()

    def point(part):
        webdriver.ActionChains(browser).move_to_element(part).perform()

    def tap(part):
        webdriver.ActionChains(browser).move_to_element(part).click().perform()

    data = data_of(page.read_text("utf-8"))
    open_page(browser, page)
    first, second, _ = data["order"]
    focus(browser, find(browser, f"#list a[href='#topic-{first}']"))
    press(keys.ARROW_DOWN)
    assert focused(browser) == f"#topic-{second}" and opened(browser) == [first]
    press(keys.ENTER)
    assert opened(browser) == [second]

    # The map, by pointing and by Tab.
    mark = find(browser, f"svg.map a[href='#topic-{first}']")
    point(mark)
    told = f"Topic {first} {data['topics'][str(first)]['first']}"
    assert find(browser, "#tip").text == told
    point(find(browser, "h1"))
    assert find(browser, "#tip") is None
    focus(browser, mark)
    assert find(browser, "#tip").text == told
    press(keys.ESCAPE)
    assert find(browser, "#tip") is None
    # A tap keeps the tip, with a link to go on.
    word = each(browser, "svg.map.wide circle.document", "part")[-1]
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", word)
    tap(word)
    tap(find(browser, "#tip a"))
    assert re.search("#(d|topic)-", browser.current_url)

    # Cells of the similarities.
    table = data["tables"]["similarity"]
    focus(browser, find(browser, "svg[data-table=similarity]"))
    press(keys.ARROW_DOWN, keys.ARROW_RIGHT, keys.ARROW_RIGHT)
    row, column = table["rows"][1], table["columns"][2]
    told = told_aloud(browser)
    assert f"Topic {row}, Topic {column} " in told
    assert f"similarity {table['values'][1][2]:.3f}" in told
    press(keys.ENTER)
    assert opened(browser) == [row]
    tap(find(browser, "svg[data-table=prevalence]"))
    shown = find(browser, "#tip").text
    value = data["tables"]["prevalence"]["values"][1]
    row = data["tables"]["prevalence"]["rows"][1]
    assert f"Topic {row} " in shown
    assert any(
        f"{name}: {100 * share:.1f}\N{THIN SPACE}%" in shown
        for name, share in zip(["a<b>", "other"], value)
    )
    tap(find(browser, "#tip a"))
    assert browser.current_url.endswith(f"#topic-{row}")
    assert browser.get_log("browser") == []


def test_without_scripts_all_topics_are_there_in_the_browser(browser, page, tmp_path):
    """Here the policy stops the script. In print they are there with it."""
    silent = tmp_path / "silent.html"
    shown = page.read_text("utf-8")
    silent.write_text(shown.replace('"use strict";', '"use strict"; '), "utf-8")
    order = data_of(shown)["order"]
    open_page(browser, silent, width=400)
    assert width_of(browser) == 400
    assert opened(browser) == order
    assert find(browser, "#weight") is find(browser, "#search") is None
    assert find(browser, f"#list a[href='#topic-{order[2]}']")
    assert find(browser, f"#topic-{order[2]} summary, #topic-{order[2]} .title")
    written = words_shown(browser, order[0])
    assert len(written) == len(words_shown(browser, order[2])) == 15
    open_page(browser, page, media="print")
    assert words_shown(browser, order[0]) == written  # as the script draws them
    assert opened(browser) == order and find(browser, "#search") is None


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1100])
def test_page_is_quiet_and_fits(browser, page, width, theme):
    """No error, no request but for the file, no sideways scrolling, one map."""
    open_page(browser, page, width=width, theme=theme)
    move_slider(browser, 0.4)
    type_into(browser, "#search", "w")
    click(browser, ".documents summary")
    assert browser.get_log("browser") == []
    messages = [
        json.loads(entry["message"])["message"]
        for entry in browser.get_log("performance")
    ]
    requests = [
        message["params"]["request"]["url"]
        for message in messages
        if message["method"] == "Network.requestWillBeSent"
    ]
    assert requests == [page.as_uri()]
    assert browser.title == "GSMTopicModel: 3 topics in 201 documents"
    assert width_of(browser) == width
    scale = "part.getBoundingClientRect().width / part.viewBox.baseVal.width"
    maps = [size for size in each(browser, "svg.map", scale) if size > 0]
    assert len(maps) == 1 and 0.9 < maps[0] < 1.2  # labels keep their size
    cells = "#list td, .figures td, .values td"
    assert max(each(browser, cells, "part.getBoundingClientRect().right")) <= width
    style = "[getComputedStyle(part).color, getComputedStyle(part).backgroundColor]"
    ((color, background),) = each(browser, "body", style)
    lightness = [sum(map(int, re.findall(r"\d+", c)[:3])) for c in (color, background)]
    assert (lightness[1] > lightness[0]) == (theme == "light")
    assert abs(lightness[1] - lightness[0]) > 500


def test_html_of_a_document_is_text_in_the_browser(browser, page):
    open_page(browser, page)
    assert each(browser, "img", "part.src") == []
    documents = each(browser, ".documents > li", "part.textContent")
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
