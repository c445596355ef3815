// The attacks, one function each. `scale` 1 is what was measured when the attack was found; the suite doubles it. Each one
// goes on until `signal`, and tells `tally` what it gets.
import { request } from 'node:http';
import { createConnection, judge, openSocket, pause, repeat } from './client.mjs';

const MIB = 1024 * 1024;

const listPath = ({ listEnvironment }) => `/v1/envs/${listEnvironment}/agent-secrets`;
const aliases = (count, field) => Array.from({ length: count }, (_, index) => `a${index}: ${field}`).join(' ');
const connections = (attack, count) => Array.from({ length: count }, () => createConnection(attack));

/** A GraphQL operation on so many connections, again and again. */
function repeatOperation(attack, atOnce, query, variables) {
  const callers = connections(attack, atOnce);
  return repeat(attack, atOnce, (index) => callers[index].graphql(attack.token, query, variables));
}

/** No attack at all. */
const nobody = ({ ms, signal }) => pause(ms, signal);

// The table.

/** 29 aliases of `nodes` with one id 170 times, 8 fields with its value: 2.6 GB to print. */
function values(attack) {
  const id = attack.secretIds[0];
  const fields = 'document secretValue secretValueText';
  const query = `query ($ids: [ID!]!) { ${aliases(29, 'nodes(ids: $ids) { ...Values }')} }
    fragment Values on AgentSecret { ${fields} revisions(first: 1) { edges { node { secretValue secretValueText agentSecret { ${fields} } } } } }`;
  return repeatOperation(attack, 6 * attack.scale, query, { ids: Array(170).fill(id) });
}

/** Pipelined GETs of a full list on one connection, 16 KiB read every 6 s. */
async function slowReader(attack) {
  const step = 16 * 1024;
  for (let index = 0; index < attack.scale; index += 1) {
    const socket = openSocket(attack, { highWaterMark: step, reads: false });
    const get = `GET ${listPath(attack)} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${attack.token}\r\n\r\n`;
    socket.write(get.repeat(30));
    socket.pause();
    const reading = setInterval(() => attack.tally.took(socket.read()?.length ?? 0), 6_000);
    socket.on('readable', () => undefined);
    socket.on('close', () => clearInterval(reading));
  }
  await pause(attack.ms, attack.signal);
}

/** GETs of a full list, each read as fast as can be. */
function lists(attack) {
  const callers = connections(attack, 16 * attack.scale);
  return repeat(attack, callers.length, (index) =>
    callers[index].send('GET', listPath(attack), { token: attack.token }),
  );
}

/** Streams whose first event is a change set of 100 kept values of 64 KiB, each under 28 names: 183 MB. */
function events(attack) {
  const query = `subscription ($id: UUID!, $after: Revision) { agentSecretChanges(environmentId: $id, after: $after) {
    environmentRevision changes { ${aliases(28, 'secretValue')} } } }`;
  const variables = { id: attack.listEnvironment, after: attack.beforeKept };
  return repeat(attack, 6 * attack.scale, () => firstEvent(attack, JSON.stringify({ query, variables })));
}

function firstEvent({ url, token, tally, signal }, body) {
  return new Promise((resolve) => {
    let head = '';
    let tail = '';
    let isOver = false;
    const isWhole = () => /\}\s*$/.test(tail);
    const finish = (note) => {
      if (!isOver) note();
      isOver = true;
      outgoing.destroy();
      resolve();
    };
    const stopped = () =>
      finish(() => (signal.aborted ? tally.got('a stream at the end') : tally.wrong('a cut stream')));
    const outgoing = request(
      `${url}/graphql`,
      {
        agent: false,
        method: 'POST',
        headers: {
          accept: 'text/event-stream',
          authorization: `Bearer ${token}`,
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
        },
      },
      (answer) => {
        const isStream = answer.headers['content-type']?.startsWith('text/event-stream');
        answer.on('data', (bytes) => {
          tally.took(bytes.length);
          if (head.length < 65_536) head += bytes.toString('latin1', 0, 65_536);
          tail = (tail + bytes.toString('latin1', Math.max(0, bytes.length - 4_096))).slice(-4_096);
          const begins = head.indexOf('data: ');
          if (!isStream || begins === -1 || !tail.endsWith('\n\n')) return;
          finish(() => judge(tally, answer.statusCode, head.slice(begins + 6) + tail, isWhole(), token));
        });
        answer.on('end', () => {
          if (!isStream) return finish(() => judge(tally, answer.statusCode, head + tail, isWhole(), token));
          // Where there is no room in time, a stream ends between two events without `complete`: clients resume it.
          const isBetweenEvents = tail === '' || tail.endsWith('\n\n');
          return isBetweenEvents && !signal.aborted ? finish(() => tally.got('a stream to resume')) : stopped();
        });
        answer.on('error', stopped);
      },
    );
    outgoing.on('error', stopped);
    signal.addEventListener('abort', stopped, { once: true });
    outgoing.end(body);
  });
}

