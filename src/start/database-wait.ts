// A start waits for a database that cannot serve just now: it may be starting itself, or failing over.
import { setTimeout as sleep } from 'node:timers/promises';
import { isOfKeyService } from '../crypto/transit-key-provider.js';
import { AppError } from '../errors/errors.js';
import { codeOf, type Logger } from '../logging/logger.js';
import { troubleOf } from '../store/engine/outage.js';

const PAUSE_MS = 500;

/** Tries again for `seconds` while the database cannot serve; every other failure, and the last one, is passed on. */
export async function waitingForDatabase<T>(seconds: number, log: Logger, start: () => Promise<T>): Promise<T> {
  const began = performance.now();
  let told: string | undefined;
  for (;;) {
    try {
      const result = await start();
      const waited = Math.round((performance.now() - began) / 1_000);
      if (told) log.info({ waited }, 'the database of DATABASE_URL serves');
      return result;
    } catch (error) {
      const trouble = passingTrouble(error);
      const left = began + seconds * 1_000 - performance.now();
      if (trouble === undefined || left <= 0) throw error;
      if (trouble !== told) {
        const facts = { code: codeOf((error as AppError).cause), seconds: Math.ceil(left / 1_000) };
        log.warn(facts, `waiting for the database of DATABASE_URL, which ${trouble}`);
      }
      told = trouble;
      await sleep(Math.min(PAUSE_MS, left));
    }
  }
}

/** What is the matter with the database; undefined if the start failed for another reason, or for one that stays. */
function passingTrouble(error: unknown): string | undefined {
  if (!(error instanceof AppError) || error.code !== 'UNAVAILABLE') return undefined;
  if (isOfKeyService(error.cause)) return undefined;
  // The user or the database is wrong, or the protocol, or the certificate: that is for the operator to change.
  if (/^(28...|3D...|08P01|CONNECT_TLS|ERR_.*|CERT_.*|UNABLE_.*|SELF_.*|DEPTH_.*)$/.test(String(codeOf(error.cause)))) {
    return undefined;
  }
  return error.cause === undefined ? 'does not answer in time' : troubleOf(error.cause);
}
