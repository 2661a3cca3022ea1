// Rockets and their launches: a service of one file and one dependency, small enough to read while its image builds.
//
// It keeps launches in memory: a new container begins without any. Press Ctrl-C, or send SIGTERM as `estiva stop` does,
// and it answers what it has begun and ends at once.

import { createServer } from 'node:http';
import { hostname } from 'node:os';
import ms from 'ms';

const PORT = Number(process.env.PORT ?? 3000);

// A request's body is a launch of one line; what is longer is none.
const BODY_BYTES_MAX = 1024;

// Launches that are remembered; the oldest goes first.
const LAUNCHES_MAX = 100;

const rockets = [
  { id: 'veronique', name: 'Véronique', country: 'France', first_flight: 1950, height_m: 7.3 },
  { id: 'vls-1', name: 'VLS-1', country: 'Brazil', first_flight: 1997, height_m: 19 },
  { id: 'saturn-v', name: 'Saturn V', country: 'United States', first_flight: 1967, height_m: 110.6 },
  { id: 'electron', name: 'Electron', country: 'New Zealand', first_flight: 2017, height_m: 18 },
];

const launches = [];

const server = createServer((request, response) => {
  answer(request, response).catch((error) => {
    send(response, error.status ?? 500, { error: error.status ? error.message : 'the service failed' });
  });
});

async function answer(request, response) {
  const { pathname } = new URL(request.url, 'http://rocket');
  const place = `${request.method === 'HEAD' ? 'GET' : request.method} ${pathname}`;
  switch (place) {
    case 'GET /':
      return wantsPage(request) ? sendPage(response) : send(response, 200, { rockets, launches });
    case 'GET /health':
      return send(response, 200, { status: 'ok', up: ms(process.uptime() * 1000, { long: true }), host: hostname() });
    case 'GET /rockets':
      return send(response, 200, rockets);
    case 'GET /launches':
      return send(response, 200, launches);
    case 'POST /launches':
      return send(response, 201, launch(await body(request)));
  }
  const id = pathname.match(/^\/rockets\/([a-z0-9-]+)$/)?.[1];
  const rocket = request.method === 'GET' && rockets.find((rocket) => rocket.id === id);
  if (!rocket) throw failure(404, `nothing is at ${request.method} ${pathname}`);
  send(response, 200, rocket);
}

function launch({ rocket }) {
  if (!rockets.some(({ id }) => id === rocket)) {
    throw failure(422, `expected the id of a rocket, such as ${rockets[0].id}`);
  }
  const launched = { number: (launches.at(-1)?.number ?? 0) + 1, rocket, at: new Date().toISOString() };
  launches.push(launched);
  if (launches.length > LAUNCHES_MAX) launches.shift();
  console.log(`launch ${launched.number}: ${rocket}`);
  return launched;
}

async function body(request) {
  let text = '';
  for await (const piece of request) {
    text += piece;
    if (text.length > BODY_BYTES_MAX) throw failure(413, `expected at most ${BODY_BYTES_MAX} bytes`);
  }
  try {
    return Object(JSON.parse(text));
  } catch {
    throw failure(400, 'expected JSON, such as {"rocket": "electron"}');
  }
}

function failure(status, message) {
  return Object.assign(new Error(message), { status });
}

function wantsPage(request) {
  return (request.headers.accept ?? '').includes('text/html');
}

function send(response, status, value) {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' });
  response.end(`${JSON.stringify(value)}\n`);
}

function sendPage(response) {
  const rows = rockets.map(
    ({ name, country, first_flight, height_m }) =>
      `<tr><td>${name}</td><td>${country}</td><td>${first_flight}</td><td>${height_m} m</td></tr>`,
  );
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
  response.end(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Rockets</title>
<style>body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 40rem } td, th { padding: .2rem 1rem .2rem 0; text-align: left }</style>
<h1>Rockets</h1>
<table><tr><th>Name</th><th>Country</th><th>First flight</th><th>Height</th></tr>${rows.join('')}</table>
<p>${launches.length} launches since this container began, ${ms(process.uptime() * 1000, { long: true })} ago, on ${hostname()}.</p>
</html>
`);
}

// As process 1 of a container it gets no signal that it does not ask for.
for (const signal of ['SIGTERM', 'SIGINT']) {
  process.on(signal, () => {
    console.log(`${signal}: ending`);
    server.close(() => process.exit(0));
    server.closeIdleConnections();
  });
}

server.listen(PORT, () => console.log(`api-rocket listens on port ${PORT}`));
