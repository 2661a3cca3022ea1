// What the page takes in a real Chromium: time beside the command's for the same file, memory, the pace of a million rows, the
// size of what is loaded first. A line each, as `make bench` prints them: name, ours, peer or bound, ratio, goal.
//
// Arguments: playwright-core's module, how many rounds, the image of one layer, the same in four. ESTIVA_BIN names the program.

import { spawnSync } from "node:child_process";
import { closeSync, ftruncateSync, openSync, readFileSync, readdirSync, writeSync } from "node:fs";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { BLOCK_BYTES, header } from "./archives.mjs";
import { World, byTest, connected, expect, tellWaits, until, watchFirstSight } from "./harness.mjs";

const [, , playwright, rounds, single, four] = process.argv;
const program = process.env.ESTIVA_BIN;
const world = await World.open({ playwright, program, serve: ["--listen", "127.0.0.1:0"] });

const median = (values) => values.toSorted((one, other) => one - other)[Math.floor((values.length - 1) / 2)];
function row(name, ours, peer, goal) {
  const number = (value) => value.toFixed(1).padStart(10);
  console.log(`${name.padEnd(36)} ${number(ours)} ${number(peer)} ${(ours / peer).toFixed(2).padStart(8)} ${`<=${goal.toFixed(2)}`.padStart(8)}`);
}

/** A page that nobody looked at before, in a browser's profile that keeps nothing yet; `alone`, its worker may share no memory with others. */
async function fresh({ alone = false } = {}) {
  const context = await world.browser.newContext({ locale: "en-US" });
  if (alone) {
    // As on a web server that does not send the header.
    await context.route(/\/$|\.js$/, async (route) => {
      const response = await route.fetch();
      const { "cross-origin-embedder-policy": _, ...headers } = response.headers();
      await route.fulfill({ response, headers });
    });
  }
  const page = await context.newPage();
  await page.goto(await world.address());
  // Chromium lets a page whose document the test hands out open no connection; to inspect, it needs none.
  await (alone ? byTest(page, "drop-input").waitFor({ state: "attached" }) : connected(page));
  expect((await page.evaluate(() => crossOriginIsolated)) !== alone, "the page is isolated where it should not be, or the other way round");
  await watch(page);
  return page;
}

/** Notes when a file is chosen and when its layers stand on the page, all of them read. */
async function watch(page) {
  await page.evaluate(() => {
    addEventListener("change", () => (window.chosenAt = performance.now()), true);
    new MutationObserver(() => {
      const rows = document.querySelectorAll("[data-testid=layer-row]");
      const missing = document.querySelector("[data-testid=layer-row].is-unread, [data-testid=so-far]");
      if (rows.length > 0 && !missing) window.shownAt ??= performance.now();
    }).observe(document.body, { childList: true, subtree: true });
  });
}

/** Milliseconds from the choice of a file to the sight of its layers. */
async function open(page, file) {
  await byTest(page, "drop-input").setInputFiles(file);
  return until("the layers", () => page.evaluate(() => window.shownAt && window.shownAt - window.chosenAt), 300_000);
}

/** Milliseconds of the command; `cores` as taskset names them, or all. */
function native(file, cores) {
  const words = [program, "inspect", "--json", file];
  const [command, ...args] = cores ? ["taskset", "-c", cores, ...words] : words;
  const began = performance.now();
  const ended = spawnSync(command, args, { stdio: ["ignore", "ignore", "pipe"] });
  const took = performance.now() - began;
  expect(ended.status === 0, `${ended.stderr}`);
  return took;
}

