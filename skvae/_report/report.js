"use strict";
// The page holds all there is to read. This shows one topic at a time, and sorts,
// searches and tells what lies under the pointer. Texts only ever become text nodes.
(function () {
  const data = JSON.parse(document.getElementById("data").textContent);
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const say = (text) => { $("#status").textContent = text; };

  function percent(share) {
    const value = 100 * share;
    let shown = value >= 0.1 ? value.toFixed(1) : value.toPrecision(1);
    if (value < 0.001) shown = value > 0 ? "<0.001" : "0";
    return shown + "\u2009%";
  }

  function make(name, properties, ...children) {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...children);
    return made;
  }

  function linkTo(number) {
    const topic = data.topics[number];
    const words = make("small", { dir: "auto" }, " " + topic.first);
    return make("a", { href: "#topic-" + number }, topic.title, words);
  }

  document.documentElement.classList.add("js");

  // --- words of a topic, by the slider ------------------------------------------------

  const slider = $("#weight");

  function drawWords(article) {
    const weight = Number(slider.value);
    const table = $("table.words", article);
    const first = data.topics[table.dataset.topic].words
      .map(([j, p]) => [j, p, p - (1 - weight) * data.frequencies[j]])
      .sort((a, b) => b[2] - a[2])
      .slice(0, data.n_words)
      .map(([j, p]) => [data.words[j], Math.exp(p), Math.exp(data.frequencies[j])]);
    const longest = Math.max(...first.flatMap(([, p, overall]) => [p, overall]));
    for (const [i, [word, p, overall]] of first.entries()) {
      const [name, bars, ofTopic, ofAll] = table.tBodies[0].rows[i].cells;
      const look = make("button", { type: "button", className: "word" }, word);
      look.title = "Which topics have it?";
      name.replaceChildren(look);
      bars.children[0].style.width = (100 * p) / longest + "%";
      bars.children[1].style.width = (100 * overall) / longest + "%";
      ofTopic.textContent = percent(p);
      ofAll.textContent = percent(overall);
    }
    $("#weight-value").textContent = weight.toFixed(1);
  }

  slider.addEventListener("input", () => drawWords($("article.open")));
  addEventListener("beforeprint", () => $$("article").forEach(drawWords));

  // --- the topic that is open, by the address -----------------------------------------

  const rows = () => [...$("#list").tBodies[0].rows];

  function open(article) {
    $("article.open")?.classList.remove("open");
    article.classList.add("open");
    drawWords(article);
    for (const row of rows()) {
      const link = $("a", row);
      const isOpen = link.hash === "#" + article.id;
      row.classList.toggle("open", isOpen);
      isOpen ? link.setAttribute("aria-current", "true") : link.removeAttribute("aria-current");
    }
    pointToNeighbors();
  }

  function pointToNeighbors() {
    const all = rows();
    const i = all.findIndex((row) => row.classList.contains("open"));
    $("#previous").href = $("a", all[(i + all.length - 1) % all.length]).hash;
    $("#next").href = $("a", all[(i + 1) % all.length]).hash;
  }

  function follow() {
    const target = document.getElementById(location.hash.slice(1));
    const article = target?.closest("article");
    if (!article) return;
    open(article);
    hideTip();
    let focused = $("h3", article);
    if (target !== article) {
      target.hidden = false;
      focused = $("summary", target) ?? target;
      $("details", target)?.setAttribute("open", "");
    }
    const place = target === article ? $(".opened") : target;
    const { top } = place.getBoundingClientRect();
    if (top < 0 || top > innerHeight / 2) place.scrollIntoView();
    focused.focus({ preventScroll: true });
  }

  addEventListener("hashchange", follow);

  // --- the list of topics -------------------------------------------------------------

  const orders = {
    name: (a, b) =>
      (a.name === "") - (b.name === "") || a.name.localeCompare(b.name) || a.number - b.number,
    share: (a, b) => b.share - a.share,
    npmi: (a, b) => b.npmi - a.npmi,
  };

  function sort(head) {
    const order = orders[head.dataset.key];
    // A second time the other way round.
    const first = head.dataset.key === "name" ? "ascending" : "descending";
    const second = first === "ascending" ? "descending" : "ascending";
    const direction = head.getAttribute("aria-sort") === first ? second : first;
    const sorted = rows().sort((a, b) => order(a.dataset, b.dataset));
    $("#list").tBodies[0].append(...(direction === first ? sorted : sorted.reverse()));
    for (const other of $$("#list thead th")) other.setAttribute("aria-sort", "none");
    head.setAttribute("aria-sort", direction);
    pointToNeighbors();
    say("sorted by " + head.textContent + ", " + direction);
  }

  for (const head of $$("#list thead th")) {
    const button = make("button", { type: "button" }, ...head.childNodes);
    button.addEventListener("click", () => sort(head));
    head.replaceChildren(button);
  }

  $("#list").addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const all = rows();
    const next = all[all.indexOf(event.target.closest("tbody tr")) + step];
    if (!step || !event.target.closest("tbody") || !next) return;
    event.preventDefault();
    $("a", next).focus();
  });

  // --- search -------------------------------------------------------------------------

  const search = $("#search");
  const lower = data.words.map((word) => word.toLowerCase());
  const documents = $$(".documents > li");
  const textOf = (item) => ($(".text", item) ?? $(".title", item)).textContent;
  let texts = null; // of the documents, in lower case, from the first search on

  function matchingWords(query) {
    const rank = (word) => (word === query ? 0 : word.startsWith(query) ? 1 : 2);
    return [...lower.keys()]
      .filter((j) => lower[j].includes(query))
      .sort((a, b) => rank(lower[a]) - rank(lower[b]) || data.frequencies[b] - data.frequencies[a]);
  }

  function matchingDocuments(query) {
    texts ??= documents.map((item) => textOf(item).toLowerCase());
    const found = new Map(); // a document may stand for several topics
    documents.forEach((item, i) => {
      const times = texts[i].split(query).length - 1;
      if (times) found.set(item.id.split("-")[2], { item, times });
    });
    return [...found.values()].sort((a, b) => b.times - a.times).map(({ item }) => item);
  }

  function ofWord(j) {
    const item = make("li", {}, make("b", { dir: "auto" }, data.words[j]));
    item.append(" " + percent(Math.exp(data.frequencies[j])) + " of all tokens");
    const topics = make("ul");
    for (const [number, p] of data.topics_of_words[j]) {
      topics.append(make("li", {}, linkTo(number), " " + percent(Math.exp(p))));
    }
    if (!topics.children.length) topics.append(make("li", {}, "no topic has more of it"));
    item.append(topics);
    return item;
  }

  function ofDocument(item, query) {
    const topic = data.topics[item.id.split("-")[1]];
    const text = textOf(item);
    const at = text.toLowerCase().indexOf(query);
    const end = at + query.length;
    const mark = make("mark", {}, text.slice(at, end));
    const before = (at > 60 ? "\u2026" : "") + text.slice(Math.max(0, at - 60), at);
    const after = text.slice(end, end + 60) + (end + 60 < text.length ? "\u2026" : "");
    return make("li", {},
      make("a", { href: "#" + item.id, dir: "auto" }, $(".title", item).textContent),
      make("p", { dir: "auto" }, topic.title + " \u00b7 " + before, mark, after));
  }

  function showResults() {
    const query = search.value.trim().toLowerCase();
    const results = $("#results");
    results.hidden = !query;
    if (!query) return say("");
    const words = matchingWords(query);
    const found = matchingDocuments(query);
    const told =
      `${words.length || "no"} word${words.length === 1 ? "" : "s"} and ` +
      `${found.length || "none"} of the documents in this page`;
    results.replaceChildren(
      make("p", { className: "note" }, told),
      make("ul", { className: "found" }, ...words.slice(0, 6).map(ofWord)),
      make("ul", { className: "found" }, ...found.slice(0, 20).map((d) => ofDocument(d, query))),
    );
    say(told);
  }

  search.addEventListener("input", showResults);

  document.addEventListener("click", (event) => {
    const word = event.target.closest("button.word");
    if (!word) return;
    search.value = word.textContent;
    showResults();
    search.scrollIntoView({ block: "nearest" });
    search.focus({ preventScroll: true });
  });

  for (const filter of $$(".filter")) {
    const items = $$(".documents > li", filter.closest("article"));
    filter.addEventListener("input", () => {
      const query = filter.value.trim().toLowerCase();
      for (const item of items) item.hidden = !item.textContent.toLowerCase().includes(query);
      say(`${items.filter((item) => !item.hidden).length} documents`);
    });
  }

  // --- what lies under the pointer: marks of the map, cells of shaded tables ----------

  const tip = $("#tip");
  let pinned = false; // by a click, until the next one

  function hideTip() {
    tip.hidden = true;
    pinned = false;
    for (const cursor of $$(".cursor")) cursor.classList.remove("here");
  }

  function showTip({ left, right, top, bottom }, text, links) {
    tip.replaceChildren(text, ...links);
    tip.hidden = false;
    const page = document.documentElement;
    const beside = right + 10 + tip.offsetWidth < page.clientWidth;
    const x = beside ? right + 10 : Math.max(4, left - 10 - tip.offsetWidth);
    const y = top > tip.offsetHeight + 10 ? top - tip.offsetHeight - 6 : bottom + 6;
    tip.style.left = x + scrollX + "px";
    tip.style.top = y + scrollY + "px";
  }

  function nearestMark(map, event) {
    let best = null;
    let least = 14; // pixels
    for (const mark of $$(".mark", map)) {
      const box = mark.getBoundingClientRect();
      const [x, y] = [(box.left + box.right) / 2, (box.top + box.bottom) / 2];
      const distance = Math.hypot(x - event.clientX, y - event.clientY) - box.width / 2;
      if (distance < least) [best, least] = [mark, distance];
    }
    return best;
  }

  function tellMark(mark) {
    const number = mark.dataset.to.match(/^topic-(\d+)/)?.[1];
    const link = number
      ? linkTo(number)
      : make("a", { href: "#" + mark.dataset.to }, "read it");
    const isTopic = mark.classList.contains("topic");
    showTip(mark.getBoundingClientRect(), isTopic ? "" : mark.dataset.tip + " ", [link]);
  }

  for (const title of $$(".mark > title")) {
    title.parentNode.dataset.tip = title.textContent;
    title.remove(); // or the browser would show it too
  }

  function cellAt(svg, event) {
    const box = svg.getBoundingClientRect();
    const table = data.tables[svg.dataset.table];
    const part = (at, length, n) => Math.max(0, Math.min(n - 1, Math.floor((at / length) * n)));
    return [
      part(event.clientY - box.top, box.height, table.rows.length),
      part(event.clientX - box.left, box.width, table.columns.length),
    ];
  }

  function tellCell(svg, [row, column]) {
    const table = data.tables[svg.dataset.table];
    const [number, other] = [table.rows[row], table.columns[column]];
    const value = table.values[row][column];
    const alike = svg.dataset.table === "similarity";
    const links = [linkTo(number)];
    if (alike && other !== number) links.push(linkTo(other));
    let text = alike ? "similarity " : other + ": ";
    if (value === null) text = alike ? "" : other + ": no documents";
    else text += alike ? value.toFixed(3) : percent(value);
    const cursor = $(".cursor", svg);
    cursor.setAttribute("x", column);
    cursor.setAttribute("y", row);
    cursor.classList.add("here");
    showTip(cursor.getBoundingClientRect(), text, links.map((link) => make("div", {}, link)));
    return [data.topics[number].title, ...links.slice(1).map((l) => l.textContent), text].join(", ");
  }

  function answer(figure, tell) {
    figure.addEventListener("pointermove", (event) => pinned || tell(event));
    figure.addEventListener("pointerleave", () => pinned || hideTip());
    figure.addEventListener("click", (event) => {
      event.stopPropagation();
      hideTip();
      tell(event);
      pinned = !tip.hidden;
    });
  }

  for (const map of $$("svg.map")) {
    answer(map, (event) => {
      const mark = nearestMark(map, event);
      mark ? tellMark(mark) : hideTip();
    });
    map.addEventListener("focusin", (event) => tellMark($(".mark", event.target)));
    map.addEventListener("focusout", hideTip);
  }

  for (const svg of $$("svg.cells")) {
    const { rows: all, columns } = data.tables[svg.dataset.table];
    let at = [0, 0];
    svg.setAttribute("tabindex", "0");
    answer(svg, (event) => tellCell(svg, (at = cellAt(svg, event))));
    svg.addEventListener("keydown", (event) => {
      const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
      if (event.key === "Enter") location.hash = "#topic-" + all[at[0]];
      const move = moves[event.key];
      if (!move) return;
      event.preventDefault();
      const inside = (i, n) => Math.max(0, Math.min(n - 1, i));
      at = [inside(at[0] + move[0], all.length), inside(at[1] + move[1], columns.length)];
      say(tellCell(svg, at));
    });
    svg.addEventListener("blur", hideTip);
  }

  // Or a table would lose the focus, and hide the tip before its link is clicked.
  tip.addEventListener("mousedown", (event) => event.preventDefault());
  document.addEventListener("click", (event) => tip.contains(event.target) || hideTip());
  addEventListener("keydown", (event) => event.key === "Escape" && hideTip());

  // --- as the page is loaded ----------------------------------------------------------

  open($("article"));
  follow();
  if (search.value) showResults(); // browsers restore what was typed
})();
