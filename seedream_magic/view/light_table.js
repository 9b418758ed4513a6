// Turns labelled pictures into a light table: all are zoomed and moved together, stars are put, others thrown out.
// Text is never put in as HTML. A function declaration, so that a second output on the page may bring it again.

/** @param {HTMLElement} root the element of the table */
function seedreamLight(root) {
  const words = JSON.parse(/** @type {string} */ (root.dataset.words));
  const panes = /** @type {HTMLElement[]} */ ([...root.querySelectorAll("figure")]);
  const board = /** @type {HTMLElement} */ (panes[0].parentElement);
  const ratio = Math.max(...panes.map((pane) => Number(pane.dataset.ratio)));
  /** Those that are thrown out, the last one last. @type {HTMLElement[]} */
  const out = [];
  const left = () => panes.filter((pane) => !out.includes(pane));
  /** How many times its fitted size every picture has, and how far its middle is off, as a share of its room. */
  let eye = { scale: 1, x: 0, y: 0 };
  let chosen = panes[0];
  let slides = false;

  const make = seedreamMake;
  /** @param {string} key @param {() => void} act */
  const button = (key, act) => seedreamButton(key, words[key], act);

  const rooms = panes.map((pane) => {
    const content = /** @type {HTMLElement} */ (pane.children[0]);
    const room = make("div", "room", {});
    content.replaceWith(room);
    room.append(content);
    const star = button("star", () => mark(pane));
    pane.querySelector(".seedream-name")?.append(make("span", "deeds", {}, star, button("drop", () => drop(pane))));
    for (const [name, value] of Object.entries({ tabindex: "0", role: "group", "aria-label": `${pane.dataset.label}` })) pane.setAttribute(name, value);
    pane.addEventListener("focusin", () => choose(pane));
    return room;
  });
  const images = panes.map((pane) => pane.querySelector("img"));
  const cut = make("input", "cut", { type: "range", "aria-label": words.divider });
  const slider = button("slider", () => { slides = !slides; draw(); });
  const back = button("back", () => bringBack());
  const count = make("span", "position", { role: "status" });
  const percent = make("span", "percent", {});
  const keep = make("div", "keep", {});
  const bar = make("div", "bar", {}, button("out", () => zoom(eye.scale / 1.5)), percent, button("in", () => zoom(eye.scale * 1.5)),
    button("fit", () => zoom(1)), button("actual", () => zoom(whole())), slider, back, count, make("span", "keys", {}, words.keys));

  /** The scale of 100 %: one pixel of the first picture's original on one of CSS. */
  const whole = () => {
    const at = panes.indexOf(left()[0]);
    const image = images[at];
    if (!image) return 1;
    const { clientWidth: wide, clientHeight: tall } = rooms[at];
    const fitted = Math.min(wide, tall * (image.naturalWidth / image.naturalHeight || 1));
    return Number(panes[at].dataset.wide || image.naturalWidth) / fitted || 1;
  };

  /** @param {number} scale @param {number} [x] @param {number} [y] */
  const look = (scale, x = eye.x, y = eye.y) => {
    const most = (scale - 1) / 2;
    /** @param {number} off */
    const bound = (off) => Math.max(-most, Math.min(most, off));
    eye = { scale, x: bound(x), y: bound(y) };
    images.forEach((image, at) => {
      if (!image) return;
      image.style.transform = `translate(${eye.x * rooms[at].clientWidth}px, ${eye.y * rooms[at].clientHeight}px) scale(${scale})`;
      if (scale > 1) original(image, at);
    });
    root.classList.toggle("seedream-zoomed", scale > 1);
    percent.textContent = `${Math.round(100 * scale / whole())} %`;
  };

  /** The original in its preview's place, where it can be reached. @param {HTMLImageElement} image @param {number} at */
  const original = (image, at) => {
    const link = panes[at].querySelector("a")?.getAttribute("href");
    if (!link || panes[at].dataset.asked) return;
    panes[at].dataset.asked = "true";
    const loaded = new Image();
    loaded.onload = () => { image.src = loaded.src; };
    loaded.src = link;
  };

  /** @param {number} scale @param {MouseEvent} [at] what lies there stays there @param {HTMLElement} [room] */
  const zoom = (scale, at, room) => {
    scale = Math.max(1, Math.min(scale, 8 * Math.max(1, whole())));
    const box = room?.getBoundingClientRect();
    const [x, y] = at && box ? [(at.x - box.x) / box.width - 0.5, (at.y - box.y) / box.height - 0.5] : [0, 0];
    const by = scale / eye.scale;
    look(scale, x - (x - eye.x) * by, y - (y - eye.y) * by);
  };

  /** @param {HTMLElement} pane */
  const choose = (pane) => {
    chosen = pane;
    for (const one of panes) one.toggleAttribute("data-chosen", one === pane);
  };

  /** @param {HTMLElement} pane */
  const mark = (pane) => {
    if (pane.dataset.mark) delete pane.dataset.mark;
    else pane.dataset.mark = "star";
    draw();
  };

  /** @param {HTMLElement} pane */
  const drop = (pane) => {
    const all = left();
    if (all.length < 2) return;
    const next = all[(all.indexOf(pane) + 1) % all.length];
    const held = pane.contains(document.activeElement);
    out.push(pane);
    draw();
    choose(next);
    if (held) next.focus({ preventScroll: true });
  };

  const bringBack = () => {
    const pane = out.pop();
    draw();
    if (pane) pane.focus({ preventScroll: true });
  };

  /** As many columns as make the pictures largest; up to three stand beside each other wherever there is room. */
  const arrange = () => {
    const [all, wide] = [left().length, board.clientWidth];
    const tall = Math.max(240, innerHeight * 0.78);
    const over = root.dataset.view === "slider";
    let [columns, best] = [1, 0];
    for (let many = 1; many <= all; many += 1) {
      const size = Math.min((wide - 12 * (many - 1)) / many, tall / Math.ceil(all / many) * ratio);
      if (size > best * 1.01) [columns, best] = [many, size];
    }
    if (all < 4 && wide / all > 170) columns = all;
    if (over) columns = 1;
    const rows = over ? 1 : Math.ceil(all / columns);
    const column = (wide - 12 * (columns - 1)) / columns;
    root.style.setProperty("--columns", `${columns}`);
    root.style.setProperty("--room", `${Math.round(Math.min(column / ratio, Math.max(160, tall / rows)))}px`);
    look(eye.scale);
  };

  const draw = () => {
    const all = left();
    panes.forEach((pane) => {
      pane.hidden = out.includes(pane);
      const [star, dropper] = pane.querySelectorAll("button");
      star.textContent = pane.dataset.mark ? "★" : words.star[0];
      star.ariaPressed = `${!!pane.dataset.mark}`;
      dropper.hidden = all.length < 2;
      pane.dataset.side = `${all.indexOf(pane)}`;
    });
    slider.hidden = all.length !== 2;
    slides &&= all.length === 2;
    slider.ariaPressed = `${slides}`;
    root.dataset.view = slides ? "slider" : "board";
    back.hidden = !out.length;
    count.textContent = all.length === 1 && out.length ? words.one
      : out.length ? words.left.replace("{left}", all.length).replace("{total}", panes.length) : "";
    const codes = panes.filter((pane) => pane.dataset.mark && pane.dataset.star && !pane.dataset.kept).map((pane) => `${pane.dataset.star}`);
    keep.replaceChildren(...(codes.length ? [words.keep, make("code", "command", {}, [...new Set(codes.join("\n").split("\n"))].join("\n"))] : []));
    arrange();
  };

  /** The table's own keys, heard before the notebook hears them; all others go on to it. @param {any} event */
  const keys = (event) => {
    const { key, target } = event;
    if (!root.contains(target)) return removeEventListener("keydown", keys, true);
    if (event.ctrlKey || event.altKey || event.metaKey || target === cut) return;
    if (target.closest("button, a, summary") && /^(Enter| )$/.test(key)) return event.stopPropagation();
    const all = left();
    const step = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[/** @type {"ArrowLeft"} */ (key)];
    /** @type {Object<string, () => void>} */
    const acts = {
      s: () => mark(chosen), x: () => drop(chosen), u: bringBack, "+": () => zoom(eye.scale * 1.5), "=": () => zoom(eye.scale * 1.5),
      "-": () => zoom(eye.scale / 1.5), 0: () => zoom(1), 1: () => zoom(whole()),
    };
    const act = step ? () => all[(all.indexOf(chosen) + step + all.length) % all.length].focus({ preventScroll: true }) : acts[key.toLowerCase()];
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  };

  /** @type {PointerEvent | undefined} */
  let last;
  rooms.forEach((room) => {
    room.onpointerdown = (event) => { last = event; };
    room.onpointermove = (event) => {
      if (event.buttons && last && eye.scale > 1) {
        look(eye.scale, eye.x + (event.x - last.x) / room.clientWidth, eye.y + (event.y - last.y) / room.clientHeight);
      }
      last = event;
    };
    // The wheel alone scrolls the notebook, as everywhere.
    room.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      zoom(eye.scale * 1.004 ** -event.deltaY, event, room);
    }, { passive: false });
    room.ondblclick = (event) => zoom(eye.scale > 1 ? 1 : Math.max(whole(), 2), event, room);
  });
  cut.oninput = () => root.style.setProperty("--cut", cut.value);

  for (const image of images) if (image) image.draggable = false;
  for (const [name, value] of Object.entries({ role: "region", "aria-label": words.board, tabindex: "-1" })) root.setAttribute(name, value);
  root.classList.add("seedream-light-live");
  board.append(cut);
  (root.querySelector(".seedream-note") ?? board).after(bar, keep);
  for (const pane of panes) if (pane.dataset.mark) pane.dataset.kept = "true"; // it has its star already
  root.addEventListener("focusin", () => addEventListener("keydown", keys, true));
  choose(chosen);
  draw();
  new ResizeObserver(arrange).observe(board);
}
