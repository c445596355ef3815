// Simulates a network between the service and its Postgres, which can silently stop delivering.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface Network {
  /** This is the URL of the database through this network. */
  url: string;
  /** From now on, everything that is sent in either direction is lost. */
  swallow(): void;
  /** From now on, the answers of the server are held back, and everything else is delivered. */
  holdAnswers(): void;
  /** From now on, nothing is delivered in either direction, and nothing is lost. */
  hold(): void;
  /** Delivers everything that was held back, and everything from now on. */
  release(): void;
  /** Makes the network work again for new connections. */
  recover(): void;
  /** Cuts each connection with this probability. New connections still work. */
  cut(probability?: number): void;
  /** From now on, new connections lose the notices of the server, as behind a pooler in transaction mode. */
  swallowNotifications(): void;
  /** Counts the connections so far. */
  connections(): number;
  /** From now on, new connections reach the server of this URL. Those that are open stay where they are. */
  leadTo(databaseUrl: string): void;
  close(): void;
}

export async function networkTo(databaseUrl: string): Promise<Network> {
  const url = new URL(databaseUrl);
  let { hostname, port } = url;
  let connections = 0;
  let swallows = false;
  let isDeaf = false;
  const held = { requests: false, answers: false };
  const wires = new Set<{ socket: Socket; carries: keyof typeof held }>();
  const server = createServer((near) => {
    connections += 1;
    const far = connect(Number(port), hostname);
    for (const [from, to, carries] of [
      [near, far, 'requests'],
      [far, near, 'answers'],
    ] as const) {
      wires.add({ socket: from, carries });
      const pass = isDeaf && carries === 'answers' ? withoutNotifications() : (bytes: Buffer) => bytes;
      from.on('data', (bytes: Buffer) => swallows || to.write(pass(bytes)));
      from.on('error', () => {});
      from.on('close', () => to.destroy());
      if (held[carries]) from.pause();
    }
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  url.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;

  function setHeld(requests: boolean, answers: boolean): void {
    Object.assign(held, { requests, answers });
    for (const { socket, carries } of wires) {
      if (held[carries]) socket.pause();
      else socket.resume();
    }
  }
  function cut(probability = 1): void {
    for (const wire of wires) {
      if (probability < 1 && Math.random() >= probability) continue;
      wire.socket.destroy();
      wires.delete(wire);
    }
  }
  return {
    url: url.href,
    swallow() {
      swallows = true;
    },
    holdAnswers: () => setHeld(false, true),
    hold: () => setHeld(true, true),
    release: () => setHeld(false, false),
    recover() {
      swallows = false;
      cut();
    },
    cut,
    swallowNotifications() {
      isDeaf = true;
    },
    connections: () => connections,
    leadTo(elsewhere) {
      ({ hostname, port } = new URL(elsewhere));
    },
    close() {
      server.close();
      cut();
    },
  };
}

const NOTIFICATION = 'A'.charCodeAt(0);

/** Forwards the messages of a Postgres server. A message begins with one byte for its kind and four for its length. */
function withoutNotifications(): (bytes: Buffer) => Buffer {
  let kept: Buffer = Buffer.alloc(0);
  let isFirst = true;
  return (bytes) => {
    kept = Buffer.concat([kept, bytes]);
    const passed: Buffer[] = [];
    // The first answer may be a single byte: that there is no TLS.
    if (isFirst && kept.toString('latin1', 0, 1) === 'N') {
      passed.push(kept.subarray(0, 1));
      kept = kept.subarray(1);
    }
    isFirst = false;
    while (kept.length >= 5) {
      const length = 1 + kept.readUInt32BE(1);
      if (kept.length < length) break;
      if (kept[0] !== NOTIFICATION) passed.push(kept.subarray(0, length));
      kept = kept.subarray(length);
    }
    return Buffer.concat(passed);
  };
}
