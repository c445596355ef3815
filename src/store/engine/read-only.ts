// Connections to a server that takes no writes: how they are recognised, and when the pool gives them up. After a
// failover the old primary may live on, read-only and more outdated by the minute, while new connections reach the new
// one.

/** The SQLSTATE of a write that the server refuses because it, or the session, is read-only. */
export const READ_ONLY = '25006';

/** Since version 14, Postgres tells a client what these settings are, and that they have changed. */
const REPORTED = new Set(['in_hot_standby', 'default_transaction_read_only']);

/** The first time between two connections that are given up, and the longest; it doubles in between. */
const MIN_PAUSE_MS = 1_000;
const MAX_PAUSE_MS = 5_000;

/** What is known about the server behind one connection. */
export class ServerState {
  /** A write was refused. The reports of some servers do not say that they are read-only. */
  hasRefusedWrites = false;
  private readonly readOnlySettings = new Set<string>();

  /** Takes a report of the server; returns whether the server is read-only because of it. */
  report(setting: string, value: string): boolean {
    if (!REPORTED.has(setting)) return false;
    if (value === 'on') this.readOnlySettings.add(setting);
    else this.readOnlySettings.delete(setting);
    return value === 'on';
  }

  get isReadOnly(): boolean {
    return this.hasRefusedWrites || this.readOnlySettings.size > 0;
  }
}

export function isWriteRefused(error: unknown): boolean {
  const { code, cause } = (error ?? {}) as { code?: unknown; cause?: { code?: unknown } };
  return code === READ_ONLY || cause?.code === READ_ONLY;
}

/** What a pool must know of a connection. */
export interface PooledServer {
  server: ServerState;
  /** How many connections had been given up when this one was opened. */
  generation: number;
  /** What is running on it. */
  execution: object | undefined;
}

/**
 * Decides which connections a pool gives up: one whose server takes no writes, because a new one may reach another
 * server, and then, once a new one takes writes, all older ones, because what they read is outdated.
 */
export class ReadOnlyServers<Connection extends PooledServer> {
  /** How many connections have been given up so far. */
  generation = 0;
  /** Whether a connection may be to a server that takes no writes. Nothing else is looked at as long as it is false. */
  isSuspicious = false;
  /** The newest generation that has reached a server which takes writes. */
  private confirmed = 0;
  private pause = MIN_PAUSE_MS;
  private nextAt = 0;
  private readonly replace: (connection: Connection, error: object) => void;
  private readonly onServerChanged: () => void;

  constructor(replace: (connection: Connection, error: object) => void, onServerChanged = () => {}) {
    this.replace = replace;
    this.onServerChanged = onServerChanged;
  }

  /** Called when a statement on `connection` has ended, before its caller is answered. */
  afterUse(connection: Connection, connections: readonly Connection[]): void {
    const lost = { code: READ_ONLY };
    if (connection.server.isReadOnly) {
      if (!this.mayGiveUp()) return;
      this.generation += 1;
      this.replace(connection, lost);
      return;
    }
    if (connection.generation < this.confirmed) {
      this.replace(connection, lost);
    } else if (connection.generation > this.confirmed) {
      this.confirmed = connection.generation;
      for (const other of connections) {
        if (other.generation < this.confirmed && !other.execution) this.replace(other, lost);
      }
      this.onServerChanged();
    }
    this.isSuspicious = connections.some((other) => other.generation < this.confirmed || other.server.isReadOnly);
  }

  /**
   * A database may stay read-only for hours, and every attempt to find another server costs it a connection. So there is
   * one at a time, after longer and longer pauses.
   */
  private mayGiveUp(): boolean {
    const now = performance.now();
    if (now < this.nextAt) return false;
    // After a while without any, the next outage is another one.
    if (now - this.nextAt > 2 * MAX_PAUSE_MS) this.pause = MIN_PAUSE_MS;
    this.nextAt = now + this.pause;
    this.pause = Math.min(2 * this.pause, MAX_PAUSE_MS);
    return true;
  }
}
