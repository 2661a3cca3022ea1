// The inspector as static files, below a path of a plain web server that knows nothing of it: an image is taken apart, two are
// compared, addresses are opened anew, and nothing is asked of anybody else. Real Chromium.
//
// Arguments: playwright-core's module. ESTIVA_BIN names the program; ESTIVA_SHOTS a folder for screenshots.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { Steps, byTest, expect, launch, noSidewaysScroll, photograph, run, until } from "./harness.mjs";

const program = process.env.ESTIVA_BIN;
expect(program, "ESTIVA_BIN must name the program to test");

/** The path that the site lies below, as a project's pages do. */
const BELOW = "/some/project/";

const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".wasm": "application/wasm", ".svg": "image/svg+xml" };

/** What any static host does: files, folders by their index with a slash at the end, and nothing else. */
function serve(folder) {
  const server = http.createServer((request, response) => {
    const { pathname } = new URL(request.url, "http://localhost");
    const refuse = () => response.writeHead(404, { "content-type": "text/plain" }).end("not found");
    if (!pathname.startsWith(BELOW)) return void refuse();
    let file = path.join(folder, pathname.slice(BELOW.length));
    if (statSync(file, { throwIfNoEntry: false })?.isDirectory()) {
      if (!pathname.endsWith("/")) return void response.writeHead(301, { location: `${pathname}/` }).end();
      file = path.join(file, "index.html");
    }
    if (!statSync(file, { throwIfNoEntry: false })?.isFile()) return void refuse();
    response.writeHead(200, { "content-type": TYPES[path.extname(file)] ?? "application/octet-stream" });
    createReadStream(file).pipe(response);
  });
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server)));
}

/** A docker-archive of one layer for each list of files; tar of the host makes it. */
function archive(name, layers, more = () => {}) {
  const work = path.join(folder, name);
  const members = ["manifest.json", "config.json"];
  const diffIds = layers.map((files, number) => {
    const root = path.join(work, `root-${number}`);
    for (const [file, text] of Object.entries(files)) {
      mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
      writeFileSync(path.join(root, file), text);
    }
    mkdirSync(root, { recursive: true });
    more(root);
    const layer = path.join(work, `layer-${number}.tar`);
    run("tar", ["--owner=0", "--group=0", "--mtime=@1", "--sort=name", "-C", root, "-cf", layer, "."]);
    members.push(`layer-${number}.tar`);
    return `sha256:${createHash("sha256").update(readFileSync(layer)).digest("hex")}`;
  });
  writeFileSync(path.join(work, "config.json"), JSON.stringify({
    architecture: "amd64", os: "linux", config: { Cmd: ["sh"] }, rootfs: { type: "layers", diff_ids: diffIds },
    history: layers.map((_, number) => ({ created_by: `COPY step ${number}` })),
  }));
  writeFileSync(path.join(work, "manifest.json"), JSON.stringify([
    { Config: "config.json", RepoTags: [`${name}:1`], Layers: layers.map((_, number) => `layer-${number}.tar`) },
  ]));
  const whole = path.join(folder, `${name}.tar`);
  run("tar", ["-C", work, "-cf", whole, ...members]);
  return whole;
}

const steps = new Steps();
const folder = mkdtempSync(path.join(tmpdir(), "site-"));
const site = path.join(folder, "site");
let server;
let browser;
let page;
let origin;
const asked = [];
const faults = [];

