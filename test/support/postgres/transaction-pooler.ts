// A road to Postgres with the manners of a stock PgBouncer in transaction mode: it refuses what lives in a session.
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** The startup parameters that PgBouncer takes; every other one ends the connection. */
const KNOWN = new Set([
  'user',
  'database',
  'client_encoding',
  'datestyle',
  'timezone',
  'standard_conforming_strings',
  'application_name',
]);
/** What the next transaction would meet on another connection, or somebody else on this one. */
const OF_SESSION = /^\s*set\s+(?!local\b)|pg_(try_)?advisory_lock|\blisten\b/i;

export interface TransactionPooler {
  url: string;
  close(): Promise<void>;
}

export async function startTransactionPooler(url: string): Promise<TransactionPooler> {
  const to = new URL(url);
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(Number(to.port), to.hostname);
    for (const [socket, other] of [[near, far] as const, [far, near] as const]) {
      sockets.add(socket);
      socket
        .on('error', () => undefined)
        .on('close', () => {
          sockets.delete(socket);
          other.destroy();
        });
    }
    far.pipe(near);
    const problemOf = reader();
    near.on('data', (data: Buffer) => {
      // It offers no TLS.
      if (isTlsRequest(data)) return void near.write('N');
      const problem = problemOf(data);
      if (problem === undefined) far.write(data);
      else near.end(fatal(problem));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  return {
    url: Object.assign(new URL(url), { host: `127.0.0.1:${port}` }).href,
    async close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

const isTlsRequest = (data: Buffer): boolean => data.length === 8 && data.readUInt32BE(4) === 80_877_103;

/** Reads what a client sends, message by message, and tells what a pooler would object to. */
function reader(): (data: Buffer) => string | undefined {
  let rest: Buffer = Buffer.alloc(0);
  let isStarted = false;
  return (data) => {
    rest = Buffer.concat([rest, data]);
    for (;;) {
      // The first message has no type in front of its length.
      const head = isStarted ? 1 : 0;
      if (rest.length < head + 4) return undefined;
      const end = head + rest.readUInt32BE(head);
      if (rest.length < end) return undefined;
      const words = rest.toString('utf8', head + 4, end).split('\0');
      const problem = isStarted
        ? problemOfMessage(String.fromCharCode(rest[0] as number), words)
        : problemOfStart(words);
      if (problem !== undefined) return problem;
      isStarted = true;
      rest = rest.subarray(end);
    }
  };
}

/** The protocol's version is no more than a few bytes, one of them zero, before the first name. */
function problemOfStart(words: string[]): string | undefined {
  const first = words.indexOf('user');
  const names = words.slice(first).filter((word, index) => index % 2 === 0 && word !== '');
  const unknown = names.find((name) => !KNOWN.has(name.toLowerCase()));
  return unknown && `unsupported startup parameter: ${unknown}`;
}

function problemOfMessage(type: string, words: string[]): string | undefined {
  if (type === 'P' && words[0] !== '') return 'prepared statements do not outlive their transaction';
  const text = type === 'P' ? words[1] : type === 'Q' ? words[0] : undefined;
  return text !== undefined && OF_SESSION.test(text) ? 'session state does not outlive its transaction' : undefined;
}

function fatal(message: string): Buffer {
  const fields = Buffer.from(`SFATAL\0VFATAL\0C08P01\0M${message}\0\0`);
  const head = Buffer.alloc(5);
  head.write('E');
  head.writeUInt32BE(4 + fields.length, 1);
  return Buffer.concat([head, fields]);
}
