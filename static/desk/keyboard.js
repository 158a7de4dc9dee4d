// The keyboard: where it is, in token indices, and which key means which verb of the desk. Everything here has a button
// or a hand of the mouse, too.

// The cursor and the selection: what a label's key would tag.
export class Cursor {
  constructor(text) {
    this.text = text;
    this.at = null;
    this.anchor = null;
    this.byKey = false;
    this.refresh();
  }

  refresh() {
    this.tokens = [...this.text.querySelectorAll("i")];
  }

  // Where it was on a page of other words: they are fewer where a split is undone.
  hold(at, anchor) {
    const held = (index) => (index === null ? null : Math.min(index, this.tokens.length - 1));
    [this.at, this.anchor] = [held(at), held(anchor)];
  }

  get mark() { return this.at === null ? null : this.tokens[this.at]?.closest("mark"); }

  // The words under the cursor whose tag was asked for and is not answered yet: [start, end).
  get doing() { return this.tokens[this.at]?.dataset.doing?.split(" ").map(Number); }

  // What is selected, or the word under the cursor: [start, end), or null.
  get range() {
    if (this.at === null) return null;
    const other = this.anchor ?? this.at;
    return [Math.min(this.at, other), Math.max(this.at, other) + 1];
  }

  words(start, end) {
    const range = document.createRange();
    range.setStartBefore(this.tokens[start]);
    range.setEndAfter(this.tokens[end - 1]);
    const copy = range.cloneContents();
    for (const heard of copy.querySelectorAll(".heard")) heard.remove();
    return copy.textContent.replace(/\s+/g, " ").trim();
  }

  clear() {
    this.anchor = null;
    if (!this.byKey) this.at = null;
    getSelection().removeAllRanges();
  }

  // Out of the text: neither a selection nor a place.
  leave() {
    this.byKey = false;
    this.clear();
  }

  to(index, extend = false) {
    if (!this.tokens.length) return;
    const from = this.at;
    this.byKey = true;
    this.at = Math.max(0, Math.min(index, this.tokens.length - 1));
    this.anchor = extend ? (this.anchor ?? from) : null;
    this.tokens[this.at].scrollIntoView({ block: "nearest" });
  }

  // What the right arrow does where one reads: in Arabic or Hebrew it goes back.
  get forwards() {
    return /^[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]/.test(this.tokens[this.at ?? 0]?.textContent ?? "") ? -1 : 1;
  }

  by(tokens, extend) { this.to(this.at === null ? 0 : this.at + tokens, extend); }

  bySentence(direction, extend) {
    if (this.at === null) return this.to(0);
    let index = this.at + direction;
    while (index > 0 && index < this.tokens.length && !this.tokens[index].classList.contains("s")) index += direction;
    this.to(index, extend);
  }

  // Up and down: the token nearest below or above on the screen.
  byLine(direction, extend) {
    if (this.at === null) return this.to(0);
    const here = this.tokens[this.at].getBoundingClientRect();
    let best = null, bestCost = Infinity, bestTop = 0;
    for (let i = this.at + direction; i >= 0 && i < this.tokens.length; i += direction) {
      const box = this.tokens[i].getBoundingClientRect();
      const down = (box.top - here.top) * direction;
      if (down < here.height / 2) continue;
      if (best !== null && (box.top - bestTop) * direction > here.height / 2) break;
      const cost = Math.abs(box.left - here.left);
      if (cost < bestCost) [best, bestCost, bestTop] = [i, cost, box.top];
    }
    if (best !== null) this.to(best, extend);
  }

  // The next (or previous) mark from the cursor on; `here` counts the one under it.
  toMark(direction, selector, here = false) {
    const marks = [...this.text.querySelectorAll(`${selector}:not(.more)`)];
    const at = this.at === null ? (direction > 0 ? -1 : this.tokens.length) : this.at;
    const [start, end] = [(mark) => Number(mark.dataset.s), (mark) => Number(mark.dataset.e)];
    const beyond = (mark) => (direction > 0 ? start(mark) > at || (here && end(mark) > at) : end(mark) <= at);
    const ahead = marks.filter(beyond);
    const chosen = direction > 0 ? ahead[0] ?? marks[0] : ahead.at(-1) ?? marks.at(-1);
    if (chosen) this.to(start(chosen));
    return Boolean(chosen);
  }

