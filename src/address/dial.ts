// Opens a connection to one host of an address, with TLS as the address asks for it. What is sent over it, the driver knows.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Address } from './address.js';
import type { Host } from './hosts.js';

/** The host was reached, but there is no connection to it that the address allows. */
export class ConnectionRefusal extends Error {
  readonly code: string;
  constructor(message: string, code: string) {
    super(message);
    this.code = code;
  }
}

/** Rejects with an error that has a code. `signal` ends the attempt, and the connection it may have led to. */
export async function dial({ tls, keepAliveSeconds }: Address, host: Host, signal: AbortSignal): Promise<Socket> {
  const open = () => opened(host, keepAliveSeconds, signal);
  if (host.isSocket || tls.use === 'never') return open();
  try {
    const socket = await open();
    if (!tls.isDirect && !(await isTlsOffered(socket, signal))) {
      if (tls.use === 'try') return socket;
      socket.destroy();
      throw new ConnectionRefusal('the server offers no TLS, and sslmode asks for it', 'CONNECT_TLS');
    }
    return await secured(socket, () => tls.options(host), signal);
  } catch (error) {
    // A server that cannot do it, or not well enough: whoever only prefers TLS goes on without.
    if (tls.use === 'try' && !signal.aborted && error instanceof ConnectionRefusal) return open();
    throw error;
  }
}

async function opened({ address, port, isSocket }: Host, keepAlive: number, signal: AbortSignal): Promise<Socket> {
  const place = isSocket ? { path: address } : { host: address, port };
  const socket = connect({
    ...place,
    noDelay: true,
    keepAlive: keepAlive > 0,
    keepAliveInitialDelay: keepAlive * 1_000,
  });
  await happening(socket, 'connect', signal);
  return socket;
}

/** The request for TLS: its length, and a number in place of a version of the protocol. */
const REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);

async function isTlsOffered(socket: Socket, signal: AbortSignal): Promise<boolean> {
  socket.write(REQUEST);
  const [answer] = (await happening(socket, 'data', signal)) as [Buffer];
  // More than one byte could be put in by whoever is on the way, to be taken for what comes after TLS has begun.
  if (answer.length === 1 && answer[0] === 0x53) return true;
  if (answer.length === 1 && answer[0] === 0x4e) return false;
  socket.destroy();
  throw new ConnectionRefusal('the server does not answer the request for TLS as Postgres does', 'CONNECT_TLS');
}

async function secured(socket: Socket, options: () => object, signal: AbortSignal): Promise<Socket> {
  let secure: ReturnType<typeof connectTls> | undefined;
  try {
    secure = connectTls({ ...options(), socket });
    await happening(secure, 'secureConnect', signal);
    return secure;
  } catch (error) {
    socket.destroy();
    secure?.destroy();
    if (signal.aborted) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    throw new ConnectionRefusal(`TLS with the server fails: ${message}${code ? ` (${code})` : ''}`, 'CONNECT_TLS');
  }
}

/** What comes with the event. When the connection fails or closes first, or `signal` ends it, it is destroyed. */
async function happening(socket: Socket, event: string, signal: AbortSignal): Promise<unknown[]> {
  const closed = new AbortController();
  const close = () => closed.abort(new ConnectionRefusal('the server closes the connection', 'CONNECT_CLOSED'));
  socket.once('close', close);
  try {
    return await once(socket, event, { signal: AbortSignal.any([signal, closed.signal]) });
  } catch (error) {
    // Whatever else is emitted before it is gone.
    socket.on('error', () => {}).destroy();
    if (closed.signal.aborted) throw closed.signal.reason;
    throw signal.aborted ? signal.reason : error;
  } finally {
    socket.off('close', close);
  }
}
