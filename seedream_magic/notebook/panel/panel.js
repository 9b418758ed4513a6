// What the page does for the panel that widgets cannot: keys, drops and pastes, names of files before they are sent,
// which frame the carousel shows, and the cell that is copied or inserted. Widgets run no scripts, but a broken picture's error handler is one (`page.py`);
// where a page forbids that, all else works without.

/** @param {HTMLElement} panel */
function seedreamPanel(panel) {
  if (panel.dataset.tied) return;
  panel.dataset.tied = "yes";
  const isCommand = (/** @type {KeyboardEvent} */ event) => event.ctrlKey || event.metaKey;

  /** A value that a person could have typed. @param {string} field @param {string} value */
  const type = (field, value) => {
    const input = /** @type {HTMLInputElement | null} */ (panel.querySelector(`.seedream-panel-${field} input`));
    if (!input || input.value === value) return;
    input.value = value;
    for (const name of ["input", "change"]) input.dispatchEvent(new Event(name, { bubbles: true }));
  };

  // Ctrl+Enter draws; the field in which it is pressed loses the focus for a moment, for some report their text only
  // then. Other keys stay in the panel: a notebook would move its cells when an arrow chooses.
  panel.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !isCommand(event) || event.isComposing) return;
    event.preventDefault();
    event.stopPropagation();
    const field = /** @type {HTMLElement} */ (document.activeElement);
    field.blur();
    field.focus();
    /** @type {HTMLElement | null} */ (panel.querySelector(".seedream-panel-generate"))?.click();
  }, true);
  panel.addEventListener("keydown", (event) => {
    if (!isCommand(event) && !["Escape", "Tab"].includes(event.key)) event.stopPropagation();
  });

  // The field of an upload is outside the page; it is met at the click that the button passes on to it. Its files are
  // told before they are sent, and it takes those that were dropped or pasted as if they had been chosen.
  const inputs = HTMLInputElement.prototype;
  /** @type {FileList | null} */
  let given = null;
  panel.addEventListener("click", (event) => {
    if (!(/** @type {Element} */ (event.target).closest(".seedream-panel-add"))) return;
    inputs.click = /** @this {HTMLInputElement} */ function () {
      Reflect.deleteProperty(inputs, "click");
      this.addEventListener("change", () => announce([...this.files ?? []]), { capture: true, once: true });
      if (!given) { this.click(); return; }
      this.files = given;
      this.dispatchEvent(new Event("change"));
    };
    setTimeout(() => { Reflect.deleteProperty(inputs, "click"); });
  }, true);
  const announce = (/** @type {File[]} */ files) =>
    type("chosen-files", JSON.stringify({ at: Date.now(), files: files.map(({ name, size }) => [name, size]) }));

  /** Whether what is dropped or pasted holds pictures, which are taken. @param {DataTransfer | null} data */
  const takes = (data) => {
    const pictures = [...data?.files ?? []].filter((file) => file.type.startsWith("image/"));
    if (!pictures.length) return false;
    const chosen = new DataTransfer();
    for (const picture of pictures) chosen.items.add(picture);
    given = chosen.files;
    /** @type {HTMLElement | null} */ (panel.querySelector(".seedream-panel-add"))?.click();
    given = null;
    return true;
  };
  panel.addEventListener("paste", (event) => {
    if (!takes(event.clipboardData)) return;
    event.preventDefault();
    event.stopPropagation();
  }, true);
  const over = (/** @type {DragEvent} */ event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault(); // JupyterLab would open the file, the page would go to it
    event.stopPropagation();
    panel.classList.toggle("seedream-panel-over", event.type === "dragover");
    if (event.type === "drop") takes(event.dataTransfer);
  };
  for (const name of /** @type {const} */ (["dragover", "dragleave", "drop"])) panel.addEventListener(name, over, true);

  panel.addEventListener("click", ({ target, detail }) => {
    const button = /** @type {HTMLButtonElement | null} */ (/** @type {Element} */ (target).closest("button"));
    if (button?.matches(".seedream-panel-add-frame")) added(Infinity, 600);
    if (button?.matches(".seedream-panel-generate")) focusUnwritten();
    if (button?.matches(".seedream-panel-copy")) copy(button, "copied");
    if (button?.matches(".seedream-panel-insert") && detail < 2) insert(button);
  });
  /** The cell beside a button, and what is said of it. @param {Element} button */
  const beside = (button) => {
    const row = /** @type {HTMLElement} */ (button.closest("[data-cell]"));
    const status = /** @type {HTMLElement} */ (row.querySelector("[role=status]"));
    return { cell: row.dataset.cell ?? "", words: JSON.parse(row.dataset.told ?? ""), status };
  };
  /** @param {Element} button @param {string} word */
  const copy = (button, word) => {
    const { cell, words, status } = beside(button);
    const failed = () => {
      /** @type {HTMLTextAreaElement | null} */ (panel.querySelector(".seedream-panel-cell textarea"))?.select();
      status.textContent = words.press;
    };
    if (navigator.clipboard) navigator.clipboard.writeText(cell).then(() => { status.textContent = words[word]; }, failed);
    else failed();
  };
  // The kernel cannot ask for a cell below this one: it comes below the one that ran last. The notebook of JupyterLab
  // and Notebook 7 can, by the key B on this cell. CodeMirror's view, found by its element (cmView in older ones), then
  // takes the text as it is; typed, it would be indented and its brackets closed. Only the empty cell that has just come
  // is written to. Where none comes (another notebook, a view of the output alone), the text is copied instead.
  const press = (/** @type {Element} */ target, /** @type {string} */ key, /** @type {number} */ keyCode, ctrlKey = false) =>
    target.dispatchEvent(new KeyboardEvent("keydown", { key, keyCode, ctrlKey, bubbles: true }));
  // The notebook takes the keys of a cell that is written to a moment after the focus.
  const run = (/** @type {Element} */ content, /** @type {number} */ left) => {
    if (content.closest(".jp-mod-editMode")) press(content, "Enter", 13, true);
    else if (left) requestAnimationFrame(() => run(content, left - 1));
  };
  /** @param {HTMLButtonElement} button */
  const insert = (button) => {
    const { cell, words, status } = beside(button);
    const place = /** @type {HTMLElement | null} */ (panel.closest(".jp-Notebook-cell"));
    const before = place?.nextElementSibling;
    const takesWhole = (/** @type {any} */ view) => {
      const write = (/** @type {string} */ text) =>
        view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } });
      write(cell);
      const isWhole = view.state.doc.toString() === cell;
      if (isWhole) view.focus();
      else write("");
      return isWhole;
    };
    const wait = (/** @type {number} */ left) => {
      const next = place?.nextElementSibling;
      const content = /** @type {any} */ (next?.querySelector(".cm-content"));
      const view = (content?.cmTile ?? content?.cmView)?.view;
      const isNew = next !== before && next?.matches(".jp-CodeCell.jp-mod-active") && view?.state.doc.length === 0;
      if (!isNew && left) { requestAnimationFrame(() => wait(left - 1)); return; }
      button.disabled = false;
      if (!isNew || !takesWhole(view)) { copy(button, "paste"); return; }
      status.textContent = words.inserted;
      if (button.closest("[data-runs]")) run(content, 300);
    };
    status.textContent = "";
    place?.focus({ preventScroll: true });
    button.disabled = true;
    if (place) press(place, "b", 66);
    wait(place ? 300 : 0);
  };
  // A cell that was just asked for is copied at once, not again when the panel is displayed anew.
  const copyFresh = () => {
    const row = /** @type {HTMLElement | null} */ (panel.querySelector("[data-made]"));
    const made = row?.dataset.made ?? "";
    if (!row || copied.has(made)) return;
    copied.add(made);
    if (Math.abs(Date.now() / 1000 - Number(made)) > 10) return;
    navigator.clipboard?.writeText(row.dataset.cell ?? "").then(() => {
      const { words, status } = beside(row);
      status.textContent = words.copied;
    }, () => {});
  };
  /** @type {Set<string>} */
  const copied = (Object(window)[Symbol.for("seedream.copied")] ??= new Set());

  // Radio buttons of a widget have no name, which makes them a group with the keys of one.
  let groups = 0;
  const name = () => {
    for (const box of panel.querySelectorAll(".widget-radio-box"))
      for (const radio of box.querySelectorAll("input"))
        radio.name ||= box.querySelector("input")?.name || `seedream-${Math.random()}-${groups += 1}`;
  };
  // A button with a sign is called by its hint; one that shows and hides what stands behind it says which it does.
  const call = () => {
    for (const button of panel.querySelectorAll(".widget-button[title]"))
      if (!/\p{L}/u.test(button.textContent ?? "")) button.ariaLabel = /** @type {HTMLElement} */ (button).title;
    for (const button of panel.querySelectorAll(".seedream-panel-quiet-button.widget-toggle-button"))
      button.ariaExpanded = String(button.classList.contains("mod-active"));
  };
  // The kernel asks by a number for what was typed last (`page_loop.py`): the answer comes after all that was held back.
  // A page says that it has come by a nought. What was asked before, it leaves alone: what another held back is gone. Nor
  // does it answer for a click in another window of the panel, whose text is there; one click may ask more than once.
  let [asked, isClicked] = ["", false];
  let forgets = 0;
  panel.addEventListener("click", ({ target }) => {
    if (!/** @type {Element} */ (target).closest(".widget-button:not(.seedream-panel-stop)")) return; // the others ask nothing
    clearTimeout(forgets);
    isClicked = true;
  }, true);
  const answer = () => {
    const field = /** @type {HTMLInputElement | null} */ (panel.querySelector(".seedream-panel-answer input"));
    if (!field?.placeholder || field.placeholder === asked) return;
    if (!asked) type("answer", field.value === "0" ? "00" : "0");
    else if (isClicked) {
      type("answer", field.placeholder);
      clearTimeout(forgets);
      forgets = setTimeout(() => { isClicked = false; }, 5000);
    }
    asked = field.placeholder;
  };
  const tend = () => { name(); call(); copyFresh(); nameRun(); answer(); };
  name();
  call();
  answer();
  new MutationObserver(tend).observe(
    panel, { childList: true, subtree: true, attributeFilter: ["class", "title", "placeholder"] },
  );

  // Nothing can be drawn without words: the field where they are missing takes the focus. Where there are frames the
  // prompt is their style, which need not be.
  const focusUnwritten = () => {
    const [prompt, ...frames] = /** @type {NodeListOf<HTMLTextAreaElement>} */
      (panel.querySelectorAll(".seedream-panel-prompt textarea, .seedream-panel-frame-words textarea"));
    (frames.length ? frames : [prompt]).find((field) => !field.value.trim())?.focus();
  };

  // The field of a frame that was added takes the focus, once it is there.
  const added = (/** @type {number} */ before, /** @type {number} */ left) => {
    /** @type {NodeListOf<HTMLElement>} */
    const fields = panel.querySelectorAll(".seedream-panel-frame-words textarea");
    if (fields.length > before) fields[fields.length - 1].focus();
    else if (left) requestAnimationFrame(() => added(Math.min(before, fields.length), left - 1));
  };

  // The number of the frame follows the carousel of the run that the panel names, which may have shown before. One that
  // is drawn anew where it was changes nothing, nor does one that shows the frame at which it opens: the kernel has put
  // the number there, and who chose another since may have done so before this script came, or in another window.
  /** @type {Map<string, number>} */
  const turned = new Map(); // the index of the frame, by run
  let named = "";
  const number = () => type("frame-number", `${Number(turned.get(named)) + 1}`);
  const follow = (/** @type {any} */ { detail: { run, index, start } }) => {
    if (!panel.isConnected) { window.removeEventListener("seedream-frame", follow); return; }
    const before = turned.get(run) ?? start;
    if (before === index) return;
    turned.set(run, index);
    if (run === named) number();
  };
  const nameRun = () => {
    const { run } = /** @type {HTMLElement | null} */ (panel.querySelector(".seedream-panel-tile [data-run]"))?.dataset ?? {};
    if (!run || run === named) return;
    named = run;
    if (turned.has(run)) number();
  };
  nameRun();
  window.addEventListener("seedream-frame", follow); // in a handler the bare name is that of its element
}

/** The panel may come into the page a moment later than what is in it. @param {Element} inside @param {number} left */
function seedreamTie(inside, left) {
  const panel = /** @type {HTMLElement | null} */ (inside.closest(".seedream-panel"));
  if (panel) seedreamPanel(panel);
  else if (left) requestAnimationFrame(() => seedreamTie(inside, left - 1));
}
