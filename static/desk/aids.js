// What stands beside the text: finding a label by its name, stepping back what is less sure, notes, splitting a word,
// and what is folded out.
export class Aids {
  constructor(desk) {
    this.desk = desk;
    desk.addEventListener("toggle", ({ target }) => this.remember(target), { capture: true });
    desk.addEventListener("input", ({ target }) => {
      if (target.matches("[data-find-label]")) this.findLabel(target);
      if (target.matches("[data-sure]")) this.showSure();
      if (target.id === "note-text" && !this.draft) this.unsent(false);
    });
    desk.addEventListener("htmx:afterRequest", ({ detail }) => {
      if (detail.requestConfig.elt.closest("form")?.querySelector(".draft")) this.unsent(!detail.successful);
    });
    desk.addEventListener("click", (event) => this.click(event));
  }

  find(selector) { return this.desk.querySelector(selector); }

  click(event) {
    const quoted = event.target.closest("#notes a.quoted[data-s]");
    const aid = event.target.closest("[data-aid]");
    if (quoted) {
      event.preventDefault();
      this.desk.cursor.to(Number(quoted.dataset.s));
      this.desk.text.focus({ preventScroll: true });
      this.desk.show();
    }
    if (aid) this[aid.dataset.aid]();
  }

  // ---- labels by name, where there are more than keys
  findLabel(field) {
    const wanted = field.value.trim().toLowerCase();
    for (const chip of this.desk.chips) chip.hidden = !chip.dataset.label.toLowerCase().includes(wanted);
  }

  keyInFindLabel(event) {
    const first = this.desk.chips.find((chip) => !chip.hidden);
    if (event.key === "Enter" && first) this.desk.choose(first.dataset.label);
    else if (event.key !== "Escape") return;
    event.preventDefault();
    event.target.value = "";
    this.findLabel(event.target);
    this.desk.text.focus({ preventScroll: true });
  }

  // ---- suggestions from a probability on: what is less sure steps back, the rest can be accepted together
  get sure() { return Number(this.find("[data-sure]")?.value ?? 0); }

  showSure() {
    const shown = this.find("[data-sure-shown]");
    if (!shown) return;
    const marks = [...this.desk.text.querySelectorAll("mark.suggestion[data-p]")];
    for (const mark of marks) mark.classList.toggle("below", Number(mark.dataset.p) < this.sure);
    const count = marks.filter((mark) => !mark.matches(".below, .pending, .more")).length;
    shown.textContent = `${this.sure} %`;
    this.find("[data-sure-count]").textContent = count;
    this.find('[data-verb="accept_all"]').disabled = !count;
    this.find(".sure").hidden = !marks.length;
  }

  // ---- notes
  get draft() { return this.find("#note-text")?.value.trim() ?? ""; }

  note() {
    const form = this.find("#notes .draft")?.closest("form");
    const [range, mark] = [this.desk.cursor.range, this.desk.cursor.mark];
    if (!form) return;
    this.find("#notes").open = true;
    const words = this.desk.cursor.anchor === null && mark ? [Number(mark.dataset.s), Number(mark.dataset.e)] : range;
    if (words) {
      [form.elements.start.value, form.elements.end.value] = words;
      form.elements.words.value = this.desk.form.elements.shows.value; // the draft is older than the last split
      form.querySelector("[data-note-words]").textContent = this.desk.cursor.words(...words);
      for (const part of form.querySelectorAll("[data-note-about]")) part.hidden = false;
    }
    form.elements.text.focus();
  }

  // A note is not sent again by itself, as edits are: the page says so until it is added or emptied.
  unsent(isSo) { this.find("[data-unsent]").hidden = !isSo; }

  flag() { this.find('#notes [formaction$="/flag"], #notes form[action$="/unflag"] button')?.click(); }

  // ---- where a word can be split: the server knows, it counts characters
  split() {
    const range = this.desk.cursor.range;
    const place = this.find("#split");
    if (!place || !range || range[1] - range[0] !== 1) return;
    htmx.ajax("GET", place.dataset.address.replace(/0$/, range[0]), { target: place, swap: "innerHTML" });
  }

  // ---- what was folded out or in stays so in the next article
  fold(id) {
    const part = this.find(`details#${id}`);
    part.open = !part.open;
    if (part.open) part.scrollIntoView({ block: "nearest" });
  }

  remember(part) {
    if (part.id) sessionStorage.setItem(`tagdesk-open-${part.id}`, part.open ? "yes" : "no");
  }

  recall() {
    for (const part of this.desk.querySelectorAll("details#keys, details#guidelines")) {
      const kept = sessionStorage.getItem(`tagdesk-open-${part.id}`);
      if (kept) part.open = kept === "yes";
    }
  }
}
