"use strict";

// What a page does by itself. Without it everything is there too: a link loads anew, and each step unfolds alone.

const EVERY = 2000; // milliseconds
const AT_MOST = 450; // looks at what moves: a quarter of an hour

// Follows what still moves: loads the page again and puts the new content in place of the old, keeping what is unfolded.
async function follow(left) {
  const shown = document.querySelector("[data-follow]");
  if (!shown || left === 0) return;
  await new Promise((done) => setTimeout(done, EVERY));
  if (!document.hidden) {
    const answer = await fetch(location.href, { redirect: "error" }).catch(() => null);
    const page = answer?.ok && new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page && page.getElementById(shown.id);
    if (fresh) {
      for (const one of shown.querySelectorAll("details[open][id]")) fresh.querySelector("#" + one.id)?.setAttribute("open", "");
      shown.replaceWith(fresh);
      folding(fresh);
    }
  }
  follow(left - 1);
}

// One button for a list of what can be unfolded.
function folding(within) {
  for (const button of within.querySelectorAll("[data-unfold]")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      const all = document.querySelectorAll(`[data-unfolded="${button.dataset.unfold}"] > li > details`);
      const open = button.textContent === "Unfold all";
      for (const one of all) one.open = open;
      button.textContent = open ? "Fold all" : "Unfold all";
    });
  }
}

folding(document);
follow(AT_MOST);
