// What a click on a picture of %%seedream does in JupyterLab (4.2 and later) and Notebook 7: a cell below, that runs.
//
// Nothing is believed of a page. A set has buttons only where its output is one that this person has run or trusted,
// and the kernel beside it, with the extension loaded, knows its run. The buttons are made here, answer to a hand alone
// (an event that a script fires is none), and send an action to the kernel: what, run, frame, words. The kernel answers
// with a cell of its own making. `seedream_magic/notebook/actions.py` is the other end.
//
// JupyterLab brings its packages by module federation; this file is such a container as it is, built by nothing.
(() => {
  const NAME = "seedream-magic";
  const script = /** @type {HTMLScriptElement | null} */ (document.currentScript);

  /** @typedef {{ actions: string[], bills: Record<string, string>, refused?: string }} Facts */

  /** @template {keyof HTMLElementTagNameMap} Tag @param {Tag} tag @param {Record<string, string>} values
   *  @param {(Node | string)[]} children @returns {HTMLElementTagNameMap[Tag]} */
  const make = (tag, values, ...children) => {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(values)) node.setAttribute(name, value);
    node.append(...children);
    return node;
  };

  const WORDS = {
    en: {
      redo: ["Redo", "Draw this frame anew"], vary: ["Vary", "Draw a new picture after this one"],
      retry: ["Retry", "Draw what is missing"], reference: ["Use as reference", "Write a cell that has this picture as its reference"],
      words: "Words of the new picture", draw: "Draw", waits: "The kernel is busy: the cell comes when it is free.",
      gone: "The kernel does not answer.",
    },
    zh: {
      redo: ["重画", "重画这一帧"], vary: ["变体", "以此图为参考画一张新图"],
      retry: ["重试", "只画缺少的"], reference: ["用作参考图", "新建以此图为参考的单元格"],
      words: "新图的提示词", draw: "生成", waits: "内核正忙，空闲后插入单元格。", gone: "内核没有回应。",
    },
  };

  /** One kernel's end of the comm: asks it, and gives its answers.
   *  @param {any} kernel a connection of JupyterLab's to a kernel @param {() => void} closed the kernel does not answer */
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
      closed();
    };
    comm.open({});
    /** @param {object} action @returns {Promise<any>} null where the kernel has ended */
    return (action) => new Promise((resolve) => {
      open.set((last += 1), resolve);
      comm.send({ ...action, id: last });
    });
  };

  /** A notebook that is open: its sets get buttons as soon as its kernel knows them.
   *  @param {any} panel JupyterLab's NotebookPanel @param {any} NotebookActions */
  const watch = (panel, NotebookActions) => {
    const { content, sessionContext } = panel;
    /** @type {ReturnType<typeof connect> | null} */
    let ask = null;
    /** @type {any} the kernel that is asked, or that has said that it does not answer */
    let kernel = null;
    /** @type {Set<Element>} */
    const known = new Set();
    const sets = content.node.getElementsByClassName("seedream-live");

    /** The code cell in whose trusted output an element stands. @param {Element} node */
    const cellOf = (node) => node.closest(".jp-OutputArea-output") && content.widgets.find((/** @type {any} */ cell) =>
      cell.model.type === "code" && cell.model.trusted && cell.outputArea.node.contains(node));

    /** Puts the cell that the kernel has made below the one whose picture was acted on, and below those that go on from
     *  the same run already: so the notebook, run from top to bottom, draws in the order in which it was made.
     *  @param {Element} root @param {string} run @param {{ cell: string, runs: boolean }} made */
    const insert = async (root, run, made) => {
      const cell = cellOf(root);
      if (!cell || panel.context.model.readOnly) return;
      let at = content.widgets.indexOf(cell) + 1;
      while (content.widgets[at]?.model.sharedModel.getSource().includes(run)) at += 1;
      content.model.sharedModel.insertCell(at, { cell_type: "code", source: made.cell, metadata: {} });
      content.deselectAll();
      content.activeCellIndex = at;
      if (made.runs) return NotebookActions.run(content, sessionContext);
      content.mode = "edit";
      await content.activeCell.ready;
      content.activeCell.editor?.setCursorPosition({ line: made.cell.split("\n").length - 1, column: 0 });
    };

    /** @param {Element} root a carousel @param {string} run @param {Facts} facts */
    const equip = (root, run, facts) => {
      const words = WORDS[root.getAttribute("lang") === "zh" ? "zh" : "en"];
      const figures = [...root.querySelectorAll("figure")];
      const frame = () => figures.findIndex((figure) => figure.classList.contains("seedream-current"));
      const status = make("span", { role: "status", class: "seedream-said" });
      let pending = false;

      /** @param {string} action @param {string} [typed] */
      const act = async (action, typed = "") => {
        if (pending || !ask) return;
        pending = true;
        bar.ariaBusy = "true";
        status.textContent = sessionContext.session?.kernel?.status === "busy" ? words.waits : "";
        const made = await ask({ action, run, frame: frame(), words: typed });
        pending = false;
        bar.ariaBusy = "false";
        status.textContent = made?.refused ?? (made ? "" : words.gone);
        if (typeof made?.cell === "string") await insert(root, run, made);
      };

      /** @param {string} name @param {() => void} does */
      const button = (name, does) => {
        const [word, says] = words[/** @type {"redo"} */ (name)];
        const bill = facts.bills[name] ? ` · ${facts.bills[name]}` : "";
        const node = make("button", { type: "button", class: "seedream-word", "data-key": name, title: says + bill, "aria-label": `${word}${bill}` }, word);
        node.addEventListener("click", (event) => { if (event.isTrusted) does(); });
        return node;
      };

      const field = make("input", { class: "seedream-new", "aria-label": words.words, placeholder: words.words });
      const form = make("span", { class: "seedream-form", hidden: "" }, field);
      field.addEventListener("keydown", (event) => {
        event.stopPropagation(); // the notebook has keys of its own
        if (event.key === "Escape") form.hidden = true;
        if (event.key !== "Enter" || event.isComposing || !event.isTrusted || !field.value.trim()) return;
        act("vary", field.value);
        form.hidden = true;
      });
      const does = {
        redo: () => act("redo"), retry: () => act("retry"), reference: () => act("reference"),
        vary: () => { form.hidden = !form.hidden; if (!form.hidden) field.focus(); },
      };
      const offered = /** @type {(keyof typeof does)[]} */ (facts.actions.filter((name) => name in does));
      const bar = make("span", { class: "seedream-group seedream-acts" }, ...offered.map((name) => button(name, does[name])));
      root.querySelector(".seedream-tools")?.prepend(bar);
      root.querySelector(".seedream-bar")?.after(form, status);
    };

    /** Gives a set its buttons, if it may have them. @param {Element} root */
    const look = async (root) => {
      if (!ask || known.has(root) || !cellOf(root)) return;
      const run = root.getAttribute("data-run") ?? "";
      known.add(root);
      const [asked, facts] = [ask, await ask({ action: "offer", run })];
      if (asked !== ask || !facts || facts.refused || !root.isConnected) return void known.delete(root);
      equip(root, run, facts);
    };

    const lookAtAll = () => {
      for (const root of sets) look(root);
    };

    /** Opens the comm, where there is a set to act on and a kernel that has not been asked yet. */
    const greet = () => {
      const now = sessionContext.session?.kernel;
      if (!sets.length) return;
      if (!now || now === kernel) return lookAtAll();
      kernel = now;
      known.clear();
      const mine = connect(now, () => { if (ask === mine) ask = null; });
      ask = mine;
      lookAtAll();
    };

    /** Another kernel, or the same one anew: what it knew is gone. */
    const forget = () => {
      ask = kernel = null;
      for (const root of known) for (const node of root.querySelectorAll(".seedream-acts, .seedream-form, .seedream-said")) node.remove();
      known.clear();
    };

    sessionContext.kernelChanged.connect(() => { forget(); greet(); });
    sessionContext.statusChanged.connect((/** @type {any} */ _, /** @type {string} */ status) => {
      if (status === "restarting" || status === "autorestarting") forget();
    });
    const arrivals = new MutationObserver(greet);
    arrivals.observe(content.node, { childList: true, subtree: true });
    const ran = (/** @type {any} */ _, /** @type {any} */ { notebook, cell }) => {
      if (notebook !== content || !/seedream/.test(cell.model.sharedModel.getSource())) return;
      if (!ask) kernel = null; // it may have loaded the extension
      greet();
    };
    NotebookActions.executed.connect(ran);
    panel.disposed.connect(() => { arrivals.disconnect(); NotebookActions.executed.disconnect(ran); });
    panel.context.ready.then(() => sessionContext.ready).then(greet);
  };

  // The container of module federation. JupyterLab gives it the packages that are shared, and asks it for the plugin.
  /** @type {any} */
  let shared;

  /** A package as JupyterLab itself uses it: of several versions the one that is loaded, else the newest.
   *  @param {string} name */
  const bring = async (name) => {
    const newest = Object.entries(shared[name]).sort(([one, a], [other, b]) =>
      Number(Boolean(b.loaded)) - Number(Boolean(a.loaded)) || other.localeCompare(one, undefined, { numeric: true }))[0];
    return (await newest[1].get())();
  };

  const container = {
    /** @param {any} scope */
    init: (scope) => { shared = scope; },
    get: async () => {
      const { INotebookTracker, NotebookActions } = await bring("@jupyterlab/notebook");
      const plugin = {
        id: `${NAME}:plugin`,
        description: "Draws anew, varies and marks pictures of %%seedream at a click.",
        autoStart: true,
        requires: [INotebookTracker],
        activate: (/** @type {any} */ _, /** @type {any} */ tracker) => {
          tracker.forEach((/** @type {any} */ panel) => watch(panel, NotebookActions));
          tracker.widgetAdded.connect((/** @type {any} */ __, /** @type {any} */ panel) => watch(panel, NotebookActions));
        },
      };
      return () => ({ __esModule: true, default: plugin });
    },
  };
  /** @type {any} */ (Object(window)._JUPYTERLAB ??= {})[NAME] = container;
})();