/** Bodies of 1 MiB full of members, from nobody. */
function bodies(attack) {
  const body = filled('{', (index) => `"${index}":1`, '}');
  const callers = connections(attack, 8 * attack.scale);
  return repeat(attack, callers.length, (index) => callers[index].send('POST', '/graphql', { body, mayBeCut: true }));
}

/** 40 clients that each want a full list, once. */
async function fortyLists(attack) {
  await Promise.all(connections(attack, 40).map(({ send }) => send('GET', listPath(attack), { token: attack.token })));
}

// And what else comes to mind.

/** Connections that each ask for a full list and take nothing of it. */
async function neverRead(attack) {
  for (let index = 0; index < 40 * attack.scale; index += 1) {
    const socket = openSocket(attack, { highWaterMark: 1024, reads: false });
    socket.pause();
    socket.write(
      `GET ${listPath(attack)} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${attack.token}\r\n\r\n`,
    );
  }
  await pause(attack.ms, attack.signal);
}

/** Full lists that cost the caller no reading. */
function heads(attack) {
  const callers = connections(attack, 16 * attack.scale);
  return repeat(attack, callers.length, (index) =>
    callers[index].send('HEAD', listPath(attack), { token: attack.token }),
  );
}

/** Every value of an environment ten times in one answer. */
function documents(attack) {
  const query = `query ($id: UUID!) { environment(id: $id) { ${aliases(10, 'agentSecretDocuments')} } }`;
  return repeatOperation(attack, 4 * attack.scale, query, { id: attack.listEnvironment });
}

/** The same as it was at a revision. */
function past(attack) {
  const query =
    'query ($id: UUID!, $at: Revision!) { environment(id: $id) { snapshot(revision: $at) { agentSecretDocuments } } }';
  return repeatOperation(attack, 8 * attack.scale, query, { id: attack.listEnvironment, at: attack.beforeKept });
}

/** Types of 64 KiB, 200 on a page, the page 30 times: no value is opened. */
function metadata(attack) {
  const page = 'agentSecrets(first: 200) { edges { node { secretType secretTypeText } } }';
  const query = `query ($id: UUID!) { environment(id: $id) { ${aliases(30, page)} } }`;
  return repeatOperation(attack, 4 * attack.scale, query, { id: attack.typeEnvironment });
}

/** Pages in pages, down to values. */
function nested(attack) {
  const query = `{ viewer { applications(first: 5) { edges { node { environments(first: 5) { edges { node {
    agentSecrets(first: 200) { edges { node { secretTypeText document } } } } } } } } } } }`;
  return repeatOperation(attack, 8 * attack.scale, query);
}

/** As many items as a request may read, on many connections; none of them large. */
function items(attack) {
  const page =
    'agentSecrets(first: 200) { edges { cursor node { id pathText createdAt updatedBy { name } lastReadAt } } }';
  const query = `query ($id: UUID!) { environment(id: $id) { ${aliases(30, page)} } }`;
  return repeatOperation(attack, 50 * attack.scale, query, { id: attack.listEnvironment });
}

/** A change set that changes nothing, and shows 100 values of 64 KiB, each under 28 names. */
function echoes(attack) {
  const query = `mutation ($input: ApplyAgentSecretChangesInput!) { applyAgentSecretChanges(input: $input) {
    ... on ApplyAgentSecretChangesPayload { results { ... on AgentSecretState { ${aliases(28, 'secretValue')} } } } } }`;
  const changes = attack.secretIds
    .slice(0, 100)
    .map((id) => ({ update: { id, currentRevision: attack.keptRevision } }));
  const input = { environmentId: attack.listEnvironment, dryRun: true, changes };
  return repeatOperation(attack, 4 * attack.scale, query, { input });
}

/** Updates with bodies of 1 MiB, none of which can be done. */
function updates(attack) {
  const value = JSON.stringify('x'.repeat(MIB - 200));
  const body = Buffer.from(`{"currentRevision":4242,"secretValue":{"op":"set","value":${value}}}`);
  const callers = connections(attack, 100 * attack.scale);
  return repeat(attack, callers.length, (index) => {
    const path = `/v1/agent-secrets/${attack.secretIds[index]}`;
    return callers[index].send('PATCH', path, { token: attack.token, body, mayBeCut: true });
  });
}

