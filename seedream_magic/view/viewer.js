// The full-size view's eye: how large a picture is seen and which part of it, and where; the finger that turns; the hand
// that copies. Nothing here knows of frames.
// Function declarations, so that a second output on the page may bring them again.

/** @param {HTMLElement} stage the room @param {HTMLImageElement} large the picture, fitted into it by its style sheet
 *  @param {HTMLElement} percent tells the size */
function seedreamViewer(stage, large, percent) {
  /** How many times its fitted size the picture has, and how far its middle is off the stage's, in CSS pixels. */
  let seen = { scale: 1, x: 0, y: 0 };
  /** The original's width and height as far as they are known, also while its preview shows. @type {string[]} */
  let pixels = [];
  const wide = () => +pixels[0] || large.naturalWidth;
  const tall = () => +pixels[1] || large.naturalHeight;

  /** The scale of 100 %: one pixel of the original on one of CSS. */
  const whole = () => Math.max(wide() / stage.clientWidth, tall() / stage.clientHeight) || 1;

  /** No edge of the picture comes further in than the stage's own.
   *  @param {number} x @param {number} y */
  const move = (x, y, scale = seen.scale) => {
    const by = scale / whole();
    /** @param {number} off @param {number} over */
    const bound = (off, over) => Math.sign(off) * Math.min(Math.abs(off), Math.max(0, over / 2));
    x = bound(x, wide() * by - stage.clientWidth);
    y = bound(y, tall() * by - stage.clientHeight);
    seen = { scale, x, y };
    large.style.transform = `translate(${x}px, ${y}px) scale(${scale})`;
    stage.classList.toggle("seedream-zoomed", scale > 1);
    percent.textContent = `${Math.round(100 * by)} %`;
  };

  /** @param {number} scale @param {MouseEvent} [at] what lies there stays there */
  const zoom = (scale, at) => {
    const box = stage.getBoundingClientRect();
    const [x, y] = at ? [at.x - box.x - box.width / 2, at.y - box.y - box.height / 2] : [0, 0];
    scale = Math.max(Math.min(1, whole()), Math.min(scale, 8 * Math.max(1, whole())));
    const by = scale / seen.scale;
    move(x - (x - seen.x) * by, y - (y - seen.y) * by, scale);
  };

  /** @param {string} key @returns {boolean} whether it was one of its own */
  const press = (key) => {
    const { scale, x, y } = seen;
    /** @type {Object<string, number>} */
    const scales = { "+": scale * 1.5, "=": scale * 1.5, "-": scale / 1.5, 0: 1, 1: whole() };
    /** @type {Object<string, number[]>} */
    const ways = { ArrowLeft: [80, 0], ArrowRight: [-80, 0], ArrowUp: [0, 80], ArrowDown: [0, -80] };
    const way = scale > 1 && ways[key];
    if (way) move(x + way[0], y + way[1]);
    else if (key in scales) zoom(scales[key]);
    else return false;
    return true;
  };

  /** @type {PointerEvent | undefined} */
  let last;
  stage.addEventListener("pointerdown", (event) => { last = event; });
  stage.onpointermove = (event) => {
    if (event.buttons && last) move(seen.x + event.x - last.x, seen.y + event.y - last.y);
    last = event;
  };
  stage.onwheel = (event) => { event.preventDefault(); zoom(seen.scale * 1.002 ** -event.deltaY, event); };
  stage.ondblclick = (event) => zoom(seen.scale > 1 ? 1 : Math.max(whole(), 2), event);
  large.onload = () => move(seen.x, seen.y); // the original has come in its preview's place
  const fit = (of = pixels) => { pixels = of; move(0, 0, 1); };
  return { fit, whole: () => zoom(whole()), press, zoomed: () => seen.scale > 1 };
}

/** Keeps the view in sight that a dialog has opened. Where the frame is taller than its window (VS Code's is as tall as
 *  the notebook, with the cells lying over it), a view of the frame's size would not be: it takes what is seen of the set,
 *  which makes room for it meanwhile if it is low.
 *  @param {HTMLElement} dialog @param {HTMLElement} root the set @param {() => void} placed called when it is elsewhere */
function seedreamSight(dialog, root, placed) {
  const sight = new IntersectionObserver(([{ intersectionRatio, intersectionRect: seen }]) => {
    sight.disconnect();
    if (intersectionRatio > 0.95) return;
    root.style.minHeight = "600px";
    dialog.addEventListener("close", () => { root.style.minHeight = ""; }, { once: true });
    const { left, width, top, bottom } = root.getBoundingClientRect();
    let [from, to] = [Math.max(top, seen.top), Math.min(bottom, seen.bottom)];
    if (to - from < 240) [from, to] = [top, bottom];
    dialog.style.cssText = `left: ${left}px; width: ${width}px; top: ${from}px; height: ${to - from}px`;
    placed();
  });
  dialog.style.cssText = "";
  sight.observe(dialog);
}

/** A finger drawn across an area turns the frames, unless it moves something there: a zoomed picture, a divider.
 *  @param {HTMLElement} area @param {(by: number) => void} turn @param {(event: PointerEvent) => boolean} moves */
function seedreamSwipe(area, turn, moves) {
  area.onpointerdown = (from) => {
    area.onpointerup = (event) => {
      if (from.pointerType === "mouse" || moves(event)) return;
      const [across, down] = [event.x - from.x, event.y - from.y];
      if (Math.abs(across) > 40 + 2 * Math.abs(down)) turn(-Math.sign(across));
    };
  };
}

/** Copies a text and says so on the button. Where the page may not (plain http, a frame of another site) the text is marked
 *  in a field below the button and copied from there, if need be by the reader.
 *  @param {HTMLElement} node the button @param {string} text @param {string} said @param {string[]} words its text and name */
function seedreamCopy(node, text, said, [word, name = word]) {
  const done = () => {
    node.textContent = node.ariaLabel = said;
    setTimeout(() => { [node.textContent, node.ariaLabel] = [word, name]; }, 4000);
  };
  const mark = () => {
    const field = document.createElement("textarea");
    Object.assign(field, { className: "seedream-marked", ariaLabel: name, value: text, rows: text.split("\n").length });
    /** The notebook's keys. @param {Event} event */
    const keep = (event) => event.target === field && event.stopPropagation();
    addEventListener("keydown", keep, true);
    field.onblur = () => { removeEventListener("keydown", keep, true); field.remove(); };
    node.parentElement?.append(field);
    field.select();
    if (!document.execCommand("copy")) return;
    node.focus({ preventScroll: true });
    done();
  };
  if (navigator.clipboard) navigator.clipboard.writeText(text).then(done, mark);
  else mark();
}
