// The clock of a set that grows; only the outputs of such sets have it. A kernel that has ended says nothing any more, and
// what it showed last may be opened days later. So the set says when the run's time is up, how far it came, what to do.

/** @param {HTMLElement} root the element of the set
 *  @param {any} place what the page keeps of the run, through its updates: the kernel's `moment` of the newest one, `at`
 *    which time of the page it came, and whether it came `live`, while the page looked on
 *  @param {any} words @param {() => boolean} isNewest whether no other output has taken this one's place */
function seedreamClock(root, place, words, isNewest) {
  const [began, moment, limit] = ["seconds", "moment", "limit"].map((name) => Number(root.dataset[name]));
  const now = () => Date.now() / 1000;
  if (place.moment !== moment) {
    // The clocks of kernel and page may differ, so what came live is counted from when it came: a second update, the
    // output of a cell that runs, whatever is news by both clocks. What was opened with a notebook is as old as it says.
    const prompt = root.closest(".jp-Cell")?.querySelector(".jp-InputPrompt")?.textContent;
    const live = place.moment || prompt?.includes("*") || now() - moment < 300;
    // What was out of sight when it came may run late (JupyterLab's windowed notebooks): the quickest tells the clocks.
    const late = Math.min(now() - moment, place.late ?? Infinity);
    Object.assign(place, { moment, live, late, at: live ? moment + late : moment });
  }
  let before = now();

  const tick = () => {
    if (!isNewest()) return clearInterval(timer);
    const passed = now() - before;
    if (place.live && passed > 120) place.at += passed; // the page slept, and has not heard what came meanwhile
    before += passed;
    const age = before - place.at;
    const isOver = age > limit + (place.live ? 60 : 300);
    root.dataset.news = isOver ? "none" : place.live ? "live" : "old";
    const text = place.live && !isOver ? ` · ${Math.round(began + age)} ${words.seconds}` : "";
    for (const clock of root.querySelectorAll(".seedream-elapsed")) clock.textContent = text;
    if (isOver) interrupt();
  };

  // An update has light previews of what came before it, and no last output comes to a kernel that was killed: opened
  // again, the frame in sight shows its original, where that can be reached. JupyterLab writes the link anew meanwhile.
  const sharpen = () => {
    const figure = root.querySelector(".seedream-current");
    const [image, link] = [figure?.querySelector("img"), figure?.querySelector("a")?.getAttribute("href")];
    if (place.live || !isNewest() || !image || !link || image.naturalWidth >= image.clientWidth * devicePixelRatio) return;
    const original = new Image();
    original.onload = () => { image.src = original.src; };
    original.src = link;
  };
  setTimeout(sharpen, 500);
  addEventListener("seedream-frame", () => setTimeout(sharpen)); // it tells before the frame is there

  const interrupt = () => {
    clearInterval(timer);
    const [state, remark] = [".seedream-state", ".seedream-remark"].map((one) => root.querySelector(one));
    if (state) state.textContent = words.interrupted;
    if (remark) remark.textContent = words.last_sign;
    for (const waiting of /** @type {NodeListOf<HTMLElement>} */ (root.querySelectorAll("[data-state=waiting]"))) {
      waiting.dataset.state = "missing";
      const box = waiting.querySelector("strong") ?? waiting; // of a figure; else it is a thumbnail
      box.textContent = box === waiting ? "!" : words.not_arrived;
      if (box === waiting) box.ariaLabel = `${box.ariaLabel}`.replace(words.states[0], words.states[1]);
    }
  };

  const timer = setInterval(tick, 1000);
  tick();
}