/** Bodies of 1 MiB of many shapes, from somebody with a token. */
function shapes(attack) {
  const create = 'mutation ($input: CreateAgentSecretInput!) { createAgentSecret(input: $input) { __typename } }';
  const graphql = (input) =>
    `{"query":${JSON.stringify(create)},"variables":{"input":{"environmentId":"${attack.typeEnvironment}",${input}`;
  const secret = '"path":["shape"],"secretType":{"type":"List","inner":{"type":"U8"}},"secretValue":';
  const all = [
    filled('[', () => '[', '', ''),
    filled('[', () => '[]', ']'),
    filled(graphql(`${secret}[`), () => '1', ']}}}'),
    filled(graphql(secret), () => '9999999999', '}}}', ''),
    filled(graphql(`${secret}"`), () => '\\u0041', '"}}}', ''),
    filled(graphql(`${secret}"`), () => '\\\\', '"}}}', ''),
    filled(graphql(`${secret}{`), (index) => `"${index}":{}`, '}}}}'),
    filled(graphql('"secretType":{"type":"Str"},"path":['), () => '"a"', ']}}}'),
    filled(graphql('"path":["a"],"secretType":{"type":"Tuple","items":['), () => '{"type":"Bool"}', ']}}}}'),
    filled(graphql('"path":["a"],"secretType":{"type":"Enum","cases":['), (index) => `"c${index}"`, ']}}}}'),
    filled('{"query":"{ viewer { id } } ', () => '#\\n', '"}', ''),
    filled('{"query":"{ viewer { id } } ', () => ',,,,', '"}', ''),
    filled('{"query":"{ node(id: \\"', () => 'xxxx', '\\") { id } }"}', ''),
  ];
  const callers = connections(attack, 8 * attack.scale);
  const options = { token: attack.token, mayBeCut: true };
  return repeat(attack, callers.length, (index, turn) =>
    callers[index].send('POST', '/graphql', { ...options, body: all[(index + turn) % all.length] }),
  );
}

/** Comments are no tokens, and nobody needs a credential to send them. */
function comments(attack) {
  const body = filled('{"query":"{ viewer { id } } ', () => '#\\n', '"}', '');
  const callers = connections(attack, 8 * attack.scale);
  return repeat(attack, callers.length, (index) => callers[index].send('POST', '/graphql', { body, mayBeCut: true }));
}

/** Documents that are short, never the same, and much work to validate: each field is compared with each. */
function validation(attack) {
  const callers = connections(attack, 8 * attack.scale);
  return repeat(attack, callers.length, (index, turn) =>
    callers[index].graphql(attack.token, `{ ${'viewer { id } '.repeat(490)} } # ${process.pid} ${index} ${turn}`),
  );
}

/** Bodies of 1 MiB of which the last byte never comes; half of them with a token. */
async function slowBodies(attack) {
  const most = Buffer.alloc(MIB - 1, ' ');
  for (let index = 0; index < 750 * attack.scale && !attack.signal.aborted; index += 1) {
    const socket = openSocket(attack);
    const line = index % 2 === 0 ? 'POST /graphql' : `PATCH /v1/agent-secrets/${attack.secretIds[index % 1_000]}`;
    const credential = index % 2 === 0 ? '' : `authorization: Bearer ${attack.token}\r\n`;
    socket.write(
      `${line} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n${credential}content-length: ${MIB}\r\n\r\n`,
    );
    socket.write(most);
    if (index % 20 === 19) await pause(20, attack.signal);
  }
  await pause(attack.ms, attack.signal);
}

/** Connections that say nothing. */
async function idle(attack) {
  for (let index = 0; index < 1_000 * attack.scale && !attack.signal.aborted; index += 1) {
    openSocket(attack);
    if (index % 100 === 99) await pause(20, attack.signal);
  }
  await pause(attack.ms, attack.signal);
}

/** A body of just 1 MiB. */
function filled(before, part, after, between = ',') {
  let text = before;
  for (let index = 0; ; index += 1) {
    const next = `${index === 0 ? '' : between}${part(index)}`;
    if (text.length + next.length + after.length > MIB) return Buffer.from(text + after);
    text += next;
  }
}

/** Values that the token may not be shown: an error for each of 12,000 fields. */
function forbidden(attack) {
  const page = 'agentSecrets(first: 200) { edges { node { secretValue secretValueText } } }';
  const query = `query ($id: UUID!) { environment(id: $id) { ${aliases(30, page)} } }`;
  return repeatOperation({ ...attack, token: attack.metadataToken }, 6 * attack.scale, query, {
    id: attack.typeEnvironment,
  });
}

export const ATTACKS = {
  nobody,
  values,
  slowReader,
  lists,
  events,
  bodies,
  fortyLists,
  neverRead,
  heads,
  documents,
  past,
  metadata,
  nested,
  items,
  echoes,
  forbidden,
  updates,
  shapes,
  comments,
  validation,
  slowBodies,
  idle,
};
