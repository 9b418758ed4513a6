// Turns previews and packed facts into a wall of pictures: rows that fill the width, of which only those in sight are
// in the page; filters; and one picture large. Text is never put in as HTML.
// A function declaration, so that a second output on the page may bring it again.

/** @param {HTMLElement} root the element of the gallery */
async function seedreamGallery(root) {
  root.classList.add("seedream-gallery-live");
  const words = JSON.parse(/** @type {string} */ (root.dataset.words));
  const packed = Uint8Array.from(atob(/** @type {string} */ (root.dataset.facts)), (sign) => sign.charCodeAt(0));
  const facts = await new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate-raw"))).json();
  const still = /** @type {HTMLElement} */ (root.querySelector(".seedream-wall"));
  /** Previews by the names of their pictures. @type {Map<string, string>} */
  const previews = new Map();
  for (const image of still.querySelectorAll("img")) previews.set(`${image.dataset.tile}`, image.src);
  const [GAP, MOST_BROUGHT, LEAST] = [6, 600, 60];
  /** Pictures whose preview has too few pixels to be enlarged: it stands there till the original has been read. @type {Set<string>} */
  const coarse = new Set();

  /** `place` is the picture's index in the set of its run, null where that shows another take.
   *  @typedef {{ name: string, run: string, place: number | null, file: string, caption: string, model: string, notebook: string,
   *  provider: string, store: number, when: string, text: string, ratio: number, starred: boolean, rejected: boolean }} Tile */
  /** @type {Tile[]} */
  const tiles = facts.runs.flatMap((/** @type {any[]} */ [run, caption, model, notebook, provider, store, when, tags, ratio, pictures]) =>
    pictures.map((/** @type {any[]} */ [place, file, marks]) => ({
      name: `${run}/${file}`, run, place, file, caption, model: facts.model[model], notebook: facts.notebook[notebook],
      provider: facts.provider[provider], store, when, ratio, starred: marks % 2 === 1, rejected: marks > 1,
      text: [caption, tags, run, when, facts.model[model], facts.notebook[notebook]].join("\n").toLowerCase(),
    })));
  for (const image of still.querySelectorAll("img")) {
    const tile = tiles.find(({ name }) => name === image.dataset.tile);
    if (tile && image.width && image.height) tile.ratio = image.width / image.height;
    if (Math.min(image.naturalWidth || image.width, image.naturalHeight || image.height) < LEAST) coarse.add(`${image.dataset.tile}`);
  }
  for (const tile of tiles) tile.ratio = Math.max(0.4, Math.min(tile.ratio, 3)); // a strip is a row of its own else

  const make = seedreamMake;
  /** @param {string} key @param {() => void} act */
  const button = (key, act) => seedreamButton(key, words[key], act);

  /** @param {string} key @param {string[]} values */
  const choice = (key, values) => {
    const node = make("select", "choice", { "aria-label": words[key] }, make("option", "option", { value: "" }, words[key]),
      ...values.filter(Boolean).sort().map((value) => make("option", "option", { value }, value)));
    node.onchange = () => filter();
    node.hidden = values.filter(Boolean).length < 2;
    return node;
  };

  const typed = make("input", "typed", { type: "search", placeholder: words.words, "aria-label": words.words });
  const model = choice("model", facts.model);
  const notebook = choice("notebook", facts.notebook);
  const starred = button("starred", () => { starred.ariaPressed = `${starred.ariaPressed !== "true"}`; filter(); });
  starred.ariaPressed = "false";
  const count = make("span", "position", { role: "status" });
  const inner = make("div", "rows", { role: "list" });
  const wall = make("div", "scroller", { tabindex: "0", role: "region", "aria-label": words.gallery }, inner);
  still.replaceWith(make("div", "bar", {}, typed, model, notebook, starred, count), wall);

  /** The pictures that fit, and where each row of them stands. @type {Tile[]} */
  let found = tiles;
  /** @type {{ top: number, height: number, from: number, to: number, wide: number }[]} */
  let rows = [];

  const filter = () => {
    const asked = typed.value.toLowerCase().split(/\s+/).filter(Boolean);
    found = tiles.filter((tile) => (!model.value || tile.model === model.value) && (!notebook.value || tile.notebook === notebook.value)
      && (starred.ariaPressed !== "true" || tile.starred) && asked.every((word) => tile.text.includes(word)));
    count.textContent = words.shown.replace("{shown}", found.length.toLocaleString()).replace("{total}", tiles.length.toLocaleString());
    wall.scrollTop = 0;
    lay();
  };

  const lay = () => {
    const width = wall.clientWidth;
    const usual = width < 500 ? 96 : 150;
    rows = [];
    let [top, from, sum] = [0, 0, 0];
    found.forEach((tile, at) => {
      sum += tile.ratio;
      const free = width - GAP * (at - from);
      if (sum * usual < free && at < found.length - 1) return;
      const height = Math.round(Math.min(free / sum, usual * 1.25));
      rows.push({ top, height, from, to: at + 1, wide: free / sum <= usual * 1.25 ? free / sum : height });
      top += height + GAP;
      [from, sum] = [at + 1, 0];
    });
    inner.style.height = `${Math.max(top - GAP, 0)}px`;
    inner.replaceChildren();
    drawn.clear();
    draw();
  };

  /** The rows that are in the page, by their numbers. @type {Map<number, HTMLElement[]>} */
  const drawn = new Map();
  const draw = () => {
    const [from, to] = [wall.scrollTop - wall.clientHeight, wall.scrollTop + 2 * wall.clientHeight];
    for (const [number, nodes] of drawn) {
      const { top, height } = rows[number];
      if (top + height >= from && top <= to) continue;
      for (const node of nodes) node.remove();
      drawn.delete(number);
    }
    let number = rows.findIndex(({ top, height }) => top + height >= from);
    for (; number >= 0 && number < rows.length && rows[number].top <= to; number += 1) {
      if (!drawn.has(number)) drawn.set(number, place(rows[number]));
    }
    bringAll();
  };

  /** @param {typeof rows[0]} row */
  const place = (row) => {
    let left = 0;
    return found.slice(row.from, row.to).map((tile, at) => {
      const width = tile.ratio * row.wide;
      const node = make("button", "tile", { type: "button", title: tile.caption, "aria-label": `${tile.caption || tile.run}${tile.starred ? " ★" : ""}`,
        "data-at": `${row.from + at}`, style: `left:${left}px;top:${row.top}px;width:${width}px;height:${row.height}px` });
      if (tile.starred) node.dataset.mark = "star";
      if (tile.rejected) node.dataset.mark = "reject";
      paint(node, tile);
      node.onclick = () => open(row.from + at);
      inner.append(node);
      left += width + GAP;
      return node;
    });
  };

  /** @param {HTMLElement} node @param {Tile} tile */
  const paint = (node, tile) => {
    const source = previews.get(tile.name);
    node.replaceChildren(source ? make("img", "small", { src: source, alt: "", decoding: "async" }) : make("span", "word", {}, tile.caption.slice(0, 60)));
    node.toggleAttribute("data-empty", !source || coarse.has(tile.name));
  };

  /** Of each store the link that shows how the front end writes such links. */
  const bases = root.querySelectorAll(".seedream-base");

  /** The address of an original, as the front end writes it; "" where there is none. @param {Tile} tile */
  const original = ({ run, file, store }) => {
    const href = `${bases[store]?.getAttribute("href") ?? ""}`;
    return href.replace(/[^/]+\/[^/?]+(?=$|\?)/, `${run}/${file}`);
  };

  /** Originals that are being read for want of a preview; a few at a time, those in sight only. */
  let reading = 0;
  /** @type {Set<string>} */
  const failed = new Set();
  /** Pictures that have been read, the last one last. @type {string[]} */
  const brought = [];
  const bringAll = () => {
    const empty = /** @type {NodeListOf<HTMLElement>} */ (inner.querySelectorAll("[data-empty]:not([data-asked])"));
    for (const node of empty) {
      if (reading >= 4) return;
      const tile = found[Number(node.dataset.at)];
      const source = original(tile);
      node.dataset.asked = "true";
      if (!source || failed.has(tile.name)) continue;
      const box = node.getBoundingClientRect();
      const seen = wall.getBoundingClientRect();
      if (box.bottom < seen.top - 200 || box.top > seen.bottom + 200) {
        delete node.dataset.asked;
        continue;
      }
      reading += 1;
      bring(tile, source).catch(() => failed.add(tile.name)).finally(() => {
        reading -= 1;
        if (node.isConnected) paint(node, tile);
        bringAll();
      });
    }
  };

  /** A small copy of an original, made beside the page's own work. @param {Tile} tile @param {string} source */
  const bring = async (tile, source) => {
    const answer = await fetch(source).catch(() => null); // a page from a file may not read its own pictures, but show them
    if (answer && !answer.ok) throw new Error();
    if (!answer) await Object.assign(new Image(), { src: source }).decode();
    const whole = answer && await createImageBitmap(await answer.blob(), { resizeHeight: 300, resizeQuality: "medium" });
    if (whole) {
      const small = make("canvas", "small", { width: `${whole.width}`, height: `${whole.height}` });
      small.getContext("2d")?.drawImage(whole, 0, 0);
      whole.close();
      const made = await new Promise((done) => { small.toBlob(done, "image/jpeg", 0.8); });
      source = URL.createObjectURL(made);
    }
    previews.set(tile.name, source);
    coarse.delete(tile.name);
    brought.push(tile.name);
    if (brought.length <= MOST_BROUGHT) return;
    const oldest = `${brought.shift()}`;
    URL.revokeObjectURL(`${previews.get(oldest)}`);
    previews.delete(oldest);
  };

  // One picture, large.
  let at = 0;
  const large = make("img", "large", { alt: "" });
  const stage = make("div", "stage", {}, large);
  const about = make("div", "about", {});
  const note = make("p", "status", { role: "status" });
  const close = button("close", () => dialog.close());
  const title = make("span", "position", { "aria-live": "polite" });
  const dialog = make("dialog", "dialog", { "aria-label": words.gallery }, stage, note, about,
    make("div", "bar", {}, button("previous", () => open(at - 1)), title, button("next", () => open(at + 1)), close));
  root.append(dialog);

  /** A line of code at hand, and the button that copies it. @param {string} key @param {string} code */
  const line = (key, code) => {
    const node = make("button", "word", { type: "button", "aria-label": `${words.copy}: ${words[key]}` }, words[key]);
    node.onclick = async () => {
      const copied = await navigator.clipboard?.writeText(code).then(() => words.copied, () => {});
      node.textContent = copied ?? words[key];
      setTimeout(() => { node.textContent = words[key]; }, 3000);
    };
    return make("div", "line", {}, node, make("code", "command", {}, code));
  };

  /** @param {number} to */
  const open = (to) => {
    at = (to + found.length) % found.length;
    const tile = found[at];
    const source = original(tile);
    large.src = previews.get(tile.name) ?? source;
    large.alt = tile.caption;
    note.textContent = source ? "" : words.unreachable;
    if (source) {
      const loaded = new Image();
      loaded.onload = () => { if (found[at] === tile) large.src = source; };
      loaded.onerror = () => { if (found[at] === tile) note.textContent = words.unreachable; };
      loaded.src = source;
    }
    const frame = tile.place === null ? tile.file : words.frame.replace("{number}", tile.place + 1);
    const file = tile.store < 0 ? "" : [decodeURIComponent(facts.store[tile.store]), tile.run, tile.file].filter(Boolean).join("/");
    const meant = tile.place === null ? file && JSON.stringify(file) : `run:${tile.run}[${tile.place}]`;
    const client = `from seedream_magic import Seedream\nSeedream("${tile.provider.replace(/\W/g, "")}")`;
    about.replaceChildren(make("div", "caption", {}, tile.caption),
      make("div", "facts", {}, [tile.starred ? "★" : "", tile.model, tile.when, tile.notebook, tile.run, frame].filter(Boolean).join(" · ")),
      line("open", `%seedream show ${tile.run}`), ...(meant ? [line("ref", `%%seedream --ref ${meant}`)] : []),
      ...(tile.place === null ? [] : [line("star", `${client}.show("${tile.run}")[${tile.place}].star()`)]));
    title.textContent = `${at + 1} / ${found.length}`;
    if (!dialog.open) {
      dialog.showModal();
      seedreamSight(dialog, root, () => {});
    }
    close.focus();
  };
  dialog.onclose = () => {
    const row = rows.find(({ from, to }) => at >= from && at < to);
    if (row && (row.top < wall.scrollTop || row.top + row.height > wall.scrollTop + wall.clientHeight)) wall.scrollTop = row.top;
    draw();
    /** @type {HTMLElement | null} */ (inner.querySelector(`[data-at="${at}"]`))?.focus({ preventScroll: true });
  };

  /** The gallery's own keys, heard before the notebook hears them; all others go on to it. @param {any} event */
  const keys = (event) => {
    const { key, target } = event;
    if (!root.contains(target)) return removeEventListener("keydown", keys, true);
    if (dialog.open || target.matches("input, select")) event.stopPropagation(); // they would edit the notebook
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (target.closest("button") && /^(Enter| )$/.test(key)) return event.stopPropagation();
    const step = { ArrowLeft: -1, ArrowRight: 1 }[/** @type {"ArrowLeft"} */ (key)];
    if (dialog.open && step) open(at + step);
    else if (target.matches(".seedream-tile") && /^(Arrow|Home|End)/.test(key)) walk(target, key);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };

  /** To the neighbour of a tile. @param {HTMLElement} node @param {string} key */
  const walk = (node, key) => {
    const from = Number(node.dataset.at);
    const row = rows.findIndex((one) => from >= one.from && from < one.to);
    const [above, below] = [rows[row - 1], rows[row + 1]];
    const share = (from - rows[row].from) / (rows[row].to - rows[row].from);
    /** @param {typeof rows[0] | undefined} one */
    const over = (one) => one ? one.from + Math.floor(share * (one.to - one.from)) : from;
    /** @type {Object<string, number>} */
    const ways = { ArrowLeft: from - 1, ArrowRight: from + 1, ArrowUp: over(above), ArrowDown: over(below), Home: 0, End: found.length - 1 };
    const to = Math.max(0, Math.min(found.length - 1, ways[key]));
    const target = rows.find((one) => to >= one.from && to < one.to);
    if (!target) return;
    if (target.top < wall.scrollTop) wall.scrollTop = target.top;
    if (target.top + target.height > wall.scrollTop + wall.clientHeight) wall.scrollTop = target.top + target.height - wall.clientHeight;
    draw();
    /** @type {HTMLElement | null} */ (inner.querySelector(`[data-at="${to}"]`))?.focus({ preventScroll: true });
  };

  let waits = false;
  wall.onscroll = () => {
    if (waits) return;
    waits = true;
    requestAnimationFrame(() => { waits = false; draw(); });
  };
  typed.oninput = filter;
  root.addEventListener("focusin", () => addEventListener("keydown", keys, true));
  filter();
  let width = wall.clientWidth;
  new ResizeObserver(() => {
    if (width === wall.clientWidth) return;
    width = wall.clientWidth;
    lay();
  }).observe(wall);
}
