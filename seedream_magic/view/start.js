// Makes carousels of the sets that are none yet, grids, light tables and galleries. JupyterLab, Notebook 7 and pages
// run a script where it stands, inside its set. VS Code runs a copy of it at the end of the output, and nbclassic's
// jQuery one in the page's head, before the output has come into the page. What these two left in the set tells which
// sets are this script's: a sanitizer leaves none, and another version of the project has its own. jQuery's copy is
// shorter: it lacks the marks of the comment in which the script stands.
(() => {
  const KINDS = ".seedream, .seedream-grid, .seedream-light, .seedream-gallery[data-facts]";
  const script = /** @type {HTMLScriptElement | null} */ (document.currentScript);
  /** @param {Element} set */
  const isOurs = (set) => [...set.querySelectorAll("script")].some((own) => !script || own.text.includes(script.text));
  const start = () => {
    const around = /** @type {HTMLElement | null | undefined} */ (script?.closest(KINDS));
    /** @type {Iterable<HTMLElement>} */
    const sets = around ? [around] : document.querySelectorAll(KINDS);
    for (const set of sets) {
      if (set.matches(".seedream-live, .seedream-grid-live, .seedream-light-live, .seedream-gallery-live") || !isOurs(set)) continue;
      if (set.matches(".seedream-gallery")) seedreamGallery(set);
      else if (set.matches(".seedream-light")) seedreamLight(set);
      else if (set.matches(".seedream-grid")) seedreamGrid(set);
      else if (set.querySelector("figure")) seedreamCarousel(set);
    }
  };
  start();
  queueMicrotask(start); // before a click can meet a set that has no buttons yet
  setTimeout(start);
})();