/** One worker beside the command on one core, and, where there are two at least, with others that read ahead and hash beside the command as it is. */
async function besideTheCommand(name, file) {
  const [alone, core, beside, whole, again] = [[], [], [], [], []];
  const byItself = async () => {
    const page = await fresh({ alone: true });
    alone.push(await open(page, file));
    await page.context().close();
  };
  const withOthers = async () => {
    const page = await fresh();
    beside.push(await open(page, file));
    // What is kept is written after the image is shown.
    await page.waitForTimeout(1_000);
    await page.goto("about:blank");
    await page.goto(await world.address());
    await connected(page);
    await watch(page);
    again.push(await open(page, file));
    await page.context().close();
  };
  for (let round = 0; round < rounds; round += 1) {
    const turns = [byItself, withOthers, () => core.push(native(file, "0")), () => whole.push(native(file))];
    for (const turn of turns.sort(() => Math.random() - 0.5)) await turn();
  }
  row(`${name}, one worker / one core`, median(alone), median(core), 2.5);
  row(`${name}, several workers / command`, median(beside), median(whole), 1.7);
  return median(again);
}

/** The proportional set size of all of this Chromium's renderers, in megabytes. They overwrite their environment, but not their parents. */
function renderersMegabytes() {
  const read = (pid, name) => {
    try {
      return readFileSync(`/proc/${pid}/${name}`, "utf8");
    } catch {
      // It has ended meanwhile.
      return "";
    }
  };
  const all = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  const parents = new Map(all.map((pid) => [pid, /^PPid:\s+(\d+)/m.exec(read(pid, "status"))?.[1]]));
  const isOurs = (pid) => pid !== undefined && pid !== "0" && (pid === `${process.pid}` || isOurs(parents.get(pid)));
  const renderers = all.filter((pid) => read(pid, "cmdline").includes("--type=renderer") && isOurs(pid));
  const sizes = renderers.map((pid) => Number(/^Pss:\s+(\d+)/m.exec(read(pid, "smaps_rollup"))?.[1] ?? 0));
  return sizes.reduce((sum, size) => sum + size, 0) / 1024;
}

/** A docker-archive of one layer, whose tar `write` puts at an offset of the file, and answers where it ends. */
function archive(name, write) {
  const place = path.join(world.folder, name);
  const file = openSync(place, "w");
  const config = Buffer.from(JSON.stringify({ architecture: "amd64", os: "linux", config: {}, rootfs: { type: "layers", diff_ids: [`sha256:${"0".repeat(64)}`] }, history: [{ created_by: "COPY . /" }] }));
  const manifest = Buffer.from(JSON.stringify([{ Config: "config.json", RepoTags: [`${name}:1`], Layers: ["layer.tar"] }]));
  let at = 0;
  const put = (bytes) => (at += writeSync(file, bytes, 0, bytes.length, at));
  for (const [member, bytes] of [["config.json", config], ["manifest.json", manifest]]) {
    put(header({ name: member, size: bytes.length }));
    put(Buffer.concat([bytes, Buffer.alloc((BLOCK_BYTES - (bytes.length % BLOCK_BYTES)) % BLOCK_BYTES)]));
  }
  const start = at + BLOCK_BYTES;
  const end = write(file, start) + 2 * BLOCK_BYTES;
  put(header({ name: "layer.tar", size: end - start }));
  ftruncateSync(file, end + 2 * BLOCK_BYTES);
  closeSync(file);
  return place;
}

/** Four gigabytes in 64 files, of which the disk keeps the headers alone. */
const fourGigabytes = () => archive("four-gigabytes.tar", (file, start) => {
  let at = start;
  for (let number = 0; number < 64; number += 1) {
    writeSync(file, header({ name: `data/${number}`, size: 64 << 20 }), 0, BLOCK_BYTES, at);
    at += BLOCK_BYTES + (64 << 20);
  }
  return at;
});

/** A million files without content, a thousand in each folder. */
const MILLION = 1_000_000;
const million = () => archive("million.tar", (file, start) => {
  let at = start;
  for (let folder = 0; folder < MILLION / 1_000; folder += 1) {
    const headers = [];
    for (let number = 0; number < 1_000; number += 1) headers.push(header({ name: `srv/folder-${folder}/file-${number}.txt` }));
    at += writeSync(file, Buffer.concat(headers), 0, headers.length * BLOCK_BYTES, at);
  }
  return at;
});

