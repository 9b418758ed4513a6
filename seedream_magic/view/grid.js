// Lets keys move among the cells of a grid and opens each as the carousel of its set. Text is never put in as HTML.
// A function declaration, so that a second output on the page may bring it again.

/** @param {HTMLElement} root the element of the sweep */
function seedreamGrid(root) {
  const data = /** @type {Record<string, string>} */ (root.dataset);
  const [words, sets] = [data.words, data.sets].map((text) => JSON.parse(text));
  /** The axes beyond the second: name and labels. @type {[string, string[]][]} */
  const axes = JSON.parse(data.pages);
  /** Where the reader was in each sweep, through updates of the output. @type {Map<string, any>} */
  const visited = (Object(window)[Symbol.for("seedream.visited")] ??= new Map());
  const before = visited.get(data.grid);
  const place = { page: axes.map(() => 0), at: 0, open: false, moment: 0, live: false, ...before, focus: -1, root };
  visited.set(data.grid, place);

  const make = seedreamMake;
  /** @param {string} key @param {() => void} act */
  const button = (key, act) => seedreamButton(key, words[key], act);

  const cells = /** @type {HTMLElement[]} */ ([...root.querySelectorAll(".seedream-cell")]);
  const doors = cells.map((cell, at) => {
    const face = /** @type {HTMLElement} */ (cell.querySelector(".seedream-face"));
    const more = cell.querySelector(".seedream-more");
    const door = make("button", "door", { type: "button", "aria-label": `${cell.dataset.label}` });
    if (!more) door.ariaDisabled = "true";
    cell.prepend(door);
    door.append(face);
    door.onclick = () => open(at);
    const retry = more?.querySelector(".seedream-retry");
    if (retry) cell.append(copier(`${retry.textContent}`));
    return door;
  });

  /** @param {string} text */
  function copier(text) {
    const node = seedreamButton("retry", words.retry[0], () => seedreamCopy(node, text, words.retry[1], words.retry));
    return node;
  }

  const title = make("strong", "which", {});
  const body = make("div", "body", {});
  const close = button("close", () => dialog.close());
  const bar = make("div", "bar", {}, button("previous", () => go(-1)), button("next", () => go(1)), title, close);
  const dialog = make("dialog", "set", {}, make("div", "sheet", {}, bar, body));
  dialog.onclick = ({ target }) => { if (target === dialog) dialog.close(); };
  root.append(dialog);
  /** What the dialog shows goes back to its cell. @type {(() => void) | undefined} */
  let putBack;

  /** @param {number} at */
  const fill = (at) => {
    putBack?.();
    focusOn(at);
    const more = /** @type {HTMLElement} */ (cells[at].querySelector(".seedream-more"));
    const parts = [...more.children].slice(1);
    body.replaceChildren(...parts);
    putBack = () => more.append(...parts);
    title.textContent = `${cells[at].dataset.label}`;
    dialog.ariaLabel = title.textContent;
    const set = /** @type {HTMLElement | null} */ (body.querySelector(".seedream"));
    if (!set || set.classList.contains("seedream-live")) return;
    set.dataset.words = JSON.stringify(sets[Number(set.dataset.words)]);
    const figures = set.querySelectorAll("figure");
    for (const image of /** @type {NodeListOf<HTMLImageElement>} */ (cells[at].querySelectorAll("[data-frame]"))) {
      const copy = /** @type {HTMLImageElement} */ (image.cloneNode());
      copy.removeAttribute("style");
      const figure = figures[Number(image.dataset.frame)];
      figure.style.setProperty("--ratio", `${image.naturalWidth ? image.naturalWidth / image.naturalHeight : image.width / image.height}`);
      figure.prepend(copy);
    }
    seedreamCarousel(set);
    new MutationObserver(sharpen).observe(set, { attributes: true, attributeFilter: ["class"], subtree: true });
  };

  /** A preview that is smaller than its room gives it to the original, where that can be reached. */
  const sharpen = () => {
    const figure = body.querySelector(".seedream-current");
    const picture = /** @type {HTMLImageElement | null | undefined} */ (figure?.querySelector("img.seedream-picture"));
    const link = /** @type {HTMLAnchorElement | null | undefined} */ (figure?.querySelector("a.seedream-original"));
    if (!picture || !link?.href || picture.dataset.sharp || picture.naturalWidth >= picture.clientWidth) return;
    picture.dataset.sharp = "";
    const original = new Image();
    original.onload = () => { picture.src = original.src; };
    original.src = link.href;
  };

  const seen = () => doors.filter((door) => door.offsetParent);

  /** @param {number} at */
  const open = (at) => {
    if (doors[at].ariaDisabled) return;
    fill(at);
    place.open = true;
    if (!dialog.open) {
      root.style.setProperty("--seen", ground());
      dialog.showModal();
      seedreamSight(dialog, root, () => {});
      close.focus();
    }
    sharpen();
  };

  /** The colour that the output lies on: no front end says it in a way that all others do. */
  const ground = () => {
    for (let node = /** @type {HTMLElement | null} */ (root); node; node = node.parentElement) {
      const colour = getComputedStyle(node).backgroundColor;
      if (!/^(rgba\(.*, 0\)|transparent)$/.test(colour)) return colour;
    }
    return "Canvas";
  };

  /** To the next cell that opens. @param {number} by */
  const go = (by) => {
    const all = seen().filter((door) => !door.ariaDisabled);
    const at = all.indexOf(doors[place.at]);
    open(doors.indexOf(all[(at + by + all.length) % all.length]));
  };

  /** One cell is a stop of the tabulator; the arrows move it. @param {number} at */
  const focusOn = (at) => {
    place.at = at;
    doors.forEach((door, index) => { door.tabIndex = index === at ? 0 : -1; });
  };

  dialog.addEventListener("close", (event) => {
    if (event.target !== dialog) return; // a full-size view inside
    place.open = false;
    putBack?.();
    putBack = undefined;
    doors[place.at].focus({ preventScroll: true });
  });

  // A row of choices for each axis beyond the second; without scripts all pages stand below one another.
  const pages = /** @type {HTMLElement[]} */ ([...root.querySelectorAll(".seedream-page")]);
  const rows = axes.map(([name, labels], axis) =>
    make("div", "chips", { role: "group", "aria-label": name }, name, ...labels.map((label, index) => {
      const chip = make("button", "chip", { type: "button" }, label);
      chip.onclick = () => { place.page[axis] = index; turn(); };
      return chip;
    })));
  pages[0]?.before(...rows);
  const turn = () => {
    for (const page of pages) page.hidden = page.dataset.page !== JSON.stringify(place.page);
    rows.forEach((row, axis) => row.querySelectorAll("button").forEach((chip, index) => {
      chip.ariaPressed = `${index === place.page[axis]}`;
    }));
    const [first] = seen();
    if (first && !doors[place.at]?.offsetParent) focusOn(doors.indexOf(first));
  };

  /** The grid's own keys, heard before the notebook hears them; all others go on to it. @param {any} event */
  const keys = (event) => {
    const { key, target } = event;
    if (!root.contains(target)) return removeEventListener("keydown", keys, true);
    if (dialog.open) event.stopPropagation(); // they would edit the notebook
    if (event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
    if (target.closest("button, summary, a") && /^(Enter| )$/.test(key)) event.stopPropagation();
    if (dialog.open) {
      const turns = body.querySelectorAll("figure").length > 1 && target.closest(".seedream");
      if (!turns && !dialog.querySelector("dialog[open]") && /^Arrow(Left|Right)$/.test(key)) {
        event.preventDefault();
        go(key === "ArrowLeft" ? -1 : 1);
      }
      return;
    }
    const next = doors.includes(target) ? neighbour(target, key) : undefined;
    if (!next) return;
    event.preventDefault();
    event.stopPropagation();
    focusOn(doors.indexOf(next));
    next.focus();
  };

  /** The cell that a key leads to, by where the cells are seen. @param {HTMLElement} door @param {string} key */
  const neighbour = (door, key) => {
    const all = seen();
    const box = door.getBoundingClientRect();
    const middle = box.x + box.width / 2;
    /** @param {HTMLElement} one */
    const off = (one) => one.getBoundingClientRect();
    const step = { ArrowLeft: -1, ArrowRight: 1 }[key];
    if (step) return all[all.indexOf(/** @type {any} */ (door)) + step];
    const row = all.filter((one) => Math.abs(off(one).y - box.y) < 8);
    if (key === "Home") return row[0];
    if (key === "End") return row[row.length - 1];
    const down = { ArrowUp: -1, ArrowDown: 1 }[key];
    if (!down) return undefined;
    return all.filter((one) => (off(one).y - box.y) * down > 8).sort((one, other) =>
      Math.abs(off(one).y - box.y) - Math.abs(off(other).y - box.y)
      || Math.abs(off(one).x + off(one).width / 2 - middle) - Math.abs(off(other).x + off(other).width / 2 - middle))[0];
  };

  /** What has the focus at an update has it afterwards: the cells and choices are the same ones. */
  const stops = () => /** @type {HTMLButtonElement[]} */ ([...root.querySelectorAll(".seedream-chip, .seedream-door")]);

  root.classList.add("seedream-grid-live");
  root.style.setProperty("--seen", ground());
  root.addEventListener("focusin", ({ target }) => {
    place.focus = stops().indexOf(/** @type {HTMLButtonElement} */ (target));
    const at = doors.indexOf(/** @type {HTMLButtonElement} */ (target));
    if (at >= 0) focusOn(at);
    addEventListener("keydown", keys, true);
  });
  focusOn(Math.min(place.at, doors.length - 1));
  turn();

  // A kernel that has ended says nothing any more, and its grid may be opened days later: what was not seen to come says
  // till when it was so.
  const [moment, limit] = [Number(data.moment), Number(data.limit)];
  if (moment) {
    const [age, news] = [Date.now() / 1000 - moment, place.moment !== moment];
    const prompt = root.closest(".jp-Cell")?.querySelector(".jp-InputPrompt")?.textContent;
    const live = age < 300 || prompt?.includes("*") || (news ? place.moment : place.live && age < limit);
    Object.assign(place, { moment, live });
    data.news = live ? "live" : "old";
    if (live) setTimeout(() => { data.news = "old"; }, (limit + 60) * 1000);
  }

  const replaced = before?.root.isConnected === false && before;
  seedreamPress(root, place, replaced, (one) => stops().indexOf(one));
  if (replaced.open && doors[place.at]) open(place.at);
  else if (replaced && document.activeElement === document.body) stops()[replaced.focus]?.focus({ preventScroll: true });
}
