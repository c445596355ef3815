// Reads from /proc what a process has used so far. The answer is null without /proc, or when the process runs elsewhere.
import { readFile } from 'node:fs/promises';
import type { Sql } from 'postgres';

/** Linux counts processor time in hundredths of a second for everyone, whatever its own clock. */
const MICROS_PER_TICK = 10_000;

/** Returns the processor time of one process in user and kernel mode, in microseconds. */
export async function cpuOf(pid: number): Promise<number | null> {
  const stat = await statOf(pid);
  return stat && stat.own * MICROS_PER_TICK;
}

export async function residentMegabytes(pid: number): Promise<number | null> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const kilobytes = /^VmRSS:\s*(\d+) kB$/m.exec(status)?.[1];
  return kilobytes === undefined ? null : Number(kilobytes) / 1_024;
}

/** Returns how many files and connections each process may have open. Node raises the soft limit to the hard limit. */
export async function openFilesLimit(): Promise<number> {
  const limits = await readFile('/proc/self/limits', 'utf8').catch(() => '');
  return Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? Number.POSITIVE_INFINITY);
}

/** Finds the first process of the Postgres server, if it runs on this machine. */
export async function findPostmaster(sql: Sql): Promise<number | null> {
  const [row] = await sql<{ pid: number }[]>`select pg_backend_pid() as pid`;
  const backend = row && (await statOf(row.pid));
  if (backend?.name !== 'postgres') return null;
  return (await statOf(backend.parent))?.name === 'postgres' ? backend.parent : null;
}

/** Returns the processor time of the server and all its processes, including ended ones, in microseconds. */
export async function cpuOfPostgres(postmaster: number | null): Promise<number | null> {
  if (postmaster === null) return null;
  const main = await statOf(postmaster);
  if (!main) return null;
  const children = await readFile(`/proc/${postmaster}/task/${postmaster}/children`, 'utf8').catch(() => '');
  const stats = await Promise.all(children.split(' ').flatMap((pid) => (/^\d+$/.test(pid) ? statOf(Number(pid)) : [])));
  const ticks = stats.reduce((sum, stat) => sum + (stat?.own ?? 0), main.own + main.ended);
  return ticks * MICROS_PER_TICK;
}

async function statOf(pid: number) {
  const line = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  if (line === undefined) return null;
  const name = line.slice(line.indexOf('(') + 1, line.lastIndexOf(')'));
  // The fields begin with field 3 of proc(5), because the name before it may contain blanks.
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  const number = (field: number) => Number(fields[field - 3]);
  return { name, parent: number(4), own: number(14) + number(15), ended: number(16) + number(17) };
}
