// Generates the load in two ways: as fast as the answers arrive, or at fixed times.
import { type Answer, openWires, type Wire } from './wire.js';

/** One request, and the check of its answer. */
export interface Exchange {
  request: string;
  /** This is called once with the body of the answer when the status is 2xx. False counts as an error. */
  accepts(body: string): boolean;
}

/** Makes a function for each connection that returns its next exchange. */
export type Script = (connection: number) => () => Exchange;

export interface Load {
  requests: number;
  seconds: number;
  /** These are the latencies in milliseconds, in ascending order. */
  latencies: Float64Array;
  errors: number;
  /** This text describes the first error. */
  firstError: string | undefined;
}

/** This is a closed loop: every connection sends its next request when the answer to the last one is complete. */
export async function runLoad(url: string, connections: number, seconds: number, script: Script): Promise<Load> {
  const wires = await openWires(url, connections);
  const tally = startTally();
  const deadline = performance.now() + seconds * 1_000;
  const converse = (wire: Wire, next: () => Exchange) =>
    new Promise<void>((resolve) => {
      const send = () => {
        const exchange = next();
        const sent = performance.now();
        wire.send(exchange.request, (answer) => {
          const isOpen = tally.add(exchange, answer, sent);
          if (isOpen && performance.now() < deadline) send();
          else resolve();
        });
      };
      send();
    });
  await Promise.all(wires.map((wire, connection) => converse(wire, script(connection))));
  return tally.end(wires);
}

/** This is the shortest time that a timer waits, in milliseconds. */
const TICK_MS = 1;

/**
 * This is an open loop: requests are due at fixed times, whether or not earlier answers have arrived. Latency is measured
 * from the time when a request was due, so that waiting for a free connection, because the server is busy, counts too.
 */
export async function runSchedule(
  url: string,
  connections: number,
  seconds: number,
  perSecond: number,
  script: Script,
): Promise<Load> {
  const wires = await openWires(url, connections);
  const next = script(0);
  const idle = [...wires];
  const due: number[] = [];
  const tally = startTally();
  const started = performance.now();
  const total = Math.max(1, Math.round(seconds * perSecond));
  let answered = 0;
  await new Promise<void>((resolve) => {
    const dispatch = () => {
      while (due.length > 0 && idle.length > 0) {
        const wire = idle.shift() as Wire;
        const moment = due.shift() as number;
        const exchange = next();
        wire.send(exchange.request, (answer) => {
          tally.add(exchange, answer, moment);
          // A broken connection answers every further request with an error immediately.
          idle.push(wire);
          if (++answered === total) resolve();
          else dispatch();
        });
      }
    };
    let planned = 0;
    const tick = () => {
      const now = performance.now();
      while (planned < total && started + (planned * 1_000) / perSecond <= now) {
        due.push(started + (planned++ * 1_000) / perSecond);
      }
      dispatch();
      if (planned < total) setTimeout(tick, TICK_MS);
    };
    tick();
  });
  return tally.end(wires);
}

function startTally() {
  const started = performance.now();
  const latencies: number[] = [];
  let errors = 0;
  let firstError: string | undefined;
  const fail = (what: string) => {
    errors += 1;
    firstError ??= what;
  };
  return {
    /** Counts an answer, and returns false when the connection has broken. */
    add(exchange: Exchange, answer: Answer | string, since: number): boolean {
      if (typeof answer === 'string') {
        fail(answer);
        return false;
      }
      latencies.push(performance.now() - since);
      const isGood = answer.status >= 200 && answer.status < 300 && exchange.accepts(answer.body);
      if (!isGood) fail(`${answer.status} ${answer.body.slice(0, 300)}`);
      return true;
    },
    end(wires: readonly Wire[]): Load {
      const seconds = (performance.now() - started) / 1_000;
      for (const wire of wires) wire.close();
      return {
        requests: latencies.length,
        seconds,
        latencies: Float64Array.from(latencies).sort(),
        errors,
        firstError,
      };
    },
  };
}
