// What the controls of a set are made of: elements, icons, buttons, the menu of what is rare, a picture for the clipboard.
// Function declarations, so that a second output on the page may bring them again.

/** An element of the class "seedream-KIND", with attributes and children.
 *  @template {keyof HTMLElementTagNameMap} Tag @param {Tag} tag @param {string} kind
 *  @param {object} values @param {(Node | string)[]} children */
function seedreamMake(tag, kind, values, ...children) {
  const node = document.createElement(tag);
  node.className = `seedream-${kind}`;
  for (const [name, value] of Object.entries(values)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/** A button: an icon or a sign, which has a name, or a word, which reads for itself.
 *  @param {string} key @param {string | string[]} text word, or word and name @param {() => void} act */
function seedreamButton(key, text, act) {
  const [word, name = word] = [text].flat();
  const drawn = seedreamIcon(key);
  const node = seedreamMake("button", drawn || !word[1] ? "sign" : "word",
    { type: "button", "data-key": key, "aria-label": name, title: name }, drawn ?? word);
  node.onclick = () => act();
  return node;
}

/** The icon of a control, undefined where it is told in words. @param {string} key */
function seedreamIcon(key) {
  const paths = /** @type {Record<string, string>} */ ({
    previous: "M10 3 5 8l5 5", next: "m6 3 5 5-5 5",
    full: "M9.5 2.5h4v4M6.5 13.5h-4v-4M13.2 2.8 9 7M2.8 13.2 7 9",
    grid: "M2.5 2.5H7V7H2.5zM9 2.5h4.5V7H9zM2.5 9H7v4.5H2.5zM9 9h4.5v4.5H9z",
    compare: "M2 3.5h5v9H2zM9 3.5h5v9H9z", slider: "M8 2v12M5 5.5 2.5 8 5 10.5M11 5.5 13.5 8 11 10.5",
    download: "M8 2.5V10M4.5 6.8 8 10.2l3.5-3.4M2.5 13.5h11", more: "M3 8h.01M8 8h.01M13 8h.01",
  });
  if (!(key in paths)) return;
  const [icon, path] = ["svg", "path"].map((tag) => document.createElementNS("http://www.w3.org/2000/svg", tag));
  icon.setAttribute("viewBox", "0 0 16 16");
  icon.setAttribute("aria-hidden", "true");
  path.setAttribute("d", paths[key]);
  icon.append(path);
  return icon;
}

/** A click into which an update of the output falls counts as well: it goes down on a button and up on the one that has
 *  taken its place, and browsers tell it to neither.
 *  @param {HTMLElement} root @param {any} place what the page keeps through updates @param {any} replaced the same, of the
 *    output whose place this one has taken @param {(button: any) => string | number | undefined} name the same in both */
function seedreamPress(root, place, replaced, name) {
  /** @param {Event} event */
  const pressed = ({ target }) => /** @type {Element} */ (target).closest("button");
  const kinds = ["pointerup", "pointercancel", "pointerdown"];
  /** @param {any} held @param {boolean} isTaken */
  const wait = (held, isTaken) => {
    place.held = held;
    /** @param {Event} event */
    const end = (event) => {
      for (const kind of kinds) removeEventListener(kind, end, true);
      place.held = undefined;
      const button = event.type === "pointerup" && isTaken && root.contains(/** @type {Node} */ (event.target)) && pressed(event);
      if (button && name(button) === held) button.click();
    };
    for (const kind of kinds) addEventListener(kind, end, true);
  };
  root.addEventListener("pointerdown", (event) => {
    const button = pressed(event);
    if (button) wait(name(button), false);
  });
  place.held = undefined;
  if (replaced?.held !== undefined) wait(replaced.held, true);
}

/** Has a button open a menu below it, or above where there is less room. The page's own keys and clicks close it; what
 *  scrolls meanwhile, such as a notebook in which a cell has just ended, takes it along.
 *  @param {HTMLButtonElement} more @param {HTMLElement} menu */
function seedreamMenu(more, menu) {
  more.popoverTargetElement = menu;
  const place = () => {
    const { right, top, bottom } = more.getBoundingClientRect();
    const across = Math.max(4, Math.min(innerWidth - right, innerWidth - 190));
    const isHigh = innerHeight - bottom < Math.min(320, top);
    menu.style.inset = isHigh ? `auto ${across}px ${innerHeight - top + 4}px auto` : `${bottom + 4}px ${across}px auto auto`;
  };
  menu.addEventListener("beforetoggle", () => {
    // It lies on what the page has below it, so that its words stand out as those beside it do.
    let below = menu.parentElement;
    while (below && /^rgba\(.* 0\)$/.test(getComputedStyle(below).backgroundColor)) below = below.parentElement;
    menu.style.setProperty("--ground", below ? getComputedStyle(below).backgroundColor : "Canvas");
    place();
  });
  menu.addEventListener("toggle", (event) => {
    const isOpen = /** @type {any} */ (event).newState === "open";
    if (isOpen) menu.querySelector("button")?.focus({ preventScroll: true });
    (isOpen ? addEventListener : removeEventListener)("scroll", place, true);
  });
  menu.addEventListener("keydown", (event) => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const items = /** @type {HTMLElement[]} */ ([...menu.children]).filter((item) => item.offsetHeight);
    if (!by) return;
    event.preventDefault();
    event.stopPropagation();
    items.at((items.indexOf(/** @type {any} */ (event.target)) + by) % items.length)?.focus();
  });
  return more;
}

/** Puts a picture on the system's clipboard: the original where it can be had, else its preview; as PNG, which all
 *  systems take. @param {HTMLImageElement} preview @param {string | null | undefined} original */
async function seedreamCopyPicture(preview, original) {
  const png = async () => {
    let image = preview;
    if (original) {
      image = Object.assign(new Image(), { src: original });
      await image.decode().catch(() => { image = preview; });
    }
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
    canvas.getContext("2d")?.drawImage(image, 0, 0);
    return /** @type {Promise<Blob>} */ (new Promise((resolve) => canvas.toBlob(/** @type {any} */ (resolve))));
  };
  await navigator.clipboard.write([new ClipboardItem({ "image/png": png() })]); // promised: the click is still fresh
}
