// Edits on their way to the server: one at a time, in order, each repeated under its own id until it is answered.
const SEEN = ["csrfmiddlewaretoken", "base", "source", "words"]; // what the page shows, not what the person does

export class Queue {
  // `desk` has the form, shows a status, and hears of answers.
  constructor(desk) {
    this.desk = desk;
    this.edits = [];
    this.pause = 0;
  }

  get length() { return this.edits.length; }

  add(edit) {
    const id = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0"));
    this.edits.push({ ...edit, client_id: id.join("") });
    if (this.edits.length === 1) this.submit();
  }

  submit() {
    const edit = this.edits[0];
    if (!edit) return;
    if (!this.pause) this.desk.status("saving");
    const form = this.desk.form;
    // Signing in again changes the token that the page was made with.
    const token = document.cookie.match(/(?:^|; )tagdesk_csrf=([^;]+)/);
    if (token) form.elements.csrfmiddlewaretoken.value = token[1];
    for (const field of form.elements) if (!SEEN.includes(field.name)) field.value = edit[field.name] ?? "";
    form.requestSubmit();
  }

  // Only an answer takes an edit off the queue. Without one it is sent again; signed out, it waits for the sign-in.
  answered(status, warned) {
    if (status === 0 || status >= 500 || status === 401 || status === 403) {
      this.desk.status(status === 401 || status === 403 ? "refused" : "unsaved");
      this.pause = Math.min((this.pause || 1000) * 2, 15000);
      setTimeout(() => this.submit(), this.pause);
      return false;
    }
    this.pause = 0;
    const applied = status < 400 && !warned;
    // What was done after a refused edit was done on a page that is not so: nothing of it is sent unseen.
    this.edits = applied ? this.edits.slice(1) : [];
    this.desk.status(applied ? "saved" : status < 400 || status === 409 ? "unapplied" : "gone");
    return true;
  }
}
