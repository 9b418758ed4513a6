// Turns a strip of pictures into a carousel (WAI-ARIA's pattern). Text is never put in as HTML.
// A function declaration, so that a second output on the page may bring it again.

/** @param {HTMLElement} root the element of the set */
function seedreamCarousel(root) {
  const data = /** @type {Record<string, string>} */ (root.dataset);
  const words = JSON.parse(data.words);
  /** Where the reader was in each run, through updates of the output. @type {Map<string, any>} */
  const visited = (Object(window)[Symbol.for("seedream.visited")] ??= new Map());
  const before = visited.get(data.run);
  const place = { index: 0, start: 0, pinned: 0, view: data.show, cut: false, ...before, focus: "", root };
  if (place.index === place.start) place.index = place.start = +data.start; // else the reader has turned
  visited.set(data.run, place);

  const figures = /** @type {HTMLElement[]} */ ([...root.querySelectorAll("figure")]);
  const total = figures.length;
  const count = (at = place.index) => `${at + 1} / ${total}`;
  const picture = (at = place.index) => figures[at].querySelector("img");
  // Not resolved: VS Code opens a relative link, and does nothing at an absolute one.
  const link = () => figures[place.index].querySelector("a")?.getAttribute("href");
  const facts = () => /** @type {any} */ (figures[place.index].dataset);
  // A set that grows brings the preview of each picture once, and then smaller ones: the first is kept till the last update.
  place.sharp = data.limit ? before?.sharp ?? [] : [];
  figures.forEach((_, at) => {
    const [image, sharp = ""] = [picture(at), place.sharp[at]];
    if (image && sharp.length > image.src.length) image.src = sharp;
    else if (image && data.limit) place.sharp[at] = image.src;
  });
  const several = root.querySelectorAll("img").length > 1;
  const kind = several ? "several" : total > 1 ? "many" : "single";
  if (!several && place.view === "compare") place.view = "carousel";
  const compared = () => place.view === "compare";

  const make = seedreamMake;
  /** @param {Element} node @param {object} values */
  const set = (node, values) => Object.entries(values).forEach(([name, value]) => node.setAttribute(name, value));

  /** @param {HTMLElement | null} node */
  const focus = (node) => node?.focus({ preventScroll: true });

  /** @param {string} key @param {() => void} act */
  const button = (key, act) => seedreamButton(key, words[key], act);

  /** Goes on by so many places, around; beside another or full size to pictures only. @param {number} by */
  const go = (by) => {
    let at = place.index;
    do {
      at = (at + by + total) % total;
      by = Math.sign(by) || 1;
    } while ((compared() && at === place.pinned) || ((compared() || dialog.open) && !picture(at)));
    show(at);
  };

  const thumbs = figures.map((figure, at) => {
    const image = picture(at);
    const { state = "", label } = figure.dataset;
    const small = image ? make("img", "small", { src: image.src, alt: "" }) : { waiting: "…", failed: "!" }[state] ?? "–";
    const thumb = make("button", "thumb", { type: "button", "aria-label": label, "data-state": state,
      "data-mark": figure.dataset.mark ?? "", "data-key": `frame ${at}` }, small);
    thumb.onclick = () => show(at);
    if (image) image.onclick = () => open(at);
    else set(figure.children[0], { tabindex: 0 }); // it may scroll
    set(figure, { role: "group", "aria-roledescription": "slide", "aria-label": count(at) });
    return thumb;
  });
  const row = make("div", "thumbs", { role: "group", "aria-label": words.frames }, ...thumbs);

  const turns = () => [button("previous", () => go(-1)),
    make("span", "position", { "aria-live": "polite" }), button("next", () => go(1))];
  const full = button("full", () => open());
  const grid = button("grid", () => look("grid"));
  const compare = button("compare", () => look("compare"));
  const slider = button("slider", () => { place.cut = !place.cut; draw(); });
  const cut = make("input", "cut", { type: "range", "data-key": "cut" });
  const download = make("a", "sign", { "data-key": "download", "aria-label": words.download, title: words.download },
    seedreamIcon("download") ?? "");
  let lost = false; // the last original that was asked for
  // Also at a click: JupyterLab writes links anew after this has run, and what there is may be known by then.
  const lead = () => {
    const [{ src }, { file }] = [/** @type {HTMLImageElement} */ (picture()), facts()];
    const there = lost ? undefined : link();
    download.href = there ?? src;
    download.download = there ? file : file.replace(/\..*/, `-preview.${/\w+(?=;)/.exec(src)}`);
  };
  download.onclick = lead;
  // Each copies a text of the frame that shows, else of the set.
  const menu = make("div", "menu", { popover: "auto" }, ...words.copies.map((/** @type {string} */ key) => {
    const node = button(key, () => seedreamCopy(node, facts()[key] ?? data[key], words.copied, [words[key]]));
    return node;
  }));
  const more = seedreamMenu(button("more", () => {}), menu);
  if (Object(window).ClipboardItem) {
    const picturing = button("picture", async () => {
      picturing.textContent = await seedreamCopyPicture(/** @type {HTMLImageElement} */ (picture()), link())
        .then(() => words.copied, () => words.refused);
      setTimeout(() => { picturing.textContent = words.picture; }, 4000);
    });
    menu.prepend(picturing);
  }
  const tools = make("div", "tools", {}, make("span", "group", {}, full, grid, compare, slider),
    make("span", "group seedream-acts", {}, download, ...(menu.firstChild ? [more] : [])), menu);

  const large = make("img", "large", { draggable: false });
  const stage = make("div", "stage", {}, large);
  const original = new Image(); // of what it loads, only the last matters
  const note = make("p", "status", { role: "status" });
  const percent = make("span", "percent", {});
  const eye = seedreamViewer(stage, large, percent);
  const close = button("close", () => dialog.close());
  const dialog = make("dialog", "dialog", {}, stage, note,
    make("div", "bar", {}, ...turns(), percent, button("fit", eye.fit), button("actual", eye.whole), close));

  /** A failed frame takes the room of its words: the page scrolls, so that the buttons below stay under the pointer.
   *  @param {number} moved by how many pixels they do not */
  const stay = (moved) => {
    if (!moved || !root.matches(":hover, :focus-within")) return;
    let area = root.parentElement;
    while (area && (area.scrollHeight <= area.clientHeight || !/auto|scroll/.test(getComputedStyle(area).overflowY))) area = area.parentElement;
    (area ?? document.documentElement).scrollTop += moved;
  };

  /** @param {number} index */
  const show = (index) => {
    if (compared() && index === place.pinned) place.pinned = place.index;
    if (index !== place.index) data.turned = "";
    place.index = index;
    dispatchEvent(new CustomEvent("seedream-frame", { detail: { run: data.run, index, start: place.start } })); // a panel goes on from it
    const { top } = row.getBoundingClientRect();
    figures.forEach((figure, at) => {
      figure.classList.toggle("seedream-current", at === index);
      for (const node of [figure, thumbs[at]]) node.classList.toggle("seedream-pinned", at === place.pinned);
      thumbs[at].ariaCurrent = `${at === index}`;
    });
    stay(row.getBoundingClientRect().top - top);
    const [image, thumb, held] = [picture(), thumbs[index], document.activeElement];
    row.scrollLeft = thumb.offsetLeft - (row.clientWidth - thumb.offsetWidth) / 2;
    if (row.contains(held)) focus(thumb);
    for (const span of root.querySelectorAll(".seedream-position")) span.textContent = count();
    cut.ariaLabel = `${words.divider} ${count(place.pinned)} | ${count()}`;
    if (!image) return tools.contains(held) && focus(root); // they hide with the picture
    lead();
    if (!dialog.open) return;
    // The preview at once, the original once it is here.
    set(large, { src: image.src, alt: image.alt });
    dialog.ariaLabel = `${words.full} ${count()}`;
    note.textContent = "";
    original.src = link() ?? "";
    eye.fit(figures[index].querySelector(".seedream-label")?.textContent?.split(/ [·×] /).slice(1));
  };

  /** @param {string} view the same again leaves it */
  const look = (view) => {
    place.view = place.view === view ? "carousel" : view;
    place.pinned = place.index;
    draw();
    if (compared()) go(1);
    else show(place.index);
  };

  const draw = () => {
    data.view = compared() && place.cut ? "slider" : place.view;
    for (const toggle of [grid, compare]) toggle.ariaPressed = `${toggle.dataset.key === place.view}`;
    slider.ariaPressed = place.cut;
  };

  const open = (at = place.index) => {
    if (!picture(at)) return;
    dialog.showModal();
    seedreamSight(dialog, root, eye.fit);
    show(at);
    close.focus();
  };

  /** The carousel's own keys, heard before the notebook hears them; all others go on to it. @param {any} event */
  const keys = (event) => {
    const { key, target } = event;
    if (!root.contains(target)) return removeEventListener("keydown", keys, true);
    if (target.matches("textarea")) return;
    if (dialog.open) event.stopPropagation(); // they would edit the notebook
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (dialog.open && eye.press(key)) return event.preventDefault();
    // Notebooks bind these too; on a control of ours they are its own.
    const own = target.matches("input, figure div") ? /Arrow|Home|End|Page/ : target.closest("button, a, summary") && /Enter| /;
    if (own?.test(key)) event.stopPropagation();
    /** @type {Object<string, number>} */
    const ways = { ArrowLeft: -1, ArrowRight: 1, Home: -place.index, End: total - 1 - place.index };
    if (event.shiftKey || total < 2 || target === cut || !(key in ways)) return;
    event.preventDefault();
    event.stopPropagation();
    go(ways[key]);
  };

  // Focusable: after a click anywhere inside, the arrow keys work. A finger turns the frames, not the slides of reveal.js.
  set(root, { role: "region", "aria-roledescription": "carousel", "aria-label": data.label, tabindex: -1, "data-prevent-swipe": "" });
  root.classList.add("seedream-live", `seedream-${kind}`);
  const strip = /** @type {HTMLElement} */ (figures[0].parentElement);
  strip.append(cut);
  // Columns of a grid: of strips one, of wide pictures two, else three to five, so that the last row is nearly full.
  const ratio = Number(root.style.getPropertyValue("--ratio"));
  const columns = ratio > 3 ? 1 : ratio > 2 ? 2 : Math.max(3, Math.ceil(total / Math.ceil(total / 5)));
  root.style.setProperty("--columns", `${columns}`);
  root.style.setProperty("--screen", `${screen.availHeight}px`); // a frame may be taller than it
  const shared = figures.every((figure) => figure.querySelector(".seedream-shared")) && figures[0].querySelector(".seedream-shared");
  if (shared) {
    const title = make("div", "title", {}, shared.cloneNode(true));
    title.firstElementChild?.classList.remove("seedream-shared");
    strip.before(title);
  }
  strip.after(make("div", "bar", {}, ...turns(), tools), row, dialog);
  root.addEventListener("focusin", ({ target }) => {
    place.focus = /** @type {any} */ (target).dataset.key;
    addEventListener("keydown", keys, true);
  });
  original.onload = () => { large.src = original.src; lost = false; };
  original.onerror = () => { note.textContent = words.preview; lost = true; };
  cut.oninput = () => root.style.setProperty("--cut", cut.value);
  dialog.onclose = () => focus(full);

  for (const area of [strip, stage]) seedreamSwipe(area, go, ({ target }) => target === cut || (dialog.open && eye.zoomed()));

  draw();
  place.pinned = Math.min(place.pinned, total - 1);
  show(Math.min(place.index, total - 1));
  const replaced = before?.root.isConnected === false && before;
  seedreamPress(root, place, replaced, (one) => one.dataset.key);
  if (replaced.root?.querySelector("dialog").open) open();
  else if (document.activeElement === document.body) focus(root.querySelector(`[data-key="${replaced.focus}"]`));

  if (data.limit) seedreamClock(root, place, words, () => visited.get(data.run) === place);
}
