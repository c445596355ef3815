// What one operation has read, opened and is about to answer: counted, so that no caller can take more than its share.
import type { EnvironmentKeys } from '../../crypto/environment-keys.js';
import { AppError } from '../../errors/errors.js';
import { withCause } from '../../errors/refusals.js';
import type { ByteBudget, ByteLease } from '../../scheduling/byte-budget.js';

export interface OperationLimits {
  /** Bytes that one answer may have. */
  maxResponseBytes: number;
}

/** Fields that may fail, each with an error of its own: one more, and the operation is refused as a whole. */
const MAX_FAILED_FIELDS = 1_000;

/** Called when the operation holds bytes for the first time. It must see to it that `close` is called in the end. */
export type OnHold = (operation: Operation) => void;

export class Operation {
  /** Whether lists may be handed on as a stream of portions, because whoever prints the answer can do that. */
  canStream = false;
  /**
   * The refusal of the operation as a whole, because its answer has become too large or because there was no room for it:
   * then nothing of the answer is shown, and nothing more of it is worth any work.
   */
  refusal: AppError | undefined;
  /** Values that the operation has opened, by secret and the revision that set them: each is opened once. */
  readonly opened = new Map<string, string | Promise<string>>();
  /** Keys that the operation has had loaded anew for values that did not open, by environment and version. */
  readonly freshKeys = new Map<string, Promise<EnvironmentKeys>>();
  /** Types that lists have left out, by secret: each is read once. */
  readonly types = new Map<string, Promise<string>>();
  /** Long types in readable form, by their documents: each is made once. */
  readonly describedTypes = new Map<string, Promise<string>>();
  readonly #budget: ByteBudget;
  readonly #account: string;
  readonly #limits: OperationLimits;
  readonly #onHold: OnHold | undefined;
  #lease: ByteLease | undefined;
  #failedFields = 0;
  /** Bytes of values and types that the answer has so far. */
  answerBytes = 0;

  constructor(budget: ByteBudget, account: string, limits: OperationLimits, onHold?: OnHold) {
    this.#budget = budget;
    this.#account = account;
    this.#limits = limits;
    this.#onHold = onHold;
  }

  /**
   * An operation of the same caller: an event of a stream is counted like a request of its own. Whoever runs it closes it.
   */
  next(): Operation {
    return new Operation(this.#budget, this.#account, this.#limits);
  }

  /**
   * Reserves bytes before they are read. Undefined when there is room at once; else a promise, which rejects with
   * UNAVAILABLE when there is none for too long. Whatever the operation would reserve afterwards is refused at once.
   */
  take(bytes: number): undefined | Promise<void> {
    if (bytes === 0) return this.#held().take(0);
    if (this.refusal) return Promise.reject(this.refusal);
    return this.#held()
      .take(bytes)
      ?.catch((error: AppError) => {
        this.refusal ??= error;
        throw this.refusal;
      });
  }

  /** Counts bytes that have been read already. */
  add(bytes: number): void {
    this.#held().add(bytes);
  }

  /** Gives back bytes that turned out not to be needed. */
  give(bytes: number): void {
    this.#lease?.give(bytes);
  }

  /** Counts a part of the answer, as often as it is selected. RESPONSE_TOO_LARGE when the answer exceeds its limit. */
  answer(bytes: number): void {
    this.answerBytes += bytes;
    if (this.answerBytes <= this.#limits.maxResponseBytes) return;
    this.refusal ??= responseTooLarge(this.#limits.maxResponseBytes);
    throw this.refusal;
  }

  /** Counts a field that is answered with an error, because each of thousands would have to be made, held and printed. */
  fail(error: unknown): void {
    this.#failedFields += 1;
    if (this.#failedFields <= MAX_FAILED_FIELDS || !(error instanceof AppError)) return;
    const { code, message, details, cause } = error;
    const words = `More than ${MAX_FAILED_FIELDS} fields of the answer fail: ${message}`;
    this.refusal ??= withCause(new AppError(code, words, details), cause);
  }

  /** Bytes that the answer may have as a whole. */
  get maxResponseBytes(): number {
    return this.#limits.maxResponseBytes;
  }

  /** Gives back everything, once the answer is sent or given up. */
  close(): void {
    this.#lease?.close();
    this.opened.clear();
    this.freshKeys.clear();
    this.types.clear();
    this.describedTypes.clear();
  }

  #held(): ByteLease {
    if (!this.#lease) {
      this.#lease = this.#budget.lease(this.#account);
      this.#onHold?.(this);
    }
    return this.#lease;
  }
}

export function responseTooLarge(maxResponseBytes: number): AppError {
  return new AppError(
    'RESPONSE_TOO_LARGE',
    `The answer would have more than ${maxResponseBytes} bytes (MAX_RESPONSE_BYTES); ask for less at a time`,
  );
}
