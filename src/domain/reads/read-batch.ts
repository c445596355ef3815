// A batch of opened values that one statement writes. It holds columns instead of one object per opening, because such
// objects would needlessly outlive their request.

import { newId } from '../../ids/new-id.js';
import type { SecretReadColumns } from '../../store/reads/read-audit.js';
import { actorOf, type RequestFacts } from '../request/actor.js';

/**
 * Maximum number of openings in one row. It is limited because reading a page of the audit log examines every opening
 * of the rows it touches.
 */
export const ROW = 1_000;
/** Maximum number of rows in one statement. It is limited because serializing the parameters blocks the event loop. */
const MAX_ROWS_PER_STATEMENT = 1_000;
/**
 * Maximum number of openings in one statement, far below what a statement can take. Larger batches are cheaper, because
 * a statement has costs of its own.
 */
const MAX_OPENINGS_PER_STATEMENT = 10_000;

export interface ReadBatch {
  readonly columns: SecretReadColumns;
  openings: number;
  /** A closed batch takes no more openings: it is being written, and every retry writes the same content. */
  isClosed: boolean;
  readonly committed: Promise<void>;
  settle(error?: unknown): void;
}

export function newReadBatch(isAwaited: boolean): ReadBatch {
  const { committed, settle } = isAwaited ? newCommitment() : UNAWAITED_COMMITMENT;
  return { columns: newColumns(), openings: 0, isClosed: false, committed, settle };
}

/** Whether the batch has room for one more row with this many openings. */
export function hasRoom({ columns, openings, isClosed }: ReadBatch, added: number): boolean {
  return !isClosed && columns.id.length < MAX_ROWS_PER_STATEMENT && openings + added <= MAX_OPENINGS_PER_STATEMENT;
}

/** Combines closed batches that no caller waits for into as few as possible. The rows and their order stay the same. */
export function merged(batches: readonly ReadBatch[]): ReadBatch[] {
  const all: ReadBatch[] = [];
  for (const batch of batches) {
    const last = all.at(-1);
    if (last && fitTogether(last, batch)) {
      for (const key of COLUMNS) (last.columns[key] as unknown[]).push(...batch.columns[key]);
      last.openings += batch.openings;
    } else {
      all.push(batch);
    }
  }
  return all;
}

function fitTogether(one: ReadBatch, other: ReadBatch): boolean {
  const rows = one.columns.id.length + other.columns.id.length;
  return rows <= MAX_ROWS_PER_STATEMENT && one.openings + other.openings <= MAX_OPENINGS_PER_STATEMENT;
}

/** One row of a batch: what one request opened in one environment. */
export interface ReadRow {
  readonly batch: ReadBatch;
  readonly place: number;
  readonly environmentId: string;
  openings: number;
}

/** Adds a row for one or more openings, with ids and revisions separated by commas. */
export function addRow(
  batch: ReadBatch,
  ctx: RequestFacts,
  environmentId: string,
  ids: string,
  revisions: string,
  openings: number,
): ReadRow {
  const { columns } = batch;
  const { accountId, tokenId } = actorOf(ctx);
  // The time is taken before the id, which begins with a time of its own, so that the id is never earlier: queries for
  // rows since a given time skip rows with earlier ids.
  const at = now();
  const id = newId();
  columns.at.push(at);
  columns.id.push(id);
  columns.environmentId.push(environmentId);
  columns.accountId.push(accountId);
  columns.tokenId.push(tokenId);
  columns.door.push(ctx.door);
  columns.requestId.push(ctx.requestId);
  columns.agentSecretIds.push(ids);
  columns.revisions.push(revisions);
  batch.openings += openings;
  return { batch, place: columns.id.length - 1, environmentId, openings };
}

let sharedDate = new Date(0);

/**
 * Returns the same Date for all rows of a millisecond, because under load many rows are kept in memory until they are
 * written.
 */
function now(): Date {
  const at = Date.now();
  if (sharedDate.getTime() !== at) sharedDate = new Date(at);
  return sharedDate;
}

/** Whether one more opening in this environment fits into the row. */
export function takes({ batch, environmentId, openings }: ReadRow, openedEnvironmentId: string): boolean {
  return (
    environmentId === openedEnvironmentId &&
    openings < ROW &&
    !batch.isClosed &&
    batch.openings < MAX_OPENINGS_PER_STATEMENT
  );
}

/** The ids and revisions in a row. */
export function* openingsIn({ batch, place }: ReadRow): Generator<[id: string, revision: string]> {
  const ids = (batch.columns.agentSecretIds[place] as string).split(',');
  const revisions = (batch.columns.revisions[place] as string).split(',');
  for (const [index, id] of ids.entries()) yield [id, revisions[index] as string];
}

/** Adds one more opening to a row. */
export function addToRow(row: ReadRow, id: string, revision: bigint): void {
  const { agentSecretIds, revisions } = row.batch.columns;
  agentSecretIds[row.place] += `,${id}`;
  revisions[row.place] += `,${revision}`;
  row.openings += 1;
  row.batch.openings += 1;
}

function newColumns(): SecretReadColumns {
  return {
    id: [],
    environmentId: [],
    agentSecretIds: [],
    revisions: [],
    accountId: [],
    tokenId: [],
    door: [],
    requestId: [],
    at: [],
  };
}
const COLUMNS = Object.keys(newColumns()) as (keyof SecretReadColumns)[];

const UNAWAITED_COMMITMENT = { committed: Promise.resolve(), settle: () => {} };

function newCommitment(): Pick<ReadBatch, 'committed' | 'settle'> {
  let settle: ReadBatch['settle'] = () => {};
  const committed = new Promise<void>((resolve, reject) => {
    settle = (error) => (error === undefined ? resolve() : reject(error));
  });
  // Not every promise is awaited, and an unhandled rejection would end the process.
  committed.catch(() => {});
  return { committed, settle };
}
