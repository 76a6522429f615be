// The keys of the flag queue. What a key does stands in the page: it clicks the element whose data-key it is. Everything there
// works without this file, too.
"use strict";

const QUIET = 250; // milliseconds behind a new page in which Enter sends nothing: it was meant for the one before
const opened = performance.now();
const decision = document.querySelector("form.decision");
const send = document.querySelector("[data-send]");
const help = document.querySelector("details.keys");

function isField(element) {
  return element.matches("textarea, select, input:not([type=radio], [type=checkbox])");
}

function takesEnter(element) {
  return isField(element) || element.matches("a, button, summary");
}

function elementOf(key) {
  return [...document.querySelectorAll("[data-key]")].find((one) => one.dataset.key === key || one.dataset.also === key);
}

function pressed(event) {
  if (event.repeat || event.altKey || event.metaKey || event.isComposing) return;
  if (event.key === "Enter") return enter(event);
  if (event.ctrlKey) return;
  if (event.key === "Escape") {
    if (help) help.open = false;
    document.activeElement.blur();
  } else if (!isField(event.target)) {
    if (event.key.startsWith("Arrow") && event.target.matches("input")) return; // they choose among the decisions
    const element = elementOf(event.key);
    if (!element || element.closest(".panel")?.checkVisibility() === false) return; // what is of another decision
    event.preventDefault(); // the letter is not written into the field that it leads to
    if (isField(element)) element.focus();
    else element.click();
    if (element.name === "decision") goTo(element);
  }
}

function enter(event) {
  if (!send || (takesEnter(event.target) && !event.ctrlKey)) return;
  event.preventDefault();
  if (performance.now() - opened > QUIET) decision.requestSubmit(send);
}

function showInList(list, current) {
  if (!current) return;
  const [outer, inner] = [list, current].map((one) => one.getBoundingClientRect());
  if (inner.bottom > outer.bottom) list.scrollTop += inner.top - outer.top - outer.height / 3;
}

function goTo(choice) {
  (choice.closest(".choice").querySelector(".panel :is(input, select, textarea)") ?? choice).focus();
}

document.addEventListener("keydown", pressed);
showInList(document.querySelector("nav.line"), document.querySelector("nav.line [aria-current]"));
document.querySelector(".decision .errors :is(input, select, textarea)")?.focus();
if (decision) {
  let sent = false;
  decision.addEventListener("submit", (event) => {
    if (sent) event.preventDefault(); // once, however often the key is hit
    sent = true;
  });
  window.addEventListener("pageshow", () => { sent = false; });
}
