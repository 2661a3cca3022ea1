// What the journey stands on: a server in a world of its own, a real Chromium, steps that are counted, and an end that
// leaves nothing behind. Of the pages it knows only what all of them have.

import { spawn, execFileSync } from "node:child_process";
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { buffer } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { accessible } from "./accessible.mjs";

/** The project's folder. */
export const top = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");

/** Where screenshots go, if anywhere. */
const shots = process.env.ESTIVA_SHOTS;

/** Runs a program to its end and gives its standard output; throws with both outputs when it fails. */
export function run(program, args, options = {}) {
  return execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], timeout: 120_000, ...options });
}

/** Counts named steps; a failed one is told and the next ones that need it are counted as failed too. */
export class Steps {
  passed = 0;
  failed = 0;
  #stopped = null;

  async step(name, body) {
    if (this.#stopped) {
      this.failed += 1;
      console.log(`not run  ${name} (needs: ${this.#stopped})`);
      return;
    }
    const began = Date.now();
    try {
      await body();
      this.passed += 1;
      console.log(`ok       ${name} (${Date.now() - began} ms)`);
    } catch (error) {
      this.failed += 1;
      this.#stopped = name;
      console.log(`failed   ${name}: ${error.stack ?? error}`);
    }
  }

  /** What can't be tried on this host, and why; the test suite counts these lines. */
  skip(name, reason) {
    console.log(`SKIP ${name}: ${reason}`);
  }

  finish() {
    console.log(`${this.passed} passed, ${this.failed} failed`);
    return this.failed === 0;
  }
}

/** Throws unless the condition holds. */
export function expect(condition, message) {
  if (!condition) throw new Error(message);
}

/** The page's elements that carry a name for tests. */
export const byTest = (page, name) => page.getByTestId(name);

