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
  close(): void;
}

export async function networkTo(databaseUrl: string): Promise<Network> {
  const url = new URL(databaseUrl);
  const { hostname, port } = url;
  let swallows = false;
  const held = { requests: false, answers: false };
  const wires = new Set<{ socket: Socket; carries: keyof typeof held }>();
  const server = createServer((near) => {
    const far = connect(Number(port), hostname);
    for (const [from, to, carries] of [
      [near, far, 'requests'],
      [far, near, 'answers'],
    ] as const) {
      wires.add({ socket: from, carries });
      from.on('data', (bytes) => swallows || to.write(bytes));
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
  function cut(): void {
    for (const { socket } of wires) socket.destroy();
    wires.clear();
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
    close() {
      server.close();
      cut();
    },
  };
}