async function walk() {
  await steps.step("the site is written by the program alone, and not over what somebody has", async () => {
    const said = run(program, ["site", site]);
    expect(said.trim() === site, `it says ${said}`);
    let refused = "";
    try {
      run(program, ["site", site]);
    } catch (error) {
      refused = error.stderr;
    }
    expect(/a folder that is empty or not there yet/.test(refused), `the second time it says ${refused}`);
    server = await serve(site);
    origin = `http://127.0.0.1:${server.address().port}`;
  });

  await steps.step("its page opens below a path, offers what works, and says nothing of a server", async () => {
    browser = await launch(process.argv[2], folder);
    const context = await browser.newContext({ locale: "en-US" });
    page = await context.newPage();
    // A key that another page of this host left is for another server.
    await context.addInitScript(() => sessionStorage.setItem("estiva.token", "another server's"));
    page.on("request", (request) => asked.push(request.url()));
    page.on("websocket", (socket) => asked.push(socket.url()));
    page.on("pageerror", (error) => faults.push(`${error}`));
    page.on("console", (message) => message.type() === "error" && faults.push(message.text()));
    page.on("response", (response) => response.status() >= 400 && faults.push(`${response.status()} ${response.url()}`));
    await page.goto(`${origin}${BELOW}`);
    await byTest(page, "drop-input").waitFor({ state: "attached" });
    const entries = await page.locator("nav .nav-link").allTextContents();
    expect(entries.join() === "Inspect,Compare", `the navigation has ${entries}`);
    await photograph(page, "site-empty");
    await noSidewaysScroll(page, "the site's page");
  });

  await steps.step("an archive is taken apart there: layers, files, waste", async () => {
    const image = archive("first", [{ "etc/name": "one\n", "big": "x".repeat(100_000) }, { "etc/name": "two\n", "big": "y".repeat(90_000) }]);
    await byTest(page, "drop-input").setInputFiles(image);
    await byTest(page, "layer-row").first().waitFor();
    expect((await byTest(page, "layer-row").count()) === 2, "expected two layers");
    await until("the tree", async () => (await page.getByText("big").count()) > 0);
    await byTest(page, "tab-waste").click();
    await until("the waste", async () => /100(\.0)? kB/.test(await page.locator("main").textContent()));
    await photograph(page, "site-archive");
  });

  await steps.step("what is known of an image is saved as the command line prints it, byte for byte", async () => {
    const whole = archive("told", [
      { "etc/passwd": "root:x:0:0:root:/root:/bin/sh\n", "root/.npmrc": "//registry.example/:_authToken=npm_0123456789abcdefghijABCDEFGHIJ012345\n", "Ünï/\u202e name": "x" },
      { "var/cache/apt/archives/a.deb": "y".repeat(50_000), "usr/lib/os-release": "ID=none\n" },
    ]);
    const named = archive("named", [{ plain: "p" }], (root) => run("sh", ["-c", `printf x >"$(printf '%b' "$1")"`, "sh", path.join(root, "odd-\\377\\376")]));
    const cut = path.join(folder, "cut.tar");
    writeFileSync(cut, readFileSync(whole).subarray(0, 30_000));
    const packed = path.join(folder, "told.tar.gz");
    writeFileSync(packed, gzipSync(readFileSync(whole)));
    const empty = archive("empty", [{}]);
    for (const image of [whole, named, packed, cut, empty]) {
      const name = path.basename(image);
      await page.goto(`${origin}${BELOW}`);
      await byTest(page, "drop-input").setInputFiles(image);
      const save = byTest(page, "save-analysis");
      await save.or(page.getByRole("alert")).first().waitFor();
      const printed = spawnSync(program, ["inspect", "--json", image], { maxBuffer: 1 << 28 });
      // What shows no image is refused by both.
      if (!(await save.count())) {
        expect(printed.stdout.length === 0, `${name} is refused by the page alone`);
        continue;
      }
      const coming = page.waitForEvent("download");
      await save.click();
      const saved = path.join(folder, "saved.json");
      await (await coming).saveAs(saved);
      const text = readFileSync(saved);
      expect(text.length > 1000 && text.equals(printed.stdout), `${name}: the page gives ${text.length} bytes, the command ${printed.stdout.length}`);
    }
  });

  await steps.step("two archives are compared there, and the address can be opened anew", async () => {
    await byTest(page, "nav-compare").click();
    await byTest(page, "compare-side-a").waitFor();
    expect(new URL(page.url()).pathname === `${BELOW}compare`, `the address is ${page.url()}`);
    await page.reload();
    await byTest(page, "compare-side-a").waitFor();
    expect(new URL(page.url()).pathname === `${BELOW}compare`, `opened anew, the address is ${page.url()}`);
    const images = [archive("left", [{ "etc/name": "one\n" }]), archive("right", [{ "etc/name": "two\n", added: "new" }])];
    for (const [side, image] of [["a", images[0]], ["b", images[1]]]) {
      await byTest(page, `compare-side-${side}`).locator("input[type=file]").first().setInputFiles(image);
    }
    await byTest(page, "compare-result").waitFor();
    expect(/added/.test(await byTest(page, "compare-result").textContent()), "the file that one side adds is not told");
    await photograph(page, "site-compare");
    await byTest(page, "nav-inspect").click();
    await byTest(page, "drop-input").waitFor({ state: "attached" });
    expect(new URL(page.url()).pathname === BELOW || `${new URL(page.url()).pathname}/` === BELOW, `back, the address is ${page.url()}`);
  });

  await steps.step("a Dockerfile is read there", async () => {
    await byTest(page, "dockerfile-editor").fill("FROM busybox\nRUN [\"a\n");
    await until("the mistake", async () => (await byTest(page, "finding").count()) > 0);
  });

  await steps.step("nothing was asked of anybody else, and nothing failed", async () => {
    const strange = asked.filter((url) => !url.startsWith(`${origin}${BELOW}`) && !/^(blob|data):/.test(url));
    expect(strange.length === 0, `it asked for ${strange}`);
    expect(faults.length === 0, `the browser says: ${faults.join("; ")}`);
  });
}

try {
  await walk();
} finally {
  for (const fault of faults) console.log(`fault: ${fault}`);
  await browser?.close();
  server?.closeAllConnections();
  await new Promise((resolve) => (server ? server.close(resolve) : resolve()));
  rmSync(folder, { recursive: true, force: true });
}
process.exitCode = steps.finish() ? 0 : 1;
