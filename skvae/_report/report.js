"use strict";
(function () {
  const data = JSON.parse(document.getElementById("data").textContent);
  const slider = document.getElementById("weight");
  const output = document.getElementById("weight-value");
  const lists = document.querySelectorAll("ol.words");

  function show(weight) {
    output.textContent = weight.toFixed(1);
    for (const list of lists) {
      const words = data.topics[list.dataset.topic];
      const longest = Math.max(...words.map((word) => word[1]));
      const first = words
        .map(([text, p, all]) => ({ text, p, relevance: p - (1 - weight) * all }))
        .sort((a, b) => b.relevance - a.relevance)
        .slice(0, data.n_words);
      for (const [i, word] of first.entries()) {
        const [name, bar, value] = list.children[i].children;
        name.textContent = word.text;
        bar.firstChild.style.width = 100 * Math.exp(word.p - longest) + "%";
        value.textContent = (100 * Math.exp(word.p)).toFixed(1) + "\u2009%";
      }
    }
  }

  slider.addEventListener("input", () => show(Number(slider.value)));
  show(Number(slider.value)); // browsers restore sliders of pages that come back
})();
