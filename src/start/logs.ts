// The loggers of a process, as the configuration wants them.
import type { Config } from '../config/config.js';
import { shownConfig } from '../config/shown.js';
import { VERSION } from '../http/version.js';
import { type AccessLog, createAccessLog } from '../logging/access-log.js';
import { createLogger, type Logger } from '../logging/logger.js';

/** `base` is on every line, where several processes write to the same standard error. */
export function openLog({ logLevel, logFormat }: Config, base: { pid: number } | null = null): Logger {
  return createLogger(logLevel, { format: logFormat, base });
}

/** Undefined where nobody wants it. */
export function openAccessLog(
  { accessLog, logFormat }: Config,
  base: { pid: number } | null = null,
): AccessLog | undefined {
  return accessLog ? createAccessLog(createLogger('info', { format: logFormat, base })) : undefined;
}

/** Not before the start has succeeded as far as its configuration goes: a start that fails says why, and nothing else. */
export function logStart(log: Logger, config: Config): void {
  for (const warning of config.warnings) log.warn(warning);
  log.info({ version: VERSION, node: process.version, ...shownConfig(config) }, 'started');
}
