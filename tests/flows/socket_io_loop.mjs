// The whole loop of a client that speaks Socket.IO for everything live, and HTTP for what it writes.
//
// node socket_io_loop.mjs '{"url": …, "token": …, "tokenId": …, "team": …, "transports": […]}'

import assert from "node:assert/strict";
import { io } from "socket.io-client";

const given = JSON.parse(process.argv[2]);
const seen = [];
const waiting = new Set();
let last = 0;

async function ask(method, path, body) {
  const answer = await fetch(given.url + path, {
    method,
    headers: { Authorization: `Bearer ${given.token}`, "Content-Type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await answer.text();
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
  return JSON.parse(text);
}

function client(auth) {
  const { url, transports } = given;
  return io(url, { path: "/ws/socket.io", transports, auth, forceNew: true, reconnectionDelay: 20 });
}

function heard(socket, name) {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`no ${name}; seen: ${names()}`)), 20_000);
    socket.once(name, (...said) => { clearTimeout(late); resolve(said); });
  });
}

function until(sequence) {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`no event ${sequence}; seen: ${names()}`)), 20_000);
    const look = () => { if (last >= sequence) { clearTimeout(late); waiting.delete(look); resolve(); } };
    waiting.add(look);
    look();
  });
}

const names = () => seen.map(([name, frame]) => `${frame?.sequence ?? ""}${name}`).join(" ");
const numbers = () => seen.map(([, frame]) => frame?.sequence).filter((sequence) => sequence != null);
const upTo = (count) => Array.from({ length: count }, (_, index) => index + 1);
const head = async () => (await ask("GET", `/api/experiment-console/sessions/${id}/timeline?limit=1`)).events[0].sequence;
const note = (content) => ask("POST", `${session}/notes`, { timestamp: new Date().toISOString(), content });

// a session, watched from its first event on
const { id } = await ask("POST", "/api/sessions", { name: "Socket.IO", team_id: given.team });
const session = `/api/sessions/${id}`;
const socket = client((show) => show({ token: given.token, sessionId: id, after: last }));
socket.onAny((name, frame) => {
  seen.push([name, frame]);
  if (frame?.sequence != null) last = frame.sequence;
  waiting.forEach((look) => look());
});
const [hello] = await heard(socket, "connected");
assert.equal(hello.session_id, id);
assert.equal(hello.data.head, 2);

// what is done to a note, and a reading
const { id: noteId } = await note("Foam");
await ask("PUT", `${session}/notes/${noteId}`, { content: "Much foam" });
await ask("PATCH", `${session}/notes/${noteId}`, { append_content: "Less now" });
await ask("DELETE", `${session}/notes/${noteId}`);
const reading = heard(socket, "telemetry");
await ask("POST", `${session}/telemetry`, { timestamp: new Date().toISOString(), channel: "pH", value: 7.1, unit: "" });
assert.equal((await reading)[0].data.pH.value, 7.1);
await until(await head());
const kinds = ["session.created", "session.started", "note.created", "note.updated", "note.appended", "note.deleted"];
const told = seen.filter(([name, frame]) => frame.sequence && /^(session|note)/.test(name)).map(([name]) => name);
assert.deepEqual(told, kinds);
assert.ok(seen.some(([name, frame]) => name === "presence" && frame.data.people.length === 1));

// the connection drops, others go on, the client comes back by its cursor
const dropped = heard(socket, "disconnect");
socket.io.engine.close();
await dropped;
const back = heard(socket, "connect");
await note("one");
await Promise.all([note("two"), note("three"), back]);
const all = await head();
await until(all);
assert.deepEqual(numbers(), upTo(all));

// from an index on, once more
seen.length = 0;
last = 0;
assert.deepEqual(await socket.emitWithAck("resume", { sessionId: id, fromIndex: 0 }), { ok: true });
await until(all);
assert.deepEqual(numbers(), upTo(all));
const unseen = await socket.emitWithAck("resume", { sessionId: "sess_unknown", fromIndex: 0 });
assert.deepEqual([unseen.ok, unseen.code], [false, 4404]);

// echoes
for (const [said, name] of [["slide_progress", "slide:progress"], ["slide_completed", "slide:completed"], ["error", "error"]]) {
  const echo = heard(socket, name);
  socket.emit(said, { jobId: "job_1", message: said });
  assert.deepEqual(await echo, [{ jobId: "job_1", message: said }]);
}

// refusals
for (const [auth, code] of [[{}, 4401], [{ token: "bl_x" }, 4401], [{ token: given.token, sessionId: "sess_x" }, 4404]]) {
  const refused = client(auth);
  const [error] = await heard(refused, "connect_error");
  assert.equal(error.data?.code, code, error.message);
  refused.close();
}

// the end of the session, and of the token
const ended = heard(socket, "session.ended");
await ask("PATCH", session, { status: "ended" });
assert.equal((await ended)[0].data.status, "completed");
const transport = socket.io.engine.transport.name;
const closing = heard(socket, "closing");
const gone = heard(socket, "disconnect");
await ask("DELETE", `/api/v1/tokens/${given.tokenId}`);
assert.equal((await closing)[0].code, 4401);
assert.equal((await gone)[0], "io server disconnect");
assert.ok(!socket.active);

assert.ok(last > all);
assert.deepEqual(numbers(), upTo(last));
console.log(transport);
