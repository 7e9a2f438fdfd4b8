// The whole loop of a page that knows nothing but the browser's own WebSocket and fetch; runs in a signed-in page.
async ({ token, tokenId, team }) => {
  const frames = [];
  const check = (held, what) => { if (!held) throw new Error(`${what}; seen: ${frames.map((one) => one.event ?? one.type)}`); };

  async function ask(method, path, body) {
    const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
    const answer = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
    const text = await answer.text();
    check(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
    return JSON.parse(text);
  }

  // a socket with what came by it, and a way to wait for more
  function open(path, protocols = []) {
    const wire = new WebSocket(`${location.origin.replace("http", "ws")}${path}`, protocols);
    const came = [];
    const looks = new Set();
    const look = () => looks.forEach((one) => one());
    wire.onmessage = ({ data }) => {
      const frame = data.startsWith("{") ? JSON.parse(data) : { type: data };
      came.push(frame);
      frames.push(frame);
      look();
    };
    const closed = new Promise((resolve) => { wire.onclose = ({ code, reason }) => { resolve({ code, reason }); look(); }; });
    const until = (wanted, what) => new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`no ${what}; seen: ${JSON.stringify(came)}`)), 20_000);
      const one = () => {
        const found = came.find(wanted);
        if (found) { clearTimeout(late); looks.delete(one); resolve(found); }
      };
      looks.add(one);
      one();
    });
    const event = (name) => until((frame) => frame.event === name, name);
    const sequence = (number) => until((frame) => frame.sequence === number, number);
    const numbers = () => came.map((frame) => frame.sequence).filter((number) => number != null);
    return { wire, came, closed, until, event, sequence, numbers };
  }

  const { id } = await ask("POST", "/api/sessions", { name: "In a browser", team_id: team });
  const session = `/api/sessions/${id}`;
  const head = async () => (await ask("GET", `/api/experiment-console/sessions/${id}/timeline?limit=1`)).events[0].sequence;
  const note = (content) => ask("POST", `${session}/notes`, { timestamp: new Date().toISOString(), content });
  const upTo = (last) => JSON.stringify(Array.from({ length: last }, (_, index) => index + 1));

  // by the page's cookie and by the sub-protocol
  const mine = open(`/ws/sessions/${id}?after=0`);
  check((await mine.event("connected")).data.head === 2, "the head");
  const tokened = open(`/ws/sessions/${id}`, [`bearer.${token}`]);
  await tokened.event("connected");
  check(tokened.wire.protocol === `bearer.${token}`, "the sub-protocol");

  const { id: noteId } = await note("Foam");
  await ask("PUT", `${session}/notes/${noteId}`, { content: "Much foam" });
  await ask("PATCH", `${session}/notes/${noteId}`, { append_content: "Less now" });
  await ask("DELETE", `${session}/notes/${noteId}`);
  await ask("POST", `${session}/telemetry`, { timestamp: new Date().toISOString(), channel: "pH", value: 7.1, unit: "" });
  for (const name of ["session.created", "session.started", "note.created", "note.updated", "note.appended"]) await mine.event(name);
  check((await mine.event("note.deleted")).data.id === noteId, "the note withdrawn");
  check((await mine.event("telemetry")).data.pH.value === 7.1, "the reading");
  check((await mine.event("presence")).data.people.length === 1, "who is here");

  // ping, pong, and what nobody understands
  mine.wire.send("ping");
  await mine.until((frame) => frame.type === "pong", "pong");
  mine.wire.send("x".repeat(100_000));
  await mine.event("error");

  // away, and back by the cursor
  const first = await head();
  await mine.sequence(first);
  check(JSON.stringify(mine.numbers()) === upTo(first), "each once, in order");
  mine.wire.close();
  await mine.closed;
  await note("one");
  await note("two");
  const again = open(`/ws/sessions/${id}?after=${first}`);
  await again.sequence(first + 2);
  check(JSON.stringify([...mine.numbers(), ...again.numbers()]) === upTo(first + 2), "what was missed, once");

  // the end of the session, and of the token
  await ask("PATCH", session, { status: "ended" });
  check((await again.event("session.ended")).data.status === "completed", "the end");
  await ask("DELETE", `/api/v1/tokens/${tokenId}`);
  const { code, reason } = await tokened.closed;
  check(code === 4401 && reason.length > 10, `closed with ${code} ${reason}`);
  const refused = open(`/ws/sessions/${id}?token=${token}`);
  check((await refused.closed).code === 4401, "the token is refused");
  check((await open("/ws/sessions/sess_unknown").closed).code === 4404, "an unknown session");
  again.wire.close();
  return "done";
}
