// Openings that one statement writes: noted in columns, because an object for each would outlive its request for nothing.

import { newId } from '../../ids/new-id.js';
import type { SecretReadColumns } from '../../store/reads/read-audit.js';
import { actorOf, type RequestFacts } from '../request/actor.js';

/** Openings that one row tells at most: a page of the list looks at every opening of the rows it touches. */
export const ROW = 1_000;
/** Rows that one statement writes at most: nobody is served while its parameters are printed. */
const MAX_ROWS_PER_STATEMENT = 1_000;
/**
 * Openings that one statement writes at most: far less than it may take. The more, the better: each of their secrets is
 * told once that it was opened, however often that was.
 */
const MAX_OPENINGS_PER_STATEMENT = 10_000;

export interface ReadBatch {
  readonly columns: SecretReadColumns;
  openings: number;
  /** Takes no more: it is being written, as it is, however often that is tried. */
  isClosed: boolean;
  readonly committed: Promise<void>;
  settle(error?: unknown): void;
}

export function newReadBatch(isAwaited: boolean): ReadBatch {
  const { committed, settle } = isAwaited ? newCommitment() : UNAWAITED_COMMITMENT;
  return { columns: newColumns(), openings: 0, isClosed: false, committed, settle };
}

/** Whether so many openings fit in one more row. */
export function hasRoom({ columns, openings, isClosed }: ReadBatch, added: number): boolean {
  return !isClosed && columns.id.length < MAX_ROWS_PER_STATEMENT && openings + added <= MAX_OPENINGS_PER_STATEMENT;
}

/** Closed batches that nobody waits for as few as possible, their rows as they are and in the same order. */
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

/** What one request opened in one environment, noted in a batch. */
export interface ReadRow {
  readonly batch: ReadBatch;
  readonly place: number;
  readonly environmentId: string;
  openings: number;
}

/** A row of some openings: ids and revisions separated by commas. */
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
  // Before the id, which begins with its time: whoever looks for rows since a moment goes by that.
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

/** One date for all rows of a millisecond: under load there are many, and each waits. */
function now(): Date {
  const at = Date.now();
  if (sharedDate.getTime() !== at) sharedDate = new Date(at);
  return sharedDate;
}

/** Whether an opening in an environment can still be noted in a row. */
export function takes({ batch, environmentId, openings }: ReadRow, openedEnvironmentId: string): boolean {
  return (
    environmentId === openedEnvironmentId &&
    openings < ROW &&
    !batch.isClosed &&
    batch.openings < MAX_OPENINGS_PER_STATEMENT
  );
}

/** The ids and revisions that a row tells. */
export function* openingsIn({ batch, place }: ReadRow): Generator<[id: string, revision: string]> {
  const ids = (batch.columns.agentSecretIds[place] as string).split(',');
  const revisions = (batch.columns.revisions[place] as string).split(',');
  for (const [index, id] of ids.entries()) yield [id, revisions[index] as string];
}

/** One more opening in a row. */
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
  // Not everybody waits, and an error nobody hears of would end the process.
  committed.catch(() => {});
  return { committed, settle };
}
