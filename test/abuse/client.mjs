// How an attacker asks: HTTP as plain as it gets, and an eye for answers that are neither whole nor a documented refusal.
import { Agent, request } from 'node:http';
import { connect } from 'node:net';

/** What a caller may be told instead of an answer, by status. */
const REFUSALS = {
  400: ['INVALID_REQUEST', 'AGENT_SECRET_VALUE_TYPE_MISMATCH'],
  401: ['AUTH_UNAUTHORIZED'],
  409: ['CONCURRENT_UPDATE'],
  413: ['PAYLOAD_TOO_LARGE', 'RESPONSE_TOO_LARGE'],
  422: ['LIMIT_EXCEEDED'],
  429: ['RATE_LIMITED'],
  503: ['UNAVAILABLE'],
};
/** The same as errors of GraphQL. */
const ERRORS = new Set([
  ...['INVALID_REQUEST', 'RESPONSE_TOO_LARGE', 'PAYLOAD_TOO_LARGE', 'UNAVAILABLE', 'RATE_LIMITED', 'LIMIT_EXCEEDED'],
  'AUTH_UNAUTHORIZED',
  'AUTH_FORBIDDEN',
]);
/** So much of an answer is looked at for what it says; of the rest only whether it is whole. */
const KEPT = 64 * 1024;
const KEPT_BEHIND = 4 * 1024;

/** What an attack has got, by kind, and whatever it should never get. */
export function createTally() {
  const got = {};
  const wrong = {};
  let bytes = 0;
  const count = (kinds, kind) => {
    kinds[kind] = (kinds[kind] ?? 0) + 1;
  };
  return {
    got: (kind) => count(got, kind),
    wrong: (kind) => count(wrong, kind),
    took: (length) => {
      bytes += length;
    },
    result: () => ({ got, wrong, megabytes: Math.round(bytes / 1024 / 1024) }),
  };
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Whether bytes that come in pieces are one JSON text from its first bracket to its last; cheap on long strings. */
export function createJsonWatch() {
  let depth = 0;
  let isInString = false;
  let isEscaped = false;
  let isOver = false;
  let isBroken = false;
  return {
    push(bytes) {
      for (let at = 0; at < bytes.length && !isBroken; at += 1) {
        if (isInString) {
          if (isEscaped) {
            isEscaped = false;
            continue;
          }
          const quote = bytes.indexOf(QUOTE, at);
          const end = quote === -1 ? bytes.length : quote;
          const escaped = bytes.subarray(at, end).indexOf(BACKSLASH);
          if (escaped !== -1) {
            at += escaped;
            isEscaped = true;
          } else {
            isInString = quote === -1;
            at = end;
          }
          continue;
        }
        const code = bytes[at];
        if (isOver && code > 0x20) isBroken = true;
        else if (code === QUOTE) isInString = true;
        else if (code === 0x7b || code === 0x5b) depth += 1;
        else if (code === 0x7d || code === 0x5d) {
          depth -= 1;
          if (depth < 0) isBroken = true;
          isOver = depth === 0;
        }
      }
    },
    isWhole: () => isOver && !isInString && !isBroken,
  };
}

/** Notes what an answer is that has come to its end; `text` is its beginning, and its end if it is longer. */
export function judge(tally, status, text, isWhole, token) {
  if (status === 304) return tally.got('304');
  if (!isWhole) return tally.wrong(`${status} that is no whole JSON`);
  const codes = [...text.matchAll(/"code":"([A-Z_]+)"/g)].map(([, code]) => code);
  // Whoever is known stays known, however busy the service is.
  if (token !== undefined && codes[0] === 'AUTH_UNAUTHORIZED')
    return tally.wrong(`${status} ${codes[0]} for a valid token`);
  if (status === 200) {
    if (codes.length === 0 && !text.includes('"errors":[')) return tally.got('200');
    const strange = codes.find((code) => !ERRORS.has(code));
    if (codes.length === 0 || strange) return tally.wrong(`200 with the error ${strange}`);
    return tally.got(`200 with ${codes[0]}`);
  }
  const isDocumented = REFUSALS[status]?.includes(codes[0]) || (status === 400 && ERRORS.has(codes[0]));
  return isDocumented ? tally.got(`${status} ${codes[0]}`) : tally.wrong(`${status} ${codes[0]}`);
}

/** An attacker's connection: one request after another on it. */
export function createConnection({ url, tally, signal }) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  signal.addEventListener('abort', () => agent.destroy(), { once: true });
  /** Resolves, once the answer is over or the attack is, with the beginning of the answer. */
  function send(method, path, { token, body, headers = {}, mayBeCut = false } = {}) {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve('');
      const watch = createJsonWatch();
      let head = '';
      let tail = '';
      let status = 0;
      const ended = (error) => {
        if (signal.aborted) tally.got(status === 0 ? 'no answer by the end' : 'an answer under way at the end');
        else if (mayBeCut) tally.got(`cut (${error?.code ?? 'ended'})`);
        else tally.wrong(`cut after status ${status} (${error?.code ?? 'ended'})`);
        resolve(head);
      };
      const outgoing = request(
        `${url}${path}`,
        {
          agent,
          method,
          headers: {
            ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
            ...(body === undefined ? {} : { 'content-type': 'application/json', 'content-length': body.length }),
            ...headers,
          },
        },
        (answer) => {
          status = answer.statusCode;
          answer.on('data', (bytes) => {
            tally.took(bytes.length);
            watch.push(bytes);
            if (head.length < KEPT) head += bytes.toString('latin1', 0, KEPT - head.length);
            else tail = (tail + bytes.toString('latin1', Math.max(0, bytes.length - KEPT_BEHIND))).slice(-KEPT_BEHIND);
          });
          answer.on('error', ended);
          answer.on('end', () => {
            if (!answer.complete) return ended();
            if (method === 'HEAD') tally.got(`HEAD ${status}`);
            else judge(tally, status, head + tail, watch.isWhole(), token);
            resolve(head);
          });
        },
      );
      outgoing.on('error', ended);
      outgoing.end(body);
    });
  }
  const graphql = (token, query, variables, options) =>
    send('POST', '/graphql', { token, body: Buffer.from(JSON.stringify({ query, variables })), ...options });
  return { send, graphql };
}

/** A bare socket that the attack ends; whatever it is told is noted by its first line. */
export function openSocket({ url, tally, signal }, { highWaterMark, reads = true } = {}) {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), ...(highWaterMark ? { highWaterMark } : {}) });
  let isEnded = false;
  const ended = (kind) => {
    if (!isEnded) tally.got(kind);
    isEnded = true;
  };
  socket.on('error', (error) => ended(`cut (${error.code})`));
  socket.on('close', () => ended(signal.aborted ? 'open at the end' : 'cut (ended)'));
  if (reads)
    socket.on('data', (bytes) => void (/^HTTP\/1.1 \d+/.test(bytes) && tally.got(bytes.toString('latin1', 9, 12))));
  signal.addEventListener('abort', () => socket.destroy(), { once: true });
  return socket;
}

/** So many at once, each again and again until the attack is over. */
export async function repeat({ signal }, atOnce, work) {
  await Promise.all(
    Array.from({ length: atOnce }, async (_, index) => {
      for (let turn = 0; !signal.aborted; turn += 1) {
        await work(index, turn);
        // A service that is gone refuses at once.
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    }),
  );
}

export function pause(ms, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    const stop = () => {
      clearTimeout(timer);
      resolve();
    };
    signal.addEventListener('abort', stop, { once: true });
  });
}
