// Keys, scrolling together, and what an htmx page needs to say when something fails.
"use strict";

const byId = (id) => document.getElementById(id);
let shownAt = performance.now();

function started() {
  shownAt = performance.now();
  const figures = byId("figures");
  if (figures) {
    figures.open = localStorage.getItem("prefline-figures") === "open";
    figures.addEventListener("toggle", () => {
      localStorage.setItem("prefline-figures", figures.open ? "open" : "closed");
    });
  }
  const comment = byId("comment");
  if (comment) {
    const draft = `prefline-comment-${pairId()}`;
    if (!comment.value && localStorage.getItem(draft)) {
      comment.value = localStorage.getItem(draft);
      showComment(true);
    }
    comment.addEventListener("input", () => localStorage.setItem(draft, comment.value));
  }
  scrollTogether();
}

const pairId = () => document.querySelector("#answer [name=pair_id]")?.value ?? "";

function showComment(open) {
  byId("comment-box").hidden = !open;
  document.querySelector("[data-comment]").setAttribute("aria-expanded", String(open));
}

// Long answers scroll together, each by its own share.
function scrollTogether() {
  const texts = [...document.querySelectorAll("#answers .answer .text")];
  let leader = null;
  for (const text of texts) {
    const lead = () => { leader = text; };
    for (const name of ["pointerenter", "focus", "wheel", "touchstart"])
      text.addEventListener(name, lead, { passive: true });
    text.addEventListener("scroll", () => {
      if (leader !== null && leader !== text) return;
      const room = text.scrollHeight - text.clientHeight;
      for (const other of texts)
        if (other !== text && room > 0)
          other.scrollTop = (text.scrollTop / room) * (other.scrollHeight - other.clientHeight);
    }, { passive: true });
  }
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.repeat) return;
  const typing = event.target.closest?.("input, textarea, select");
  if (typing) {
    if (event.key === "Escape") {
      typing.blur();
      byId("answers")?.querySelector(".text")?.focus({ preventScroll: true });
    }
    return;
  }
  const button = document.querySelector(`[data-key="${CSS.escape(event.key.toLowerCase())}"]`);
  if (button && !button.disabled) {
    event.preventDefault();
    button.click();
  }
});

document.addEventListener("click", (event) => {
  if (event.target.closest?.("[data-comment]")) {
    const open = byId("comment-box").hidden;
    showComment(open);
    if (open) byId("comment").focus();
  }
});

document.addEventListener("htmx:configRequest", (event) => {
  const { elt, parameters } = event.detail;
  if (elt.dataset.view) {
    const now = byId("answers").dataset.view;
    parameters.view = now === elt.dataset.view ? "markdown" : elt.dataset.view;
  }
  if (elt.id === "answer") parameters.seconds = ((performance.now() - shownAt) / 1000).toFixed(1);
  const view = byId("answers")?.dataset.view;
  if (view && event.detail.verb === "post") parameters.view = view;
});

document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr, elt } = event.detail;
  if (xhr.status >= 400) {
    event.detail.shouldSwap = false;
    notice(xhr.responseText.slice(0, 2000));
    return;
  }
  notice("");
  if (elt.id === "answer") localStorage.removeItem(`prefline-comment-${pairId()}`);
});
document.addEventListener("htmx:sendError", () => notice(
  "The server does not answer: what you just did was not kept. Start `prefline review` again, then do it again.",
));
document.addEventListener("htmx:afterSwap", (event) => {
  const { id } = event.detail.target;
  if (id === "desk") {
    started();
if (window.innerWidth < 740)
  for (const fold of document.querySelectorAll("[data-fold]")) fold.open = false;
    window.scrollTo(0, 0);
    byId("main").focus({ preventScroll: true });
  }
  if (id === "answers") {
    scrollTogether();
    const { view } = byId("answers").dataset;
    for (const one of document.querySelectorAll("[data-view][aria-pressed]"))
      one.setAttribute("aria-pressed", String(one.dataset.view === view));
  }
});

function notice(text) {
  byId("notice").textContent = text;
}

started();
if (window.innerWidth < 740)
  for (const fold of document.querySelectorAll("[data-fold]")) fold.open = false;
