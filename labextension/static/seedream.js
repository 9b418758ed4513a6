// What a click on a picture of %%seedream does in JupyterLab (4.2 and later) and Notebook 7: a cell below, that runs.
//
// Nothing is believed of a page. A set has buttons only where its output is one that this person has run or trusted,
// and the kernel beside it, with the extension loaded, knows its run. The buttons are made here, answer to a hand alone
// (an event that a script fires is none), and send an action to the kernel: what, run, frame, words. The kernel answers
// with a cell of its own making. `seedream_magic/notebook/actions.py` is the other end.
//
// JupyterLab shares its packages by module federation; this file is such a container as it stands, built by nothing.
(() => {
  const NAME = "seedream-magic";
  const address = /** @type {HTMLScriptElement | null} */ (document.currentScript)?.src ?? "";

  /** What the kernel says of a run: its actions, what each may bill; of each frame its words, and of each of its takes
   *  which run made it (as `data-made` of a figure has it) and its mark.
   *  @typedef {{ actions: string[], bills: Record<string, string>, words: string[], takes: string[][][] }} Facts */
  /** A place of a set: the run that its picture is from, the index there, and which run made the picture.
   *  @typedef {{ run: string, frame: number, made: string }} Place */

  const ENGLISH = {
    redo: ["Redo", "Draw this frame anew"],
    retry: ["Retry", "Draw what is missing"],
    vary: ["Vary", "Draw a new picture after this one"],
    star: ["Star", "One of the best (S)"],
    reject: ["Reject", "None to be used (X)"],
    reword: ["Redo in other words", "Draw this frame anew, in other words"],
    reference: ["Use as reference", "Begin a cell that has this picture as its reference"],
    pin: ["Pin to compare", "Pin this picture, to compare it with others"],
    compare: ["Compare the pinned", "Show the pinned pictures side by side"],
    unpin: ["Unpin all", "Pin nothing any more"],
    export: ["Export", "Write the set to a file"],
    pdf: ["PDF", "A page for each picture"],
    html: ["HTML", "A page for a browser"],
    zip: ["ZIP", "The originals and their words"],
    draw: ["Draw", "Draw it"],
    cancel: ["Cancel", "Close this"],
    after: "What the new picture shows",
    anew: "What the frame shows, in other words",
    pinned: (/** @type {number} */ count) => `${count} pinned`,
    takes: "Takes",
    take: (/** @type {number} */ number) => `Take ${number}`,
    waits: "The kernel is busy: the cell comes when it is free.",
    gone: "The kernel does not answer.",
  };
  /** @type {typeof ENGLISH} */
  const CHINESE = {
    redo: ["重画", "重画这一帧"],
    retry: ["重试", "只画缺少的"],
    vary: ["衍生", "以此图为参考画一张新图"],
    star: ["星标", "标为优选（S）"],
    reject: ["弃用", "标为弃用（X）"],
    reword: ["改词重画", "换一种说法重画这一帧"],
    reference: ["用作参考图", "新建以此图为参考的单元格"],
    pin: ["钉住对比", "钉住此图，与其他图对比"],
    compare: ["对比已钉住的图", "并排显示已钉住的图"],
    unpin: ["全部取消", "取消所有钉住的图"],
    export: ["导出", "将整组图片写入文件"],
    pdf: ["PDF", "每页一图"],
    html: ["HTML", "供浏览器打开的网页"],
    zip: ["ZIP", "原图及其文字"],
    draw: ["生成", "生成"],
    cancel: ["取消", "关闭"],
    after: "新图的完整提示词",
    anew: "这一帧的新提示词",
    pinned: (count) => `已钉住 ${count} 张`,
    takes: "各版",
    take: (number) => `第 ${number} 版`,
    waits: "内核正忙，空闲后插入单元格。",
    gone: "内核没有回应。",
  };
  /** Icons of 16 by 16; without one a button has its word alone. @type {Record<string, string>} */
  const ICONS = {
    redo: "M13.2 8a5.2 5.2 0 1 1-1.7-3.8M13.4 1.8v3.4H10",
    retry: "M13.2 8a5.2 5.2 0 1 1-1.7-3.8M13.4 1.8v3.4H10",
    vary: "M7 2.2 8.5 6 12.3 7.5 8.5 9 7 12.8 5.5 9 1.7 7.5 5.5 6zM12.6 10.6v3.6M10.8 12.4h3.6",
    star: "m8 1.9 1.9 3.9 4.3.6-3.1 3 .7 4.3L8 11.7l-3.8 2 .7-4.3-3.1-3 4.3-.6z",
    reject: "M3.5 3.5l9 9M12.5 3.5l-9 9",
  };
  const IN_THE_BAR = ["retry", "redo", "vary", "star", "reject"];
  const IN_THE_MENU = ["reword", "reference", "pin", "export"];
  const KINDS = ["pdf", "html", "zip"];

  /** @template {keyof HTMLElementTagNameMap} Tag @param {Tag} tag @param {Record<string, string>} values
   *  @param {(Node | string)[]} children @returns {HTMLElementTagNameMap[Tag]} */
  const make = (tag, values, ...children) => {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(values)) node.setAttribute(name, value);
    node.append(...children);
    return node;
  };

  /** @param {string} path */
  const icon = (path) => {
    const [drawn, line] = ["svg", "path"].map((tag) => document.createElementNS("http://www.w3.org/2000/svg", tag));
    drawn.setAttribute("viewBox", "0 0 16 16");
    drawn.setAttribute("aria-hidden", "true");
    line.setAttribute("d", path);
    drawn.append(line);
    return drawn;
  };

  /** One kernel's end of the comm. @param {any} kernel JupyterLab's connection to it
   *  @param {() => void} closed is called where the kernel does not answer, or not any more
   *  @returns {(action: object) => Promise<any>} asks it; null where it has ended */
  const connect = (kernel, closed) => {
    const comm = kernel.createComm("seedream");
    /** @type {Map<number, (answer: any) => void>} */
    const open = new Map();
    let last = 0;
    comm.onMsg = (/** @type {any} */ { content: { data } }) => {
      open.get(data.id)?.(data);
      open.delete(data.id);
    };
    comm.onClose = () => {
      for (const answer of open.values()) answer(null);
      open.clear();
      closed();
    };
    comm.open({});
    return (action) => new Promise((resolve) => {
      open.set((last += 1), resolve);
      comm.send({ ...action, id: last });
    });
  };

  /** An open notebook: its sets get buttons as soon as its kernel knows them. */
  class Notebook {
    /** @param {any} panel JupyterLab's NotebookPanel @param {any} actions its NotebookActions */
    constructor(panel, actions) {
      this.panel = panel;
      this.actions = actions;
      this.content = panel.content;
      this.sets = this.content.node.getElementsByClassName("seedream-live");
      /** @type {ReturnType<typeof connect> | null} */
      this.ask = null;
      /** @type {any} The kernel that was asked last, whether it has answered or not. */
      this.kernel = null;
      this.answered = false;
      /** @type {Map<Element, Buttons | null>} The sets that were offered to the kernel; null till it has answered. */
      this.offered = new Map();
      /** @type {Place[]} What was pinned, to be compared. */
      this.pins = [];
      this.listen();
    }

    listen() {
      const { panel, content, actions } = this;
      const session = panel.sessionContext;
      const arrivals = new MutationObserver(() => this.greet());
      arrivals.observe(content.node, { childList: true, subtree: true });
      session.kernelChanged.connect(() => { this.forget(); this.greet(); });
      session.statusChanged.connect((/** @type {any} */ _, /** @type {string} */ status) => {
        if (/restarting|dead/.test(status)) this.forget();
        else if (status === "idle" && !this.kernel) this.greet();
      });
      const ran = (/** @type {any} */ _, /** @type {any} */ { notebook, cell }) => {
        if (notebook !== content || !/seedream/.test(cell.model.sharedModel.getSource())) return;
        if (!this.answered) this.kernel = null; // it may have loaded the extension just now
        this.greet();
        for (const buttons of this.offered.values()) buttons?.refresh();
      };
      actions.executed.connect(ran);
      panel.disposed.connect(() => { arrivals.disconnect(); actions.executed.disconnect(ran); });
      panel.context.ready.then(() => session.ready).then(() => this.greet());
    }

    /** Asks a kernel that has not been asked yet whether it knows the sets, where there are any. */
    greet() {
      const kernel = this.panel.sessionContext.session?.kernel;
      if (!this.sets.length || !kernel || !/^(idle|busy)$/.test(kernel.status)) return;
      if (kernel !== this.kernel) {
        this.forget();
        this.kernel = kernel;
        const ask = connect(kernel, () => { if (this.ask === ask) this.ask = null; });
        this.ask = ask;
      }
      for (const root of this.offered.keys()) if (!root.isConnected) this.offered.delete(root);
      for (const root of this.sets) this.offer(root);
    }

    /** The kernel has gone, and what it knew with it. */
    forget() {
      this.ask = this.kernel = null;
      this.answered = false;
      for (const buttons of this.offered.values()) buttons?.remove();
      this.offered.clear();
      this.pins = [];
    }

    /** The code cell in whose trusted output a set stands, undefined where it stands elsewhere. @param {Element} root */
    cellOf(root) {
      return root.closest(".jp-OutputArea-output") && this.content.widgets.find((/** @type {any} */ cell) =>
        cell.model.type === "code" && cell.model.trusted && cell.outputArea.node.contains(root));
    }

    /** What the kernel says of these runs; null where it does not know one of them. @param {string[]} runs
     *  @returns {Promise<Map<string, Facts> | null>} */
    async factsOf(runs) {
      const { ask } = this;
      if (!ask) return null;
      const facts = await Promise.all(runs.map((run) => ask({ action: "offer", run })));
      if (ask !== this.ask) return null;
      this.answered = facts.some(Boolean);
      if (facts.some((one) => !one || one.refused)) return null;
      return new Map(runs.map((run, at) => [run, facts[at]]));
    }

    /** Gives a set its buttons, if it may have them. One that grows waits till it has ended. @param {Element} root */
    async offer(root) {
      if (!this.ask || this.offered.has(root) || root.hasAttribute("data-limit") || !this.cellOf(root)) return;
      this.offered.set(root, null);
      const places = placesOf(root);
      const facts = await this.factsOf([...new Set(places.map(({ run }) => run))]);
      if (facts && root.isConnected && this.offered.get(root) === null) this.offered.set(root, new Buttons(this, root, places, facts));
    }

    /** Puts a cell that the kernel has made below the one whose picture was acted on, and below those that go on from
     *  the same run already: run from top to bottom, the notebook draws in the order in which it was made.
     *  @param {Element} root @param {string} run @param {{ cell: string, runs: boolean }} made */
    async insert(root, run, made) {
      const { content } = this;
      const cell = this.cellOf(root);
      if (!cell || this.panel.context.model.readOnly) return;
      let at = content.widgets.indexOf(cell) + 1;
      while (goesOnFrom(run, content.widgets[at]?.model.sharedModel.getSource() ?? "")) at += 1;
      content.model.sharedModel.insertCell(at, { cell_type: "code", source: made.cell, metadata: {} });
      content.deselectAll();
      content.activeCellIndex = at;
      if (made.runs) return this.actions.run(content, this.panel.sessionContext);
      await content.activeCell.ready;
      content.activeCell.editor?.setCursorPosition({ line: made.cell.split("\n").length - 1, column: 0 });
      content.mode = "edit"; // last: who sees the focus types
    }

    /** Shows a set anew in the output where it stands. @param {Element} root @param {object} bundle of the kernel's making */
    show(root, bundle) {
      const { outputArea } = this.cellOf(root) ?? {};
      const at = outputArea?.widgets.findIndex((/** @type {any} */ one) => one.node.contains(root)) ?? -1;
      const output = at >= 0 ? outputArea.model.get(at) : null;
      if (output) output.setData({ data: bundle });
    }

    /** A picture has this mark now, in whatever set it shows. @param {string} made @param {string} mark */
    tellMark(made, mark) {
      for (const buttons of this.offered.values()) buttons?.tellMark(made, mark);
    }

    /** @param {Place} place */
    pin(place) {
      const others = this.pins.filter(({ run, frame }) => run !== place.run || frame !== place.frame);
      this.pins = others.length < this.pins.length ? others : [...this.pins, place].slice(-9);
      for (const buttons of this.offered.values()) buttons?.tellPins();
    }
  }

  /** Whether a cell is one that the kernel makes for this run. @param {string} run @param {string} source */
  const goesOnFrom = (run, source) => /^%seedream (retry|export) (\S+)/.exec(source)?.[2] === run || source.startsWith(`%%seedream --ref run:${run}[`)
    || (source.startsWith("from seedream_magic import Seedream\n") && source.includes(`.show("${run}")`));

  /** Where the pictures of a set are from: its own run, or those that it was put together of. @param {Element} root */
  const placesOf = (root) => [...root.querySelectorAll("figure")].map((figure, frame) => {
    const named = /^--ref run:([^\s[\]]+)\[(\d+)\]$/.exec(figure.dataset.ref ?? "");
    const made = figure.dataset.made ?? "";
    return named ? { run: named[1], frame: Number(named[2]), made } : { run: root.getAttribute("data-run") ?? "", frame, made };
  });

  /** The buttons of one set, in its bar and in its menu, and the field for words. */
  class Buttons {
    /** @param {Notebook} notebook @param {Element} root @param {Place[]} places @param {Map<string, Facts>} facts */
    constructor(notebook, root, places, facts) {
      this.notebook = notebook;
      this.root = root;
      this.places = places;
      this.facts = facts;
      this.words = root.getAttribute("lang") === "zh" ? CHINESE : ENGLISH;
      this.figures = [...root.querySelectorAll("figure")];
      this.pending = false;
      this.status = make("span", { role: "status", class: "seedream-said" });
      this.takes = make("div", { class: "seedream-takes", role: "group", "aria-label": this.words.takes });
      this.below = make("div", { class: "seedream-below" }, this.takes, this.status);
      this.shown = this.index;
      this.turned = new MutationObserver(() => {
        if (this.shown !== this.index) this.below.querySelector("[data-for]")?.remove(); // it was of another frame
        this.shown = this.index;
        this.tellFrame();
      });
      for (const figure of this.figures) this.turned.observe(figure, { attributeFilter: ["class"] });
      const offered = new Set([...facts.values()].flatMap(({ actions }) => actions));
      if (offered.has("redo")) offered.add("reword");
      if (offered.has("compare")) offered.add("pin");
      const [bar, menu] = [IN_THE_BAR, IN_THE_MENU].map((names) => names.filter((name) => offered.has(name)));
      this.buttons = new Map([...bar, ...menu].map((name) => [name, this.button(name, () => this.does(name))]));
      this.bar = root.querySelector(".seedream-acts");
      this.menu = root.querySelector(".seedream-menu");
      this.bar?.prepend(...bar.map((name) => this.buttons.get(name) ?? ""));
      this.menu?.prepend(...menu.map((name) => this.buttons.get(name) ?? ""));
      this.bill = make("span", { class: "seedream-bill" });
      root.querySelector(".seedream-bar")?.append(this.bill);
      root.querySelector(".seedream-bar")?.after(this.below);
      root.classList.add("seedream-equipped");
      this.keys = (/** @type {KeyboardEvent} */ event) => this.press(event);
      addEventListener("keydown", this.keys, true); // before the notebook, which has keys of its own
      this.tellMarks();
      this.tellPins();
    }

    /** Asks the kernel anew: a cell has run, which may have drawn a take, or set a mark. */
    async refresh() {
      const facts = await this.notebook.factsOf([...this.facts.keys()]);
      if (!facts || !this.root.isConnected) return;
      this.facts = facts;
      this.tellMarks();
    }

    remove() {
      this.turned.disconnect();
      removeEventListener("keydown", this.keys, true);
      for (const node of [...this.buttons.values(), this.bill, this.below]) node.remove();
      this.root.classList.remove("seedream-equipped");
    }

    get index() {
      return Math.max(0, this.figures.findIndex((figure) => figure.classList.contains("seedream-current")));
    }

    /** @param {string} name @param {() => void} does */
    button(name, does) {
      const [word, says] = /** @type {any} */ (this.words)[name];
      const isPrimary = name === "redo" || name === "retry";
      const [drawn] = ICONS[name] ? [icon(ICONS[name])] : [];
      const kind = drawn && !isPrimary ? "seedream-sign" : "seedream-word";
      const node = make("button", { type: "button", class: `${kind} seedream-act`, "data-act": name },
        ...(drawn ? [drawn] : []), ...(drawn && !isPrimary ? [] : [make("span", {}, word)]));
      if (isPrimary) node.classList.add("seedream-primary");
      this.name(node, word, says);
      node.addEventListener("click", (event) => { if (event.isTrusted) does(); });
      return node;
    }

    /** @param {HTMLElement} node @param {string} word @param {string} says @param {string} [bill] */
    name(node, word, says, bill) {
      const colon = /[\u3400-\u9fff]$/.test(word) ? "\uff1a" : ": ";
      node.title = bill ? `${says}${colon}${bill}` : says;
      node.ariaLabel = bill ? `${word}${colon}${bill}` : word;
    }

    /** What a button does. @param {string} name */
    does(name) {
      const menu = /** @type {HTMLElement | undefined} */ (this.menu);
      if (menu?.matches(":popover-open")) menu.hidePopover();
      if (name === "vary" || name === "reword") return this.type(name);
      if (name === "export") return this.choose();
      if (name === "pin") return this.notebook.pin(this.places[this.index]);
      const { mark } = this.figures[this.index].dataset;
      return this.act(mark === name ? "unmark" : name);
    }

    /** Sends an action on the frame that shows, and puts the cell that the kernel answers with into the notebook. Till
     *  then the buttons do nothing: a second click would be a second picture, and paid.
     *  @param {string} action @param {object} [more] */
    async act(action, more) {
      const { ask, kernel } = this.notebook;
      if (this.pending || !ask) return;
      this.pending = true;
      this.root.toggleAttribute("aria-busy", true);
      this.status.textContent = kernel.status === "busy" ? this.words.waits : "";
      const place = this.places[this.index];
      const answer = await ask({ action, ...place, ...more });
      this.pending = false;
      this.root.toggleAttribute("aria-busy", false);
      this.status.textContent = answer ? answer.refused ?? "" : this.words.gone;
      if (typeof answer?.mark === "string") this.notebook.tellMark(place.made, answer.mark);
      if (answer?.bundle) this.notebook.show(this.root, answer.bundle);
      if (typeof answer?.cell === "string") await this.notebook.insert(this.root, place.run, answer);
    }

    /** Opens the field for words, or closes it. @param {string} name vary or reword */
    type(name) {
      const before = this.below.querySelector("[data-for]");
      before?.remove();
      if (before?.getAttribute("data-for") === name) return;
      const { run, frame } = this.places[this.index];
      const facts = this.facts.get(run);
      const label = name === "vary" ? this.words.after : this.words.anew;
      const field = make("textarea", { class: "seedream-field", rows: "2", "aria-label": label, placeholder: label });
      if (name === "reword") field.value = facts?.words[frame] ?? "";
      const draw = () => {
        if (!field.value.trim()) return field.focus();
        form.remove();
        this.act(name === "vary" ? "vary" : "redo", { words: field.value });
      };
      const [yes, no] = [this.button("draw", draw), this.button("cancel", () => { form.remove(); this.focus(name); })];
      yes.classList.add("seedream-primary");
      const bill = make("span", { class: "seedream-bill" }, facts?.bills[name === "vary" ? "vary" : "redo"] ?? "");
      const form = make("div", { class: "seedream-form", "data-for": name }, field, yes, no, bill);
      field.addEventListener("keydown", (event) => {
        event.stopPropagation(); // the notebook has keys of its own
        if (event.key === "Escape") { form.remove(); this.focus(name); }
        if (event.key !== "Enter" || event.shiftKey || event.isComposing || !event.isTrusted) return;
        event.preventDefault();
        draw();
      });
      this.below.prepend(form);
      field.focus();
      field.select();
    }

    /** Opens the choice of files to export to, or closes it. */
    choose() {
      const before = this.below.querySelector("[data-for]");
      before?.remove();
      if (before?.getAttribute("data-for") === "export") return;
      const kinds = KINDS.map((kind) => this.button(kind, () => { form.remove(); this.act("export", { words: kind }); }));
      const close = () => { form.remove(); this.focus("export"); };
      const form = make("div", { class: "seedream-form", "data-for": "export", role: "group", "aria-label": this.words.export[1] },
        this.words.export[0], ...kinds, this.button("cancel", close));
      form.addEventListener("keydown", (event) => { if (event.key === "Escape") close(); });
      this.below.prepend(form);
      kinds[0].focus();
    }

    /** @param {string} name */
    focus(name) {
      const button = this.buttons.get(name);
      (button?.offsetParent ? button : /** @type {HTMLElement | null} */ (this.root.querySelector("[data-key=more]")))?.focus();
    }

    /** The keys of marks and takes, where the focus is in the set. @param {KeyboardEvent} event */
    press(event) {
      const target = /** @type {HTMLElement} */ (event.target);
      const name = { s: "star", x: "reject" }[event.key.toLowerCase()];
      const by = { "[": -1, "]": 1 }[event.key];
      if (!(name || by) || !event.isTrusted || event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
      if (!this.root.contains(target) || target.matches("input, textarea")) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      if (name && this.buttons.get(name)?.hidden === false) this.does(name);
      const { number, total } = this.take;
      if (by && number + by >= 1 && number + by <= total) this.act("pick", { take: number + by });
    }

    /** Which take of how many shows, also where another has been picked since; a set that was put together shows those
     *  of its own runs. */
    get take() {
      const { run, frame, made } = this.places[this.index];
      const takes = this.facts.get(run)?.takes[frame] ?? [];
      const isWhole = this.facts.size === 1 && this.root.getAttribute("data-run") === run;
      return isWhole ? { number: takes.findIndex(([one]) => one === made) + 1, total: takes.length } : { number: 1, total: 1 };
    }

    /** The takes of the frame, where there are several. */
    tellTakes() {
      const { number, total } = this.take;
      this.takes.replaceChildren(...(total < 2 ? [] : Array.from({ length: total }, (_, at) => {
        const chip = make("button", { type: "button", class: "seedream-chip", "aria-pressed": `${at + 1 === number}` }, this.words.take(at + 1));
        chip.addEventListener("click", (event) => { if (event.isTrusted && at + 1 !== number) this.act("pick", { take: at + 1 }); });
        return chip;
      })));
    }

    /** Which buttons there are for the frame that shows, and what they bill. */
    tellFrame() {
      const { run, frame } = this.places[this.index];
      const facts = this.facts.get(run);
      const { state, mark } = this.figures[this.index].dataset;
      const isPicture = state === "picture";
      const primary = !isPicture && facts?.actions.includes("retry") ? "retry" : "redo";
      this.bill.textContent = (facts?.actions.includes(primary) && facts.bills[primary]) || "";
      for (const [name, button] of this.buttons) {
        const action = { reword: "redo", pin: "compare" }[name] ?? name;
        const fits = name === "retry" ? !isPicture : name === "export" ? this.facts.has(this.root.getAttribute("data-run") ?? "")
          : name === "reword" || name === "redo" || isPicture;
        button.hidden = !fits || !facts?.actions.includes(action) || (name === "redo" && primary === "retry");
        const [word, says] = /** @type {any} */ (this.words)[name];
        this.name(button, word, says, facts?.bills[action]);
        if (name === "star" || name === "reject") button.ariaPressed = `${mark === name}`;
        if (name === "pin") button.ariaPressed = `${this.notebook.pins.some((pin) => pin.run === run && pin.frame === frame)}`;
      }
      this.tellTakes();
    }

    tellMarks() {
      for (const { takes } of this.facts.values()) for (const [made, mark] of takes.flat()) this.tellMark(made, mark);
    }

    /** @param {string} made @param {string} mark star, reject or "" */
    tellMark(made, mark) {
      const thumbs = this.root.querySelectorAll(".seedream-thumb");
      this.places.forEach((place, at) => {
        if (place.made !== made) return;
        for (const node of [this.figures[at], thumbs[at]]) node?.setAttribute("data-mark", mark);
      });
      this.tellFrame();
    }

    /** How many pictures are pinned, and what can be done with them. */
    tellPins() {
      const { pins } = this.notebook;
      this.below.querySelector(".seedream-pins")?.remove();
      if (pins.length) {
        const compare = this.button("compare", () => this.act("compare", { ...pins[0], others: pins.slice(1) }));
        compare.disabled = pins.length < 2;
        const unpin = this.button("unpin", () => { this.notebook.pins = []; this.notebook.offered.forEach((one) => one?.tellPins()); });
        this.below.prepend(make("div", { class: "seedream-pins" }, this.words.pinned(pins.length), compare, unpin));
      }
      const thumbs = this.root.querySelectorAll(".seedream-thumb");
      this.places.forEach((place, at) => thumbs[at]?.toggleAttribute("data-pinned",
        pins.some(({ run, frame }) => run === place.run && frame === place.frame)));
      this.tellFrame();
    }
  }

  // Cells of %%seedream read as prose: their words are not Python's, so nothing in them is coloured as Python; lines wrap,
  // the browser checks the spelling. Options, {variables} and the lines that part a storyboard are told apart.

  const CELL = /^\s*%%seedream(?=\s|$)/;
  const COMMAND = /^\s*%seedream(?=\s|$)/m;
  const FIRST_LINE = /^%%seedream|\S+(?=\s*<<)|<<|(?<=\s)--?[a-z][\w-]*/gi;
  const VARIABLE = /\{[\p{L}_][\p{L}\p{N}_]*(?:\.[\p{L}_][\p{L}\p{N}_]*|\[[^[\]{}\n]*\])*(?::[^{}\n]*)?\}/gu;
  const RULE = /^(?:---|[—－–―─]{2,})\s*$/;

  /** @param {any} state CodeMirror's */
  const isProse = (state) => CELL.test(state.sliceDoc(0, 400));

  /** Where a cell's text is marked, and as what. @param {string} text @returns {{ from: number, to: number, kind: string }[]} */
  const marksIn = (text) => {
    const marks = [];
    let from = 0;
    let isFirst = true;
    for (const line of text.split("\n")) {
      if (isFirst && line.trim()) {
        isFirst = false;
        marks.push({ from, to: from, kind: "first" });
        const start = line.length - line.trimStart().length;
        for (const { 0: word, index } of line.slice(start).matchAll(FIRST_LINE)) {
          const kind = word.startsWith("%%") ? "magic" : word.startsWith("-") ? "option" : "name";
          marks.push({ from: from + start + index, to: from + start + index + word.length, kind });
        }
      } else if (RULE.test(line)) {
        marks.push({ from, to: from, kind: "rule" });
      } else {
        for (const { 0: word, index } of line.matchAll(VARIABLE)) {
          const isDoubled = line[index - 1] === "{" && line[index + word.length] === "}"; // {{name}} stays as it is
          if (!isDoubled) marks.push({ from: from + index, to: from + index + word.length, kind: "variable" });
        }
      }
      from += line.length + 1;
    }
    return marks;
  };

  /** The extension of all editors, of CodeMirror's packages. The style sheet takes the colours of Python away: what
   *  language a cell has is the notebook's to say, and comes whenever it likes.
   *  @param {any} view @param {any} state @param {any} language */
  const prose = ({ Decoration, EditorView, ViewPlugin }, { Prec }, { indentService }) => {
    /** @param {any} editor */
    const decorate = (editor) => Decoration.set(isProse(editor.state) ? marksIn(editor.state.doc.toString()).map(
      ({ from, to, kind }) => (from === to ? Decoration.line : Decoration.mark)({ class: `seedream-${kind}` }).range(from, to)) : [], true);
    class Prose {
      /** @param {any} editor */
      constructor(editor) { this.decorations = decorate(editor); }

      /** @param {any} change */
      update(change) { if (change.docChanged) this.decorations = decorate(change.view); }
    }
    const looks = { class: "seedream-prose cm-lineWrapping", spellcheck: "true" };
    // By it the style sheet knows what a command says, to break it between words.
    const plain = { class: "seedream-commands" };
    return [
      ViewPlugin.fromClass(Prose, { decorations: (/** @type {any} */ plugin) => plugin.decorations }),
      EditorView.contentAttributes.of((/** @type {any} */ { state }) =>
        (isProse(state) ? looks : COMMAND.test(state.sliceDoc(0, 400)) ? plain : null)),
      Prec.highest(indentService.of((/** @type {any} */ context) => (isProse(context.state) ? 0 : undefined))),
    ];
  };

  // The container of module federation. JupyterLab gives it the packages that are shared, and asks it for the plugin.
  /** @type {any} */
  let shared;

  /** A package as JupyterLab itself uses it: of several versions the one that is loaded, else the newest.
   *  @param {string} name */
  const bring = async (name) => {
    const versions = Object.entries(shared[name]).sort(([one, { loaded }], [other, { loaded: otherLoaded }]) =>
      Number(Boolean(otherLoaded)) - Number(Boolean(loaded)) || other.localeCompare(one, undefined, { numeric: true }));
    return (await versions[0][1].get())();
  };

  const load = async () => {
    const [{ INotebookTracker, NotebookActions }, { EditorExtensionRegistry, IEditorExtensionRegistry }, ...codemirror] =
      await Promise.all(["@jupyterlab/notebook", "@jupyterlab/codemirror", "@codemirror/view", "@codemirror/state",
        "@codemirror/language"].map(bring));
    const pictures = {
      id: `${NAME}:pictures`,
      description: "Draws anew, varies and marks pictures of %%seedream at a click.",
      autoStart: true,
      requires: [INotebookTracker],
      activate: (/** @type {any} */ _, /** @type {any} */ notebooks) => {
        const watch = (/** @type {any} */ panel) => new Notebook(panel, NotebookActions);
        notebooks.forEach(watch);
        notebooks.widgetAdded.connect((/** @type {any} */ __, /** @type {any} */ panel) => watch(panel));
      },
    };
    const cells = {
      id: `${NAME}:cells`,
      description: "Shows cells of %%seedream as prose.",
      autoStart: true,
      requires: [IEditorExtensionRegistry],
      activate: (/** @type {any} */ _, /** @type {any} */ editors) => editors.addExtension({
        name: NAME,
        factory: () => EditorExtensionRegistry.createImmutableExtension(prose(codemirror[0], codemirror[1], codemirror[2])),
      }),
    };
    document.head.append(make("link", { rel: "stylesheet", href: address.replace("seedream.js", "seedream.css") }));
    return [pictures, cells];
  };

  (Object(window)._JUPYTERLAB ??= {})[NAME] = {
    init: (/** @type {any} */ scope) => { shared = scope; },
    get: async () => {
      const plugins = await load();
      return () => ({ __esModule: true, default: plugins });
    },
  };
})();