  show() {
    for (const old of this.text.querySelectorAll(".at, .sel, .held")) old.classList.remove("at", "sel", "held");
    const range = this.range;
    if (!range) return;
    if (this.byKey) this.tokens[this.at].classList.add("at");
    if (this.anchor !== null) for (let i = range[0]; i < range[1]; i++) this.tokens[i].classList.add("sel");
    else if (this.mark) for (const piece of this.pieces(this.mark)) piece.classList.add("held");
  }

  // A mark that runs on into another block is two elements.
  pieces(mark) { return this.text.querySelectorAll(`mark[data-s="${mark.dataset.s}"][data-e="${mark.dataset.e}"]`); }
}

// Which key means what.
export class Keys {
  // `desk` has the verbs and the cursor, and says if it is editable.
  constructor(desk) {
    this.desk = desk;
  }

  press(event) {
    if (this.desk.busy) return;
    if (event.target.matches?.("[data-find-label]")) return this.desk.aids.keyInFindLabel(event);
    const typing = event.target.closest("input, textarea, select, button, a, summary, [contenteditable]");
    const composed = event.getModifierState("AltGraph"); // [ and ] on many keyboards
    if (typing || (event.altKey && !composed) || event.defaultPrevented) return;
    // A key held down moves the cursor; it never judges, and never finishes what nobody has read.
    if (event.repeat && !event.key.startsWith("Arrow")) return event.preventDefault();
    const meant = this.meaning(event, (event.ctrlKey || event.metaKey) && !composed);
    if (!meant) return;
    event.preventDefault();
    meant();
  }

  // A label's own key goes before what the letter does here.
  meaning(event, control) {
    const { desk } = this;
    const { key, shiftKey: shift } = event;
    const letter = key.length === 1 ? key.toLowerCase() : key;
    const chip = desk.editable && !control && desk.chips.find((candidate) => candidate.dataset.key === letter);
    if (chip) return () => desk.choose(chip.dataset.label);
    const move = verbOf(control ? this.leaps(shift) : this.moves(shift), key);
    if (move) return () => { move(); desk.show(); };
    if (control) return desk.editable && letter === "z" && (() => desk.send(shift ? "redo" : "undo"));
    return verbOf(this.looks(), letter) ?? (desk.editable && verbOf(this.verbs(event), letter));
  }

  moves(shift) {
    const { cursor } = this.desk;
    return {
      ArrowRight: () => cursor.by(cursor.forwards, shift),
      ArrowLeft: () => cursor.by(-cursor.forwards, shift),
      ArrowDown: () => cursor.byLine(1, shift),
      ArrowUp: () => cursor.byLine(-1, shift),
      Home: () => cursor.to(0, shift),
      End: () => cursor.to(cursor.tokens.length - 1, shift),
      "]": () => cursor.toMark(1, "mark:not(.below)"),
      "[": () => cursor.toMark(-1, "mark:not(.below)"),
      Escape: () => cursor.leave(),
    };
  }

  leaps(shift) {
    const { cursor } = this.desk;
    return {
      ArrowRight: () => cursor.bySentence(cursor.forwards, shift),
      ArrowLeft: () => cursor.bySentence(-cursor.forwards, shift),
    };
  }

  // What changes nothing, and is there for whoever may only read.
  looks() {
    const { desk } = this;
    return {
      PageDown: () => desk.querySelector("[data-skip]")?.click(),
      PageUp: () => desk.back(),
      "?": () => desk.aids.fold("keys"),
      h: () => desk.aids.fold("keys"),
      g: () => desk.aids.fold("guidelines"),
      "/": () => desk.querySelector("[data-find-label]")?.focus(),
    };
  }

  verbs(event) {
    const { desk } = this;
    return {
      a: () => desk.judge("accept"),
      x: () => desk.judge("reject"),
      n: () => desk.aids.note(),
      f: () => desk.aids.flag(),
      o: () => desk.passage(desk.kind === "out" ? "take_in" : "leave_out"),
      s: () => desk.aids.split(),
      Backspace: () => desk.remove(),
      Delete: () => desk.remove(),
      "=": () => desk.offerLike(),
      "+": () => desk.querySelector('[data-verb="take_all_offers"]')?.click(),
      Enter: () => desk.finish(event),
    };
  }
}

// Every object inherits functions, by names like "constructor".
function verbOf(verbs, key) {
  return Object.hasOwn(verbs, key) ? verbs[key] : undefined;
}