async function memory() {
  const page = await fresh();
  const file = fourGigabytes();
  let most = 0;
  const sampler = setInterval(() => (most = Math.max(most, renderersMegabytes())), 100);
  const took = await open(page, file);
  most = Math.max(most, renderersMegabytes());
  clearInterval(sampler);
  expect(most > 0, "no renderer was found");
  row("4 GB opened, MB of the renderer", most, 400, 1);
  console.error(`estiva: 4 GB took ${(took / 1_000).toFixed(1)} s`);
  await page.context().close();
}

async function rows() {
  const page = await fresh();
  await open(page, million());
  await byTest(page, "tree-row").first().waitFor();
  await page.evaluate(() => {
    window.longest = 0;
    new PerformanceObserver((list) => list.getEntries().forEach(({ duration }) => (window.longest = Math.max(window.longest, duration)))).observe({ entryTypes: ["longtask"] });
  });
  const find = byTest(page, "tree-find");
  const searches = [];
  for (let round = 0; round < rounds; round += 1) {
    await find.fill("");
    await page.waitForTimeout(300);
    searches.push(await page.evaluate(async (text) => {
      const field = document.querySelector("[data-testid=tree-find]");
      const began = performance.now();
      field.value = text;
      field.dispatchEvent(new Event("input", { bubbles: true }));
      const isFound = () => [...document.querySelectorAll("[data-testid=tree-row] .tree-text")].some((one) => one.textContent.includes(text));
      while (!isFound()) await new Promise((resolve) => setTimeout(resolve, 1));
      return performance.now() - began;
    }, `file-${500 + round}`));
  }
  row("a million paths: search's first page", median(searches), 100, 1);
  // Everything open, so that there is something to scroll through.
  await find.fill("file-");
  await page.waitForTimeout(2_000);
  const client = await page.context().newCDPSession(page);
  await client.send("Performance.enable");
  const script = async () => (await client.send("Performance.getMetrics")).metrics.find(({ name }) => name === "ScriptDuration").value * 1_000;
  await page.evaluate(() => (window.longest = 0));
  const before = await script();
  const frames = await byTest(page, "tree").evaluate(async (list) => {
    let frames = 0;
    const scroller = [list, ...list.querySelectorAll("*")].find((one) => one.scrollHeight > one.clientHeight + 1_000) ?? list;
    for (; frames < 240; frames += 1) {
      scroller.scrollTop += 97 + frames * 13;
      await new Promise(requestAnimationFrame);
    }
    return scroller.scrollTop > 0 ? frames : 0;
  });
  expect(frames > 0, "the tree does not scroll");
  row("a million paths: script of a frame", ((await script()) - before) / frames, 8, 1);
  row("a million paths: longest task", await page.evaluate(() => window.longest), 50, 1);
  await page.context().close();
}

async function first() {
  const paints = [];
  let bytes = 0;
  for (let round = 0; round < rounds; round += 1) {
    const context = await world.browser.newContext({ locale: "en-US" });
    const page = await context.newPage();
    await watchFirstSight(page);
    page.on("response", async (response) => {
      if (round === 0 && /\/page-\w+\.wasm$/.test(new URL(response.url()).pathname)) bytes = gzipSync(await response.body(), { level: 9 }).length;
    });
    await page.goto(await world.address());
    await byTest(page, "drop-input").waitFor({ state: "attached" });
    expect(!(await tellWaits(page)), "what is loaded first is not all that the first sight needs");
    paints.push(await until("the paint", () => page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime)));
    await context.close();
  }
  row("first paint, ms", median(paints), 500, 1);
  row("first WebAssembly, KB gzipped", bytes / 1_000, 350, 1);
}

try {
  await world.address();
  await first();
  const again = await besideTheCommand("170 MB", single);
  await besideTheCommand("four layers", four);
  row("170 MB opened again, ms", again, 300, 1);
  await rows();
  await memory();
} finally {
  await world.close();
}
