"use strict";

// What a page does by itself. Without it everything is there too: each step unfolds alone. What follows is in live.js.

// One button for a list of what can be unfolded.
function folding() {
  for (const button of document.querySelectorAll("[data-unfold][hidden]")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      const all = document.querySelectorAll(`[data-unfolded="${button.dataset.unfold}"] > li > details`);
      const open = button.textContent === "Unfold all";
      for (const one of all) one.open = open;
      button.textContent = open ? "Fold all" : "Unfold all";
    });
  }
}

folding();
document.addEventListener("renewed", folding);
