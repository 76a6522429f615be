"use strict";

// What htmx is not given by itself: how the new takes the place of the old, when not to ask, and what is said when nothing
// answers. Times go on by themselves between two answers.

// Siblings that are the same thing, before and after.
const named = (node) => node.id || node.getAttribute?.("aria-labelledby") || node.className || "";
const alike = (one, other) => one.nodeName === other.nodeName && named(one) === named(other);

// Makes `old` what `fresh` is, and touches nothing that is so already: what is focused, selected, scrolled or unfolded stays.
function renew(old, fresh) {
  if (old.isEqualNode(fresh)) return;
  if (old.nodeType !== Node.ELEMENT_NODE) {
    old.nodeValue = fresh.nodeValue;
    return;
  }
  // It is there already, and was not sent again; or a script looks after it.
  if (fresh.hasAttribute("data-same") || old.hasAttribute("data-unfold")) return;
  for (const { name, value } of [...fresh.attributes]) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && !(name === "open" && old.nodeName === "DETAILS")) old.removeAttribute(name);
  }
  renewWithin(old, [...fresh.childNodes]);
}

function renewWithin(old, children) {
  const wanted = new Set(children.map(named));
  let at = old.firstChild;
  for (const one of children) {
    let found = at;
    while (found && !alike(found, one)) found = found.nextSibling;
    if (!found) {
      old.insertBefore(one, at);
      continue;
    }
    while (at !== found && !(named(at) && wanted.has(named(at)))) at = removed(at);
    if (at === found) at = at.nextSibling;
    else old.insertBefore(found, at);
    renew(found, one);
  }
  while (at) at = removed(at);
}

function removed(node) {
  const next = node.nextSibling;
  node.remove();
  return next;
}

htmx.defineExtension("renew", {
  handleSwap(style, target, fragment) {
    if (style !== "renew") return false;
    const fresh = fragment.querySelector("#" + target.id);
    if (fresh) renew(target, fresh);
    ticking();
    document.dispatchEvent(new Event("renewed"));
    return true;
  },
});

// A tab that nobody sees asks nothing: it asks at once when it is looked at again. Nor does one that was refused.
document.addEventListener("htmx:beforeRequest", (event) => {
  if (document.hidden || event.target.matches("[data-refused]")) event.preventDefault();
});

const REFUSED = [401, 403, 404];

document.addEventListener("htmx:afterRequest", ({ target, detail }) => {
  const refused = REFUSED.includes(detail.xhr.status);
  target.toggleAttribute("data-refused", refused);
  target.querySelector("[data-lost]")?.toggleAttribute("hidden", !refused);
  target.querySelector("[data-silent]")?.toggleAttribute("hidden", refused || Boolean(detail.successful));
});

// As `lasts` in projects/live.py.
function lasts(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  return minutes < 60 ? `${minutes} min ${whole % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

const began = new WeakMap(); // element → what it said, and when that began by this machine's clock

function ticking() {
  if (document.querySelector("[data-refused]")) return; // nobody knows any more whether it goes on
  for (const one of document.querySelectorAll("[data-seconds]")) {
    const said = one.dataset.seconds;
    if (began.get(one)?.said !== said) began.set(one, { said, at: Date.now() - 1000 * said });
    const text = lasts((Date.now() - began.get(one).at) / 1000);
    if (one.textContent !== text) one.textContent = text;
  }
}

ticking();
setInterval(ticking, 1000);
