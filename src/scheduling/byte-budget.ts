// A budget of bytes that operations of all accounts share: who does not fit waits in line, fairly by account.
import { unavailable } from '../errors/refusals.js';

export interface ByteBudgetOptions {
  /** Bytes that all operations together may hold. */
  capacity: number;
  /** Bytes that the operations of one account may hold together; half of the capacity unless told. */
  accountCapacity?: number;
  /** Milliseconds for which an operation waits for room before it is refused. */
  maxWaitMs?: number;
  /** Operations that wait at most; one more is refused at once. */
  maxWaiting?: number;
}

/** What one operation holds of the budget. */
export interface ByteLease {
  readonly held: number;
  /**
   * Takes bytes before they are read or made. Undefined when there is room at once; else a promise that resolves when
   * there is, and rejects with UNAVAILABLE when there is none for too long. Without bytes, only the account's own line
   * and share count.
   */
  take(bytes: number): undefined | Promise<void>;
  /** Takes bytes that are there already: never waits. */
  add(bytes: number): void;
  /** Gives back some of the bytes. */
  give(bytes: number): void;
  /** Gives back everything; the lease is not used again. */
  close(): void;
}

export interface ByteBudget {
  /** Bytes held by all operations. */
  readonly used: number;
  /** Operations that wait for room. */
  readonly waiting: number;
  /** A lease for an operation of this account. It costs nothing until it takes something. */
  lease(account: string): ByteLease;
}

interface Waiter {
  lease: Lease;
  bytes: number;
  timer: NodeJS.Timeout;
  resolve(): void;
  reject(error: unknown): void;
}

/** What the budget knows of an account that holds something or waits. */
interface Account {
  name: string;
  held: number;
  waiters: Waiter[];
}

const MAX_WAIT_MS = 10_000;
const MAX_WAITING = 5_000;
const RETRY_AFTER_SECONDS = 5;

class Lease implements ByteLease {
  held = 0;
  isWaiting = false;
  isClosed = false;
  readonly #budget: Budget;
  readonly account: string;

  constructor(budget: Budget, account: string) {
    this.#budget = budget;
    this.account = account;
  }

  take(bytes: number): undefined | Promise<void> {
    return this.#budget.take(this, bytes);
  }

  add(bytes: number): void {
    this.#budget.add(this, bytes);
  }

  give(bytes: number): void {
    this.#budget.give(this, Math.min(bytes, this.held));
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    if (this.held > 0 || this.isWaiting) this.#budget.close(this);
  }
}

class Budget implements ByteBudget {
  readonly #capacity: number;
  readonly #accountCapacity: number;
  readonly #maxWaitMs: number;
  readonly #maxWaiting: number;
  used = 0;
  waiting = 0;
  /** Leases that hold something and do not wait: these will give it back without anybody's help. */
  #active = 0;
  /** In the order in which the next round looks at them. */
  readonly #accounts = new Map<string, Account>();

  constructor({ capacity, accountCapacity, maxWaitMs, maxWaiting }: ByteBudgetOptions) {
    this.#capacity = capacity;
    this.#accountCapacity = accountCapacity ?? Math.floor(capacity / 2);
    this.#maxWaitMs = maxWaitMs ?? MAX_WAIT_MS;
    this.#maxWaiting = maxWaiting ?? MAX_WAITING;
  }

  lease(account: string): ByteLease {
    return new Lease(this, account);
  }

