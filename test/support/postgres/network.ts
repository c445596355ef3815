// A network between the service and its Postgres that can stop delivering without saying so.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface Network {
  /** The database's address by way of this network. */
  url: string;
  /** From now on what is sent either way is lost. */
  swallow(): void;
  /** From now on the server's answers are kept back; everything else is delivered. */
  holdAnswers(): void;
  /** From now on nothing is delivered in either direction, and nothing is lost. */
  hold(): void;
  /** Delivers what was held, and everything from now on. */
  release(): void;
  /** Works again, for new connections. */
  recover(): void;
  /** Cuts each connection with this probability; new ones are let through. */
  cut(probability?: number): void;
  /** From now on new connections lose what the server says unasked: as behind a pooler in transaction mode. */
  swallowNotifications(): void;
  close(): void;
}

export async function networkTo(databaseUrl: string): Promise<Network> {
  const url = new URL(databaseUrl);
  const { hostname, port } = url;
  let swallows = false;
  let isDeaf = false;
  const held = { requests: false, answers: false };
  const wires = new Set<{ socket: Socket; carries: keyof typeof held }>();
  const server = createServer((near) => {
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
    close() {
      server.close();
      cut();
    },
  };
}

const NOTIFICATION = 'A'.charCodeAt(0);

/** Passes on what a Postgres server says, message by message: a byte for the kind, four for the length with themselves. */
function withoutNotifications(): (bytes: Buffer) => Buffer {
  let kept: Buffer = Buffer.alloc(0);
  return (bytes) => {
    kept = Buffer.concat([kept, bytes]);
    const passed: Buffer[] = [];
    while (kept.length >= 5) {
      const length = 1 + kept.readUInt32BE(1);
      if (kept.length < length) break;
      if (kept[0] !== NOTIFICATION) passed.push(kept.subarray(0, length));
      kept = kept.subarray(length);
    }
    return Buffer.concat(passed);
  };
}
