// Results by name above Sphinx's results by word: symbols, functions, terms, exercises and equations
// (book/_ext/metadata/search_objects.py). Loaded by the search page alone, after Sphinx's searchtools.js.
const SPHINX_HIGHLIGHT_ENABLED = false; // as sphinx_highlight.js, which is not loaded, would say

{
  // A page opened as a file may not read the others, which summaries are made from.
  if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;

  const KINDS = ["symbol", "term", "function", "exercise", "equation"];
  const bare = (text) => text.normalize("NFC").replace(/[\\{}()$,\s]+/g, " ").trim();

  // How well a spelling answers a query; 0 is not at all.
  function fit(query, spelling) {
    if (spelling === query) return 9;
    const [q, s] = [query.toLowerCase(), spelling.toLowerCase()];
    if (s.replaceAll(" ", "") === q.replaceAll(" ", "")) return q.length > 1 ? 8 : 5; // h is not H
    if (s.endsWith(`.${q}`)) return 7;
    if (s.startsWith(q) && !/^[a-z0-9]/.test(s.slice(q.length))) return 6;
    if (q.length > 2 && s.includes(q)) return 3;
    return q.includes(" ") && q.split(" ").every((word) => s.includes(word)) ? 2 : 0;
  }

  // The objects that answer a query, as rows of Sphinx's results.
  function named(query) {
    const index = Search._index;
    const wanted = bare(query);
    const results = [];
    for (const [prefix, objects] of wanted ? Object.entries(index.objects) : []) {
      for (const [page, type, , anchor, last] of objects) {
        const [names, about] = (prefix ? `${prefix}.${last}` : last).split(/ : (.*)/s);
        const spellings = names.split(" = ");
        const kind = index.objnames[type][1];
        const decode = (text) => new DOMParser().parseFromString(text, "text/html").body.textContent;
        const best = Math.max(...spellings.map((name, n) => fit(wanted, bare(decode(name))) - (n && 0.5)));
        if (best <= 0) continue;
        const also = spellings.slice(1).map((name) => `<code>${name}</code>`).join(", ");
        const told = [kind, also, about, `in ${index.titles[page]}`].filter(Boolean).join(" · ");
        const place = anchor === "-" ? `${kind}-${spellings[0]}` : anchor || spellings[0];
        // A name that is hit stands above all; one that is touched, between titles and text.
        const score = best > 6 || kind === "symbol" ? 1000 + 10 * best - KINDS.indexOf(kind) : 10;
        results.push([index.docnames[page], spellings[0], `#${place}`, told, score, index.filenames[page]]);
      }
    }
    return results;
  }

  // Sphinx asks an object for the pages of a word, and would take what every object has for one: its constructor.
  const words = Object.create(null, { hasOwnProperty: { value: Object.prototype.hasOwnProperty } });
  const { setIndex } = Search;
  Search.setIndex = (index) => {
    for (const pages of [index.terms, index.titleterms]) Object.setPrototypeOf(pages, words);
    setIndex(index);
  };

  // Sphinx shows the last result first.
  Search.performObjectSearch = () => [];
  const byWord = Search._performSearch;
  Search._performSearch = (query, ...terms) => {
    const objects = named(query);
    const places = new Set(objects.map(([page, , anchor]) => page + anchor));
    const words = byWord(query, ...terms).filter(([page, , anchor]) => !places.has(page + anchor));
    return [...words, ...objects].sort((a, b) => a[4] - b[4] || b[1].length - a[1].length);
  };

  // The text of a page without what only the eye or a machine reads: mathematics is there three times.
  Search.htmlToText = (html, anchor) => {
    const page = new DOMParser().parseFromString(html, "text/html");
    const article = page.querySelector("article") ?? page.body;
    for (const node of article.querySelectorAll(".headerlink, script, style, button, .katex-html, mrow, .part-progress"))
      node.remove();
    const place = anchor && page.getElementById(decodeURIComponent(anchor.slice(1)));
    return (place || article).textContent.replace(/\s+/g, " ");
  };
}