/** Waits until `read` gives something true; fails with what was last seen. */
export async function until(what, read, timeoutMs = 30_000) {
  const end = Date.now() + timeoutMs;
  let last;
  for (;;) {
    last = await read();
    if (last) return last;
    if (Date.now() > end) throw new Error(`timed out waiting for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Waits until the page has its server. */
export async function connected(page) {
  await byTest(page, "connection-state").waitFor();
  await until("the connection", async () => (await byTest(page, "connection-state").getAttribute("data-state")) === "connected");
}

/** Notes when the inspector is first seen. To be said before the page is opened. */
export async function watchFirstSight(page) {
  await page.addInitScript(() => {
    new MutationObserver((_, observer) => {
      if (!document.querySelector("[data-testid=drop-input]")) return;
      window.seenAt = performance.now();
      observer.disconnect();
    }).observe(document, { childList: true, subtree: true });
  });
}

/** Says where the inspector's first sight waited for the second part of the page's program (static/parts.js): no fault, but slow. Answers whether it did. */
export async function tellWaits(page) {
  const waits = await page.evaluate(() => performance.getEntriesByName("estiva: second part waited for").filter(({ startTime }) => startTime < window.seenAt).length);
  if (waits > 0) console.log("note: the first sight waited for the second part of the page's program, from which tools/split.mjs cuts what it needs");
  return waits > 0;
}

/** What stands on the page now is held to WCAG 2.2 AA, and photographed where pictures are wanted: wide and narrow, light and dark. */
export async function photograph(which, name) {
  await accessible(which, name);
  if (!shots) return;
  mkdirSync(shots, { recursive: true });
  for (const [width, height] of [[1440, 900], [390, 844]]) {
    for (const colorScheme of ["light", "dark"]) {
      await which.setViewportSize({ width, height });
      await which.emulateMedia({ colorScheme });
      // A page that is scrolled would be shown with its header across the middle.
      await which.evaluate(() => scrollTo(0, 0));
      await which.waitForTimeout(150);
      await which.screenshot({ path: path.join(shots, `${name}-${width}-${colorScheme}.png`), fullPage: true });
    }
  }
  await which.setViewportSize({ width: 1440, height: 900 });
  await which.emulateMedia({ colorScheme: "light" });
}

/** Throws where a narrow screen would have to be moved sideways. */
export async function noSidewaysScroll(which, name) {
  await which.setViewportSize({ width: 390, height: 844 });
  await which.waitForTimeout(100);
  const over = await which.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  await which.setViewportSize({ width: 1440, height: 900 });
  expect(over <= 0, `${name} scrolls sideways by ${over} px at 390 px`);
}

/** Starts Chromium. What it leaves among temporary files lies in `folder`, and goes with it. */
export async function launch(playwright, folder) {
  const { chromium } = await import(playwright);
  return chromium.launch({
    executablePath: "/usr/bin/chromium",
    env: { ...process.env, TMPDIR: folder },
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync"],
  });
}

/** A root folder with a server of its own, and Chromium beside it; `close` ends and removes all of it. */
export class World {
  static async open({ playwright, program, serve }) {
    const world = new World();
    world.program = program;
    world.folder = mkdtempSync(path.join(tmpdir(), "journey-"));
    world.root = path.join(world.folder, "root");
    mkdirSync(world.root);
    world.restart(serve);
    world.browser = await launch(playwright, world.folder);
    return world;
  }

  /** Starts the server, the first time or after it was killed. */
  restart(serve) {
    this.server = spawn(this.program, ["--root", this.root, "serve", ...serve], { stdio: ["ignore", "pipe", "pipe"] });
    this.output = "";
    for (const stream of [this.server.stdout, this.server.stderr]) {
      stream.on("data", (data) => (this.output += data));
    }
  }

  /** Runs the command line against this world. */
  estiva(...args) {
    return run(this.program, ["--root", this.root, ...args]);
  }

  /** Asks the server for a page address until it answers; ten seconds at most. */
  async address() {
    const end = Date.now() + 10_000;
    for (;;) {
      if (this.server.exitCode !== null) throw new Error(`the server ended: ${this.output}`);
      try {
        return /http:\/\/\S+/.exec(this.estiva("dashboard", "--no-start"))[0];
      } catch (error) {
        if (Date.now() > end) throw error;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  }

  async close() {
    await this.browser?.close();
    try {
      // Tens of thousands of files are removed at the disk's pace.
      run(this.program, ["--root", this.root, "reset", "--yes"], { timeout: 300_000 });
    } catch (error) {
      console.log(`reset failed: ${error}`);
    }
    if (this.server.exitCode === null && this.server.signalCode === null) {
      this.server.kill("SIGKILL");
      await new Promise((resolve) => this.server.once("exit", resolve));
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** From this size on, a blob's second half can be held back: the small ones are what an image says of itself. */
const HELD_BYTES_MIN = 100_000;

/** Debian's registry on loopback, behind a door that can hold back the second half of what is pulled. */
export class SlowRegistry {
  #held = null;

  /** What was asked at the door, in order. */
  asked = [];

  static async open(folder) {
    const registry = new SlowRegistry();
    const port = await freePort();
    const config = path.join(folder, "registry.yml");
    writeFileSync(config, `version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n    rootdirectory: ${path.join(folder, "registry")}\nhttp:\n  addr: 127.0.0.1:${port}\n`);
    registry.child = spawn("docker-registry", ["serve", config], { stdio: "ignore" });
    registry.door = http.createServer((request, response) => registry.#pass(port, request, response));
    await new Promise((resolve) => registry.door.listen(0, "127.0.0.1", resolve));
    // Programs that are run to their end leave this one no time to open the door: what they send goes straight there.
    registry.direct = `127.0.0.1:${port}`;
    registry.host = `127.0.0.1:${registry.door.address().port}`;
    const end = Date.now() + 20_000;
    while (!(await answers(port))) {
      if (Date.now() > end || registry.child.exitCode !== null) {
        await registry.close();
        throw new Error("docker-registry does not start");
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return registry;
  }

  #pass(port, request, response) {
    const { method, url, headers } = request;
    this.asked.push(`${method} ${url}`);
    const onward = http.request({ host: "127.0.0.1", port, method, path: url, headers }, async (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      if (method !== "GET" || !url.includes("/blobs/") || !this.#held) return void answer.pipe(response);
      const body = await buffer(answer);
      const half = body.length >= HELD_BYTES_MIN ? body.length >> 1 : body.length;
      response.write(body.subarray(0, half));
      if (half < body.length) await this.#held.promise;
      response.end(body.subarray(half));
    });
    onward.on("error", () => response.destroy());
    request.pipe(onward);
  }

  /** From now on, half of each large blob comes, and no more. */
  hold() {
    this.#held = {};
    this.#held.promise = new Promise((resolve) => (this.#held.release = resolve));
  }

  /** The other halves come. */
  release() {
    this.#held?.release();
    this.#held = null;
  }

  async close() {
    this.release();
    this.door.closeAllConnections();
    await new Promise((resolve) => this.door.close(resolve));
    if (this.child.exitCode === null && this.child.signalCode === null) {
      this.child.kill("SIGKILL");
      await new Promise((resolve) => this.child.once("exit", resolve));
    }
  }
}

export async function freePort() {
  const server = net.createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export function answers(port) {
  return new Promise((resolve) => {
    const socket = net.connect(port, "127.0.0.1");
    socket.once("connect", () => { socket.destroy(); resolve(true); });
    socket.once("error", () => resolve(false));
  });
}
