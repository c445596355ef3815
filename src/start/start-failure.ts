// Explains in one line for the operator why the service cannot start or a command cannot do its work.
import { ConnectionRefusal } from '../address/dial.js';
import { ConfigError } from '../config/config.js';
import { KeyringError } from '../crypto/local-keyring.js';
import { isOfKeyService } from '../crypto/transit-key-provider.js';
import { AppError } from '../errors/errors.js';
import { poolerWordsOf } from '../logging/logger.js';
import { DataFolderInUse } from '../store/engine/data-folder-lock.js';
import { troubleOf } from '../store/engine/outage.js';

/** The start failed in another process (a worker); the message is its explanation. */
export class StartFailure extends Error {}

export function explainFailure(error: unknown, what = 'Cannot start'): string {
  if (error instanceof StartFailure) return error.message;
  if (error instanceof ConfigError) return `Bad configuration: ${error.message.split('\n').join('; ')}`;
  if (error instanceof KeyringError || error instanceof DataFolderInUse) return `${what}: ${error.message}`;
  if (error instanceof AppError && isOfKeyService(error.cause)) {
    return `${what}: ${error.cause.message}`;
  }
  if (error instanceof AppError && error.code === 'UNAVAILABLE') {
    const cause = codeOf(error.cause);
    const words = poolerWordsOf(error.cause);
    if (words !== undefined) {
      return `${what}: the pooler of DATABASE_URL refuses the connection (08P01): ${words}${adviceFor(words)}`;
    }
    if (error.cause instanceof ConnectionRefusal) {
      return `${what}: the database of DATABASE_URL is not reachable (${cause}): ${error.cause.message}`;
    }
    if (cause && /^(28|3D)/.test(cause)) {
      return `${what}: the database of DATABASE_URL refuses this user or has no such database (${cause})`;
    }
    return `${what}: the database of DATABASE_URL ${troubleOf(error.cause) ?? 'is not reachable'} (${cause ?? 'no answer'})`;
  }
  const code = codeOf(error);
  const {
    port,
    address,
    path,
    hostname,
    variablePrefix = '',
  } = error as Partial<Record<'address' | 'path' | 'hostname' | 'variablePrefix', string>> & { port?: number };
  if (code === 'EADDRINUSE')
    return `${what}: ${address}:${port} is taken by another process; set ${variablePrefix}PORT to another one`;
  if (code === 'EADDRNOTAVAIL')
    return `${what}: ${address} is no address of this machine; set ${variablePrefix}HOST to another one`;
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return `${what}: ${hostname} is no name of this machine; set ${variablePrefix}HOST to another one`;
  }
  if (code === 'EACCES' && port !== undefined) return `${what}: not allowed to listen on ${address}:${port}`;
  if (code && ['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST', 'ENOSPC', 'ENOENT', 'EISDIR'].includes(code)) {
    return `${what}: the data folder is not usable (${code} on ${path ?? 'DATA_DIR'}); set DATA_DIR to another one`;
  }
  if (code === '42501') {
    // Postgres names the object, and nothing of its content.
    return `${what}: the user of DATABASE_URL lacks a right (${code}): ${(error as Error).message}; npm run migrate with the owner of the tables makes them, and gives rights with --grant-to`;
  }
  return `${what}: ${error instanceof Error ? error.message : String(error)}`;
}

function codeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | undefined)?.code;
  return typeof code === 'string' ? code : undefined;
}

/** Behind a pooler, nothing but `options` is sent that it could refuse. */
function adviceFor(words: string): string {
  const [, name] = /startup parameter: (\w+)/.exec(words) ?? [];
  if (name === undefined) return '';
  return name === 'options' ? '; leave options out of DATABASE_URL' : '; behind a pooler set DATABASE_POOLER=true';
}
