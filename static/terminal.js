// The terminal on the page: xterm.js, and what it needs to live under a content security policy that allows no inline
// styles. Loaded when the first terminal is shown (services/terminal.rs), so that other pages don't pay for it.
//
// xterm.js writes style elements and, for colours beyond the 256, style attributes, both of which the policy refuses. They are
// set through the CSS object model instead, which the policy is not about: a constructed style sheet for each style element
// (here), and cssText for the attribute (tools/xterm).
import { Terminal } from "./xterm/xterm.mjs";
import { FitAddon } from "./xterm/addon-fit.mjs";

const STYLES = "/xterm/xterm.css";

// Lines above the screen that can be scrolled back to.
const SCROLLBACK_LINES = 5000;

const ANSI = [
  "black", "red", "green", "yellow", "blue", "magenta", "cyan", "white",
  "brightBlack", "brightRed", "brightGreen", "brightYellow", "brightBlue", "brightMagenta", "brightCyan", "brightWhite",
];

// In the place of `document.createElement` while xterm.js makes its elements.
function createElement(tag, options) {
  return tag === "style" ? styleElement() : Document.prototype.createElement.call(document, tag, options);
}

// What stands for a style element: an element that shows nothing, whose text goes into a sheet of its own.
function styleElement() {
  const element = Document.prototype.createElement.call(document, "template");
  const sheet = new CSSStyleSheet();
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  Object.defineProperty(element, "textContent", { set: (text) => sheet.replaceSync(text), get: () => "" });
  element.remove = () => {
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((other) => other !== sheet);
    Element.prototype.remove.call(element);
  };
  return element;
}

let styles;

// The static part of its styles. A terminal that is opened before they are there would measure wrong.
function loadStyles() {
  styles ??= new Promise((resolve, reject) => {
    const link = document.createElement("link");
    link.rel = "stylesheet";
    link.href = STYLES;
    link.onload = resolve;
    link.onerror = () => reject(new Error(`can't load ${STYLES}`));
    document.head.append(link);
  });
  return styles;
}

// The page's own colours, as they are now.
function theme(host) {
  const values = getComputedStyle(host);
  const value = (name) => values.getPropertyValue(name).trim();
  const colours = {
    background: value("--code"),
    foreground: value("--ink"),
    cursor: value("--teal"),
    cursorAccent: value("--code"),
    selectionBackground: value("--terminal-selection"),
  };
  ANSI.forEach((name, index) => (colours[name] = value(`--ansi-${index}`)));
  return colours;
}

// Opens a terminal in `host`. The callbacks: `typed(bytes)`, `shown(bytes, epoch)`, `resized(rows, columns)`, `left()`.
async function open(host, label, typed, shown, resized, left) {
  await loadStyles();
  const terminal = new Terminal({
    cursorBlink: !matchMedia("(prefers-reduced-motion: reduce)").matches,
    fontFamily: getComputedStyle(host).getPropertyValue("--mono").trim(),
    fontSize: 13,
    lineHeight: 1.25,
    scrollback: SCROLLBACK_LINES,
    theme: theme(host),
    minimumContrastRatio: 4.5,
  });
  const fit = new FitAddon();
  terminal.loadAddon(fit);
  // All of its style elements are made in here.
  document.createElement = createElement;
  try {
    terminal.open(host);
  } finally {
    delete document.createElement;
  }
  terminal.textarea.setAttribute("aria-label", label);
  fit.fit();
  const encoder = new TextEncoder();
  terminal.onData((text) => typed(encoder.encode(text)));
  terminal.onBinary((text) => typed(Uint8Array.from(text, (letter) => letter.charCodeAt(0))));
  terminal.onResize(({ rows, cols }) => resized(rows, cols));
  // Tab and Escape are the program's own; F6 is the key that moves between the parts of a window.
  terminal.attachCustomKeyEventHandler((event) => {
    if (event.key !== "F6") {
      return true;
    }
    event.preventDefault();
    if (event.type === "keydown") {
      left();
    }
    return false;
  });
  const paint = () => (terminal.options.theme = theme(host));
  const sizes = new ResizeObserver(() => host.clientWidth > 0 && fit.fit());
  sizes.observe(host);
  const themes = new MutationObserver(paint);
  themes.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
  const dark = matchMedia("(prefers-color-scheme: dark)");
  dark.addEventListener("change", paint);
  return {
    rows: () => terminal.rows,
    columns: () => terminal.cols,
    write: (bytes, epoch) => terminal.write(bytes, () => shown(bytes.length, epoch)),
    reset: () => terminal.reset(),
    focus: () => terminal.focus(),
    stop: () => {
      terminal.options.disableStdin = true;
      terminal.options.cursorBlink = false;
    },
    dispose: () => {
      sizes.disconnect();
      themes.disconnect();
      dark.removeEventListener("change", paint);
      terminal.dispose();
    },
  };
}

globalThis.estivaTerminal = { open };
