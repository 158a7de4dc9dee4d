// The keyboard: which key means which verb of the desk. Everything here has a button or a hand of the mouse, too.
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
