// The page's program in two parts: what its first sight needs, and all else, which is loaded once the page stands there.
//
// tools/split cuts them. Where the first part calls a function of the second that is not there yet, it has it loaded, and the page
// waits for it. So wherever the cut lies, the program does the same.

// The address whose first sight the first part draws. Others wait for both.
function isHome() {
  const home = new URL("./", document.baseURI).pathname;
  return location.pathname === home || location.pathname === `${home}index.html`;
}

// The second part's address, and what the first one exports.
let address;
let first;

let isThere = false;

function join(module) {
  if (isThere) return;
  new WebAssembly.Instance(module, { first });
  isThere = true;
  performance.mark("estiva: second part");
}

/** Loads the second part while the page waits: a call that has begun can't be answered otherwise. */
function load() {
  performance.mark("estiva: second part waited for");
  const request = new XMLHttpRequest();
  request.open("GET", address, false);
  // Bytes as letters: a request that is waited for brings no bytes.
  request.overrideMimeType("text/plain; charset=x-user-defined");
  request.send();
  if (!request.responseText || request.status >= 400) throw new Error(`expected the page's second part at ${address}, but found nothing (status ${request.status})`);
  join(new WebAssembly.Module(Uint8Array.from(request.responseText, (letter) => letter.charCodeAt(0) & 0xff)));
}

async function loadBeside() {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`expected the page's second part at ${address}, but found status ${response.status}`);
  join(await WebAssembly.compile(await response.arrayBuffer()));
}

/** Has the program that starts next find its second part at an address. */
export function inTwoParts(second) {
  address = second;
  const plain = { instantiateStreaming: WebAssembly.instantiateStreaming, instantiate: WebAssembly.instantiate };
  for (const name of Object.keys(plain)) {
    WebAssembly[name] = async (source, imports) => {
      const started = await plain[name].call(WebAssembly, source, { ...imports, parts: { load } });
      Object.assign(WebAssembly, plain);
      first = started.instance.exports;
      if (isHome()) {
        // Beside the page's first frame. Where it fails, whoever needs the second part tries again, and says why there is none.
        loadBeside().catch(() => {});
      } else {
        await loadBeside();
      }
      return started;
    };
  }
}
