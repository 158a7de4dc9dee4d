// The mouse and the finger. Dragging over words selects whole tokens, and shows them as it goes; a click takes a span
// in hand, and dragging a span in hand moves its nearer edge. A finger scrolls: it taps a word, or selects as phones do.
export class Mouse {
  // `desk` is told: selected([start, end], byTouch), picked(token index or null), moved(mark, [start, end]).
  constructor(desk, cursor) {
    this.desk = desk;
    this.cursor = cursor;
    this.drag = null;
    this.touch = false;
    const text = cursor.text;
    text.addEventListener("pointerdown", (event) => (this.touch = event.pointerType === "touch"));
    text.addEventListener("mousedown", (event) => this.press(event));
    text.addEventListener("pointermove", (event) => this.drag && this.move(event));
    text.addEventListener("pointerup", (event) => this.release(event));
    text.addEventListener("pointercancel", () => (this.drag = null));
    text.addEventListener("copy", (event) => this.copy(event));
    this.onSelection = () => this.touch && this.selectedByFinger();
    document.addEventListener("selectionchange", this.onSelection);
  }

  forget() { document.removeEventListener("selectionchange", this.onSelection); }

  press(event) {
    if (event.button !== 0 || this.touch) return;
    event.preventDefault(); // the browser would select by its own idea of a word
    getSelection().removeAllRanges();
    this.cursor.text.focus({ preventScroll: true });
    const from = this.tokenAt(event);
    this.drag = { from: from ?? this.nearest(event, null), range: null, twice: event.detail === 2, many: event.detail > 2 };
    const mark = this.desk.editable && event.target.closest("mark.held");
    if (mark) this.drag.edge = this.edgeOf(mark, from, event);
  }

  edgeOf(mark, at, event) {
    const [start, end] = [Number(mark.dataset.s), Number(mark.dataset.e)];
    if (end - start > 1) return { mark, start, end, isStart: at - start < end - 1 - at };
    const box = this.cursor.tokens[start].getBoundingClientRect();
    const isLeft = event.clientX < (box.left + box.right) / 2;
    return { mark, start, end, isStart: getComputedStyle(this.cursor.text).direction === "rtl" ? !isLeft : isLeft };
  }

  move(event) {
    if (!(event.buttons & 1)) return (this.drag = null);
    const { from, edge } = this.drag;
    if (!this.drag.captured) this.cursor.text.setPointerCapture(event.pointerId);
    this.drag.captured = true;
    const at = this.tokenAt(event) ?? this.nearest(event, edge ? edge.start : from);
    if (at === null || from === null || (at === from && !this.drag.range)) return;
    this.drag.range = [Math.min(at, from), Math.max(at, from) + 1];
    if (edge) this.drag.range = edge.isStart ? [Math.min(at, edge.end - 1), edge.end] : [edge.start, Math.max(at, edge.start) + 1];
    this.cursor.byKey = false;
    [this.cursor.anchor, this.cursor.at] = [this.drag.range[0], this.drag.range[1] - 1];
    this.cursor.show();
  }

  release(event) {
    if (event.button !== 0 || this.desk.busy) return;
    const drag = this.drag;
    this.drag = null;
    if (this.touch) return this.tap(event);
    if (!drag || drag.many) return;
    const { range, edge } = drag;
    if (range && edge) return this.desk.moved(edge.mark, range);
    if (range) return this.desk.selected(range);
    const at = this.tokenAt(event);
    if (drag.twice && at !== null) this.desk.selected([at, at + 1]);
    else this.desk.picked(at);
  }

  tap(event) {
    if (!getSelection().isCollapsed) return;
    const at = this.tokenAt(event);
    if (at === null || this.cursor.tokens[at].closest("mark")) this.desk.picked(at);
    else this.desk.selected([at, at + 1], true);
  }

  selectedByFinger() {
    const selection = getSelection();
    if (selection.isCollapsed || !this.cursor.text.contains(selection.anchorNode)) return;
    const range = selection.getRangeAt(0);
    const start = this.tokensBefore(range.startContainer, range.startOffset);
    const end = this.tokensBefore(range.endContainer, range.endOffset);
    const isCut = (place) => place < this.cursor.tokens.length && range.intersectsNode(this.cursor.tokens[place]);
    this.desk.selected([start, Math.max(start, isCut(end) ? end : end - 1) + 1], true);
  }

  copy(event) {
    if (this.cursor.anchor === null || !getSelection().isCollapsed) return;
    event.clipboardData.setData("text/plain", this.cursor.words(...this.cursor.range));
    event.preventDefault();
  }

  // ---- from the screen to tokens
  tokenAt(event) {
    const under = document.elementFromPoint(event.clientX, event.clientY);
    const token = under?.closest("#text i");
    return token ? this.cursor.tokens.indexOf(token) : null;
  }

  // Between words, or beside a line: the last token passed on the way from `from`.
  nearest(event, from) {
    const caret = document.caretPositionFromPoint?.(event.clientX, event.clientY);
    const range = caret ? null : document.caretRangeFromPoint?.(event.clientX, event.clientY);
    const [node, offset] = caret ? [caret.offsetNode, caret.offset] : [range?.startContainer, range?.startOffset];
    if (!node || !this.cursor.text.contains(node)) return null;
    const passed = this.tokensBefore(node, offset);
    const at = from !== null && from < passed ? passed - 1 : passed;
    return Math.max(0, Math.min(at, this.cursor.tokens.length - 1));
  }

  // How many tokens end at or before this place of the page.
  tokensBefore(node, offset) {
    const place = document.createRange();
    place.setStart(node, offset);
    let low = 0, high = this.cursor.tokens.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const word = this.cursor.tokens[middle].firstChild;
      if (place.comparePoint(word, word.length) <= 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
