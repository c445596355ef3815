// Cuts off clients that take their answers too slowly: whoever holds more of the memory has less time.
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Connections } from './connections.js';

export interface SlowReaderLimits {
  checkEveryMs: number;
  /** How long a client may take nothing at all, with a few KB waiting for it and with `MUCH` or more. */
  stalledMs: readonly [few: number, much: number];
  /** The period over which the rate of a client is measured while more than `WORTH_A_RATE` is waiting for it. */
  ratePeriodMs: number;
  minBytesPerSecond: number;
}

const LIMITS: SlowReaderLimits = {
  checkEveryMs: 1_000,
  stalledMs: [60_000, 10_000],
  ratePeriodMs: 30_000,
  minBytesPerSecond: 16 * 1024,
};

const FEW = 64 * 1024;
const MUCH = 1024 * 1024;
const WORTH_A_RATE = 256 * 1024;

/** What was seen of a connection with unsent data. Times are by `performance.now`. */
interface Progress {
  sent: number;
  lastSentAt: number;
  /** When the current measurement of the rate began, and how much had been sent then; undefined with little to send. */
  rateFrom: { at: number; sent: number } | undefined;
}

/** Looks at all connections regularly, for as long as the server listens. */
export function cutSlowReaders(server: Server, connections: Connections, limits: Partial<SlowReaderLimits> = {}): void {
  const { checkEveryMs, stalledMs, ratePeriodMs, minBytesPerSecond } = { ...LIMITS, ...limits };
  const progressOf = new WeakMap<Socket, Progress>();

  function isTooSlow(socket: Socket, unsent: number, now: number): boolean {
    const sent = bytesSent(socket);
    const progress = progressOf.get(socket) ?? { sent: -1, lastSentAt: now, rateFrom: undefined };
    progressOf.set(socket, progress);
    if (sent !== progress.sent) {
      progress.sent = sent;
      progress.lastSentAt = now;
    }
    if (now - progress.lastSentAt > allowedStall(unsent, stalledMs)) return true;
    if (unsent <= WORTH_A_RATE) {
      progress.rateFrom = undefined;
      return false;
    }
    progress.rateFrom ??= { at: now, sent };
    const elapsed = now - progress.rateFrom.at;
    if (elapsed < ratePeriodMs) return false;
    if (sent - progress.rateFrom.sent < (minBytesPerSecond * elapsed) / 1_000) return true;
    progress.rateFrom = { at: now, sent };
    return false;
  }

  function check(): void {
    const now = performance.now();
    for (const socket of connections.open()) {
      const unsent = connections.unsentBytes(socket);
      if (unsent === 0) progressOf.delete(socket);
      else if (isTooSlow(socket, unsent, now)) socket.destroy();
    }
  }

  let timer: NodeJS.Timeout | undefined;
  server.on('listening', () => {
    timer = setInterval(check, checkEveryMs).unref();
  });
  server.on('close', () => clearInterval(timer));
}

/** Between the two bounds, each doubling of what is waiting takes the same part of the time away. */
function allowedStall(unsent: number, [few, much]: readonly [number, number]): number {
  const share = Math.log2(unsent / FEW) / Math.log2(MUCH / FEW);
  return few - (few - much) * Math.min(1, Math.max(0, share));
}

/**
 * How many bytes the system has taken over for sending. Node counts a write as a whole and only when it is complete, but
 * its handle knows how much of it is left.
 */
function bytesSent(socket: Socket): number {
  const { _handle: handle } = socket as unknown as { _handle?: { bytesWritten: number; writeQueueSize: number } };
  return handle ? handle.bytesWritten - handle.writeQueueSize : 0;
}
