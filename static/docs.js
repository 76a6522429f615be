"use strict";

// A script of its own: the content security policy allows none inside a page.
SwaggerUIBundle({
  url: document.getElementById("docs").dataset.schema,
  dom_id: "#docs",
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  validatorUrl: null,
});

// Its colours are those of the page, by a class of its own.
const dark = matchMedia("(prefers-color-scheme: dark)");

function dress() {
  const { classList, dataset } = document.documentElement;
  classList.toggle("dark-mode", dataset.theme === "dark" || (dataset.theme !== "light" && dark.matches));
}

new MutationObserver(dress).observe(document.documentElement, { attributeFilter: ["data-theme"] });
dark.addEventListener("change", dress);
dress();
