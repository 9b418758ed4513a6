// Turns the strip of pictures around this script into a carousel (WAI-ARIA's pattern). Text is never put in as HTML.
(() => {
  const root = document.currentScript?.parentElement;
  if (!root || root.classList.contains("seedream-live")) return;

  /** Where the reader was in each run: outlives an update of the output.
   *  @type {Map<string, {index: number, pinned: number, view: string, focus: string, open: boolean, root: Element}>} */
  const visited = (window[Symbol.for("seedream.visited")] ??= new Map());
  const place = { index: 0, pinned: 0, view: root.dataset.show, ...visited.get(root.dataset.run) };
  const replaced = place.root && !place.root.isConnected;
  const { focus, open: wasOpen } = replaced ? place : {};
  Object.assign(place, { root, focus: "", open: false });
  visited.set(root.dataset.run, place);

  const still = { preventScroll: true };
  const words = JSON.parse(root.dataset.words);
  const life = new AbortController();
  const strip = root.querySelector(".seedream-strip");
  const figures = [...strip.children];
  const many = figures.length > 1;
  /** @param {string} selector */
  const find = (selector, at = place.index) => figures[at].querySelector(selector);
  const picture = (at = place.index) => find("img", at);
  const count = (at = place.index) => find(".seedream-count", at).textContent;
  const several = figures.filter((_, at) => picture(at)).length > 1;

  /** @param {Node} node @param {string} type @param {(event: any) => void} act */
  const on = (node, type, act) => node.addEventListener(type, act, { signal: life.signal });

  /** @param {Element} node @param {Object<string, any>} attributes */
  function set(node, attributes) {
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  }

  /** @param {string} tag @param {Object<string, string>} attributes @param {(Node | string)[]} children */
  function make(tag, attributes, ...children) {
    const node = document.createElement(tag);
    set(node, attributes);
    node.append(...children);
    return node;
  }

  /** @param {string} key @param {() => void} act @param {string} [sign] shown instead */
  function button(key, act, sign) {
    const node = make("button", { type: "button", "data-key": key, class: sign ? "seedream-sign" : "seedream-word" });
    if (sign) node.setAttribute("aria-label", words[key]);
    node.append(sign ?? words[key]);
    on(node, "click", act);
    return node;
  }

  /** @param {string} key @param {(path: string) => string} text */
  function copier(key, text) {
    const node = button(key, async () => {
      const copy = text(figures[place.index].dataset.path);
      node.textContent = await navigator.clipboard?.writeText(copy).then(() => words.copied, () => copy) ?? copy;
      setTimeout(() => { node.textContent = words[key]; }, 4000);
    });
    return node;
  }

  /** @param {(by: number) => void} go */
  const turns = (go) => [button("previous", () => go(-1), "‹"),
    make("span", { class: "seedream-position", "aria-live": "polite" }), button("next", () => go(1), "›")];
  const thumbs = make("div", { class: "seedream-thumbs", role: "group", "aria-label": words.frames });
  const full = button("full", open);
  const grid = button("grid", () => look("grid"));
  const compare = button("compare", () => look("compare"));
  const download = make("a", { class: "seedream-word" }, words.download);
  const tools = make("div", { class: "seedream-tools" }, full, ...(many ? [grid] : []), ...(several ? [compare] : []),
    download, copier("path", (path) => path), copier("ref", (path) => `--ref ${/\s/.test(path) ? `"${path}"` : path}`));
  const bar = make("div", { class: "seedream-bar" }, ...(many ? turns(step) : []), tools);

  const large = new Image();
  const note = make("p", { role: "status" });
  const close = button("close", () => dialog.close());
  const dialog = make("dialog", { class: "seedream-dialog" }, large, note,
    make("div", { class: "seedream-bar" }, ...(several ? turns(turn) : []), close));

  /** @param {number} index */
  function show(index) {
    place.index = index;
    figures.forEach((figure, at) => {
      figure.classList.toggle("seedream-current", at === index);
      figure.classList.toggle("seedream-pinned", at === place.pinned);
      set(thumbs.children[at], { "aria-current": at === index });
    });
    const thumb = thumbs.children[index];
    thumbs.scrollLeft = thumb.offsetLeft - (thumbs.clientWidth - thumb.offsetWidth) / 2;
    if (thumbs.contains(document.activeElement)) thumb.focus(still);
    for (const span of root.querySelectorAll(".seedream-position")) span.textContent = count();
    tools.classList.toggle("seedream-none", !picture());
    if (!picture()) return tools.contains(document.activeElement) && root.focus(still); // they hide with the picture
    download.href = find("a")?.href ?? picture().src;
    download.download = figures[index].dataset.path.split(/[\\/]/).pop();
  }

  /** @param {number} by places to go on; after the last comes the first */
  function step(by) {
    show((place.index + by + figures.length) % figures.length);
  }

  /** @param {number} by */
  function turn(by) {
    do step(by); while (!picture());
    enlarge();
  }

  /** @param {string} view the same again leaves it */
  function look(view) {
    place.view = place.view === view ? "carousel" : view;
    place.pinned = place.index;
    draw();
    if (place.view === "compare") do step(1); while (!picture());
    show(place.index);
  }

  function draw() {
    root.dataset.view = place.view;
    for (const toggle of [grid, compare]) set(toggle, { "aria-pressed": toggle.dataset.key === place.view });
  }

  function open() {
    if (!picture()) return;
    place.open = true;
    enlarge();
    dialog.showModal();
    close.focus();
  }

  /** The preview at once, the original (its link as resolved by the front end) once it is here. */
  function enlarge() {
    const { index } = place;
    const link = find("a")?.href;
    const original = new Image();
    large.src = picture().src;
    large.alt = picture().alt;
    dialog.setAttribute("aria-label", many ? `${words.full} ${count()}` : words.full);
    note.textContent = link ? "" : words.preview;
    original.onload = () => { if (place.index === index) large.src = link; };
    original.onerror = () => { if (place.index === index) note.textContent = words.preview; };
    if (link) original.src = link;
  }

  /** The carousel's own keys; all others go on to the notebook.
   *  @param {KeyboardEvent} event @param {(by: number) => void} go */
  function keys(event, go) {
    if (event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
    // Notebooks bind Enter and Space too; on a control of ours they press it.
    if (["Enter", " "].includes(event.key) && event.target.closest("button, a, summary")) event.stopPropagation();
    const by = { ArrowLeft: -1, ArrowRight: 1, Home: -place.index, End: figures.length - 1 - place.index }[event.key];
    if (!many || by === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    go(by);
  }

  /** @param {Element} area @param {(by: number) => void} go */
  function swipes(area, go) {
    let from = { clientX: 0, clientY: 0 };
    on(area, "pointerdown", (event) => { from = event; });
    on(area, "pointerup", (event) => {
      const across = event.clientX - from.clientX;
      if (!many || event.pointerType === "mouse") return;
      if (Math.abs(across) > 40 + 2 * Math.abs(event.clientY - from.clientY)) go(-Math.sign(across));
    });
  }

  figures.forEach((figure, at) => {
    const { state } = figure.dataset;
    const image = picture(at);
    const label = `${words.frame} ${at + 1}${image ? "" : `, ${words[state]}`}`;
    const thumb = make("button", { type: "button", "aria-label": label, "data-state": state },
      image ? make("img", { src: image.src, alt: "" }) : state === "waiting" ? "…" : "!");
    on(thumb, "click", () => show(at));
    thumbs.append(thumb);
    if (image) on(image, "click", () => { show(at); open(); });
    if (image) figure.style.setProperty("--ratio", image.getAttribute("width") / image.getAttribute("height"));
    set(figure, { role: "group", "aria-roledescription": "slide", "aria-label": count(at) });
  });

  // Focusable: after a click anywhere inside, the arrow keys work.
  set(root, { role: "region", "aria-roledescription": "carousel", "aria-label": root.dataset.label, tabindex: "-1" });
  root.style.setProperty("--ratio", root.dataset.ratio);
  root.classList.add("seedream-live", many ? "seedream-many" : "seedream-single");
  strip.after(bar, ...(many ? [thumbs] : []), dialog);
  on(root, "keydown", (event) => keys(event, step));
  on(root, "focusin", (event) => { place.focus = event.target.dataset.key ?? ""; });
  // A modal owns the keyboard: no key typed into it may edit the notebook.
  on(dialog, "keydown", (event) => { keys(event, turn); event.stopPropagation(); });
  on(dialog, "click", (event) => { if (event.target === dialog) dialog.close(); });
  on(dialog, "close", () => { place.open = false; full.focus(still); });
  swipes(strip, step);
  swipes(dialog, turn);

  draw();
  place.pinned = Math.min(place.pinned, figures.length - 1);
  show(Math.min(place.index, figures.length - 1));
  if (wasOpen) open();
  else if (focus && document.activeElement === document.body) root.querySelector(`[data-key="${focus}"]`)?.focus(still);

  const timer = setInterval(() => {
    const seconds = Math.round(Date.now() / 1000 - root.dataset.started);
    for (const clock of root.querySelectorAll(".seedream-elapsed")) clock.textContent = ` · ${seconds} ${words.seconds}`;
  }, 1000);
  if (!root.dataset.started) clearInterval(timer);
  const host = root.parentElement;
  new MutationObserver((_, watch) => {
    if (root.parentElement === host) return;
    watch.disconnect();
    clearInterval(timer);
    life.abort();
  }).observe(host, { childList: true });
})();