  take(lease: Lease, bytes: number): undefined | Promise<void> {
    const account = this.#accounts.get(lease.account);
    // Behind others of the same account it waits in line, whatever there is room for.
    if (!account?.waiters.length && this.#fits(account, bytes)) {
      this.add(lease, bytes);
      return undefined;
    }
    if (this.waiting >= this.#maxWaiting) return Promise.reject(tooMuch());
    return new Promise((resolve, reject) => this.#wait(lease, bytes, resolve, reject));
  }

  add(lease: Lease, bytes: number): void {
    if (bytes <= 0 || lease.isClosed) return;
    if (lease.held === 0 && !lease.isWaiting) this.#active += 1;
    lease.held += bytes;
    this.used += bytes;
    this.#account(lease.account).held += bytes;
  }

  give(lease: Lease, bytes: number): void {
    if (bytes <= 0) return;
    lease.held -= bytes;
    this.used -= bytes;
    const account = this.#account(lease.account);
    account.held -= bytes;
    if (lease.held === 0 && !lease.isWaiting) this.#active -= 1;
    this.#forget(account);
    if (this.waiting > 0) this.#serve();
  }

  close(lease: Lease): void {
    const account = this.#account(lease.account);
    for (const waiter of account.waiters.filter((each) => each.lease === lease)) {
      this.#leave(account, waiter);
      waiter.reject(tooMuch());
    }
    this.give(lease, lease.held);
    this.#forget(account);
    // Those behind it in the line may fit, even if it has held nothing.
    if (this.waiting > 0) this.#serve();
  }

  #account(name: string): Account {
    let account = this.#accounts.get(name);
    if (!account) {
      account = { name, held: 0, waiters: [] };
      this.#accounts.set(name, account);
    }
    return account;
  }

  #forget(account: Account): void {
    if (account.held === 0 && account.waiters.length === 0) this.#accounts.delete(account.name);
  }

  /**
   * A request for more than there can ever be fits when nothing else is held. One that reserves nothing, such as a read
   * of a single secret, does not wait for what other accounts hold.
   */
  #fits(account: Account | undefined, bytes: number): boolean {
    const held = account?.held ?? 0;
    const hasRoom = bytes === 0 || this.used + bytes <= this.#capacity || this.used === 0;
    return hasRoom && (held + bytes <= this.#accountCapacity || held === 0);
  }

  #wait(lease: Lease, bytes: number, resolve: () => void, reject: (error: unknown) => void): void {
    const account = this.#account(lease.account);
    const timer = setTimeout(() => {
      this.#leave(account, waiter);
      reject(tooMuch());
      this.#forget(account);
      this.#serve();
    }, this.#maxWaitMs);
    timer.unref();
    const waiter: Waiter = { lease, bytes, timer, resolve, reject };
    account.waiters.push(waiter);
    this.waiting += 1;
    if (!lease.isWaiting && lease.held > 0) this.#active -= 1;
    lease.isWaiting = true;
    // When all who hold something wait for more, nobody would ever give anything back.
    if (this.#active === 0) this.#serve();
  }

  #leave(account: Account, waiter: Waiter): void {
    clearTimeout(waiter.timer);
    account.waiters.splice(account.waiters.indexOf(waiter), 1);
    this.waiting -= 1;
    const { lease } = waiter;
    lease.isWaiting = account.waiters.some((other) => other.lease === lease);
    if (!lease.isWaiting && lease.held > 0) this.#active += 1;
  }

  /** One of each account in turn, as long as somebody's first fits. */
  #serve(): void {
    for (let isProgress = true; isProgress && this.waiting > 0; ) {
      isProgress = false;
      for (const account of [...this.#accounts.values()]) {
        const [first] = account.waiters;
        if (!first || !this.#fits(account, first.bytes)) continue;
        this.#grant(account, first);
        isProgress = true;
      }
    }
    if (this.#active === 0 && this.waiting > 0) this.#rescue();
  }

  /** The one that holds most goes on beyond the capacity: so it ends, and the others follow. */
  #rescue(): void {
    let most: { account: Account; waiter: Waiter } | undefined;
    for (const account of this.#accounts.values()) {
      for (const waiter of account.waiters) {
        if (!most || waiter.lease.held > most.waiter.lease.held) most = { account, waiter };
      }
    }
    if (most) this.#grant(most.account, most.waiter);
  }

  #grant(account: Account, waiter: Waiter): void {
    this.#leave(account, waiter);
    this.add(waiter.lease, waiter.bytes);
    // To the end of the round.
    this.#accounts.delete(account.name);
    this.#accounts.set(account.name, account);
    waiter.resolve();
  }
}

function tooMuch() {
  return unavailable('The service holds as much for its callers as it may, try again shortly', RETRY_AFTER_SECONDS);
}

export function createByteBudget(options: ByteBudgetOptions): ByteBudget {
  return new Budget(options);
}
