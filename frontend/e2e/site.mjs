// The inspector as static files, below a path of a plain web server that knows nothing of it: an image is taken apart, two are
// compared, addresses are opened anew, and nothing is asked of anybody else. Real Chromium.
//
// Arguments: playwright-core's module. ESTIVA_BIN names the program; ESTIVA_SHOTS a folder for screenshots.

import { spawnSync } from "node:child_process";
import { createReadStream, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { accessible } from "./accessible.mjs";
import { archives } from "./archives.mjs";
import { Steps, byTest, expect, launch, noSidewaysScroll, photograph, run, tellWaits, until, watchFirstSight } from "./harness.mjs";

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

const steps = new Steps();

/** One of the small archives, as a file. */
function put(name) {
  const image = path.join(folder, name);
  writeFileSync(image, archives[name]());
  return image;
}
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
    await watchFirstSight(page);
    await page.goto(`${origin}${BELOW}`);
    await byTest(page, "drop-input").waitFor({ state: "attached" });
    await tellWaits(page);
    const entries = await page.locator("nav .nav-link").allTextContents();
    expect(entries.join() === "Inspect,Compare", `the navigation has ${entries}`);
    await photograph(page, "site-empty");
    await accessible(page, "site-empty");
    await noSidewaysScroll(page, "the site's page");
  });

  await steps.step("an archive is taken apart there: layers, files, waste", async () => {
    await byTest(page, "drop-input").setInputFiles(put("docker-archive.tar"));
    await byTest(page, "layer-row").first().waitFor();
    expect((await byTest(page, "layer-row").count()) === 2, "expected two layers");
    await until("the tree", async () => (await page.getByText("greeting.txt").count()) > 0);
    await byTest(page, "tab-waste").click();
    await until("the waste", async () => /old\.log/.test(await page.locator("main").textContent()));
    await photograph(page, "site-archive");
    await accessible(page, "site-archive");
  });

  for (const name of Object.keys(archives)) {
    await steps.step(`what is known of ${name} is saved as the command line prints it, byte for byte`, async () => {
      const image = put(name);
      await page.goto(`${origin}${BELOW}`);
      await byTest(page, "drop-input").setInputFiles(image);
      const coming = page.waitForEvent("download");
      await byTest(page, "save-analysis").click();
      const saved = path.join(folder, "saved.json");
      await (await coming).saveAs(saved);
      const theirs = readFileSync(saved);
      const { stdout, stderr } = spawnSync(program, ["inspect", "--json", image], { maxBuffer: 1 << 28 });
      expect(stdout.length > 2, `the command line says nothing: ${stderr}`);
      const at = theirs.findIndex((byte, index) => byte !== stdout[index]);
      expect(theirs.equals(stdout), `they differ at byte ${at} of ${theirs.length} and ${stdout.length}: ${theirs.subarray(at - 80, at + 80)}`);
    });
  }

  await steps.step("its policy stands in the document, and a script that is not the page's own is refused", async () => {
    const refused = await page.evaluate(() => new Promise((resolve) => {
      document.addEventListener("securitypolicyviolation", (event) => resolve(event.effectiveDirective), { once: true });
      setTimeout(() => resolve("nothing"), 2_000);
      const script = document.createElement("script");
      script.textContent = "window.ran = true";
      document.head.append(script);
    }));
    expect(refused === "script-src-elem", `of an inline script was refused: ${refused}`);
    faults.splice(0, faults.length, ...faults.filter((text) => !/inline script/i.test(text)));
  });

  await steps.step("two archives are compared there, and the address can be opened anew", async () => {
    await byTest(page, "nav-compare").click();
    await byTest(page, "compare-side-a").waitFor();
    expect(new URL(page.url()).pathname === `${BELOW}compare`, `the address is ${page.url()}`);
    await page.reload();
    await byTest(page, "compare-side-a").waitFor();
    expect(new URL(page.url()).pathname === `${BELOW}compare`, `opened anew, the address is ${page.url()}`);
    for (const [side, name] of [["a", "docker-archive.tar"], ["b", "oci-gzip.tar"]]) {
      await byTest(page, `compare-side-${side}`).locator("input[type=file]").first().setInputFiles(put(name));
    }
    await byTest(page, "compare-result").waitFor();
    await until("the files", async () => /new\.txt/.test(await page.locator("main").textContent()));
    await photograph(page, "site-compare");
    await accessible(page, "site-compare");
    await byTest(page, "nav-inspect").click();
    await byTest(page, "drop-input").waitFor({ state: "attached" });
    expect(new URL(page.url()).pathname === BELOW || `${new URL(page.url()).pathname}/` === BELOW, `back, the address is ${page.url()}`);
  });

  await steps.step("a Dockerfile is read there", async () => {
    await byTest(page, "dockerfile-editor").fill("FROM busybox\nRUNN echo hello\n");
    await until("the mistake", async () => (await byTest(page, "diagnostics").textContent()).includes("RUNN"));
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
