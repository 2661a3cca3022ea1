// The page's program in two parts: what its first sight needs, and all else, which is loaded once the page stands there.
//
// The parts are cut by wasm-split (tools/split). Where the first part calls a function of the second, its table of functions holds
// a stand-in until the second part has put its own functions there. A stand-in that is called before that loads the second part
// at once, and the page waits for it: so whatever is cut away, the program does the same.

// Where the first part's module imports its stand-ins from, and the second one the first part's functions: see tools/split.
const STAND_INS = "placeholder";
const FIRST = "primary";

// The table of functions, as the first part exports it.
const TABLE = "split-table";

// Addresses whose first sight the first part draws. Others wait for both.
const FIRST_PATHS = /\/(index\.html)?$/;

let exports;
let address;
let isThere = false;

function join(module) {
  if (isThere) return;
  new WebAssembly.Instance(module, { [FIRST]: exports });
  isThere = true;
}

// While the page waits: there is no other way to answer a call that has begun.
function loadAtOnce() {
  const request = new XMLHttpRequest();
  request.open("GET", address, false);
  // Bytes as letters: a request that is waited for can't answer with bytes.
  request.overrideMimeType("text/plain; charset=x-user-defined");
  request.send();
  if (request.status >= 400) throw new Error(`expected the page's second part at ${address}, but found status ${request.status}`);
  join(new WebAssembly.Module(Uint8Array.from(request.responseText, (letter) => letter.charCodeAt(0) & 0xff)));
}

async function load() {
  join(await WebAssembly.compile(await (await fetch(address)).arrayBuffer()));
}

const standIns = new Proxy({}, {
  get: (_, slot) => (...values) => {
    if (!isThere) loadAtOnce();
    return exports[TABLE].get(Number(slot))(...values);
  },
});

/** Wraps what the page's glue starts its program by, so that the first part finds its stand-ins. `second` is the other part's address. */
export function inTwoParts(second) {
  address = second;
  for (const name of ["instantiateStreaming", "instantiate"]) {
    const plain = WebAssembly[name];
    WebAssembly[name] = async (source, imports) => {
      const started = await plain.call(WebAssembly, source, { ...imports, [STAND_INS]: standIns });
      WebAssembly[name] = plain;
      exports = started.instance.exports;
      if (FIRST_PATHS.test(location.pathname) && !location.hash) {
        // After the page's first frame.
        requestAnimationFrame(() => setTimeout(() => load().catch(() => {})));
      } else {
        await load();
      }
      return started;
    };
  }
}
