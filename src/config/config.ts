// Reads the environment variables into one frozen configuration object. No other code reads process.env.
import { isAbsolute, resolve } from 'node:path';
import { bool, cleanEnv, str } from 'envalid';
import type { Address } from '../address/address.js';
import { READ_AUDIT_MODES, type ReadAuditMode } from '../domain/reads/read-audit.js';
import { LOG_FORMATS, type LogFormat, type LogLevel } from '../logging/logger.js';
import { databaseFrom, schemaName } from './database.js';
import { misspelled } from './misspelled.js';
import { issuerUrl, keysUrl, type OidcConfig, oidcFrom, oidcProblems } from './oidc.js';
import { withSecretFiles } from './secret-files.js';
import { httpUrl, pathName, type TransitConfig, transitFrom, transitProblems } from './transit.js';
import { expectationOf, oneOf, origins, wholeNumber, workers } from './values.js';

export interface Config {
  /** What may be a mistake and does not keep the service from starting. */
  readonly warnings: readonly string[];
  readonly production: boolean;
  readonly host: string;
  readonly port: number;
  /** Where metrics are served; undefined: nowhere. */
  readonly metricsPort: number | undefined;
  readonly metricsHost: string;
  /** Number of processes that share the port; with 1, this process serves alone. */
  readonly workers: number;
  /** Seconds between the signal to stop and the end of listening, in which load balancers notice. */
  readonly drainDelaySeconds: number;
  /** Undefined means the embedded database in `dataDir`. */
  readonly databaseUrl: string | undefined;
  /** What `databaseUrl` says, together with the variables of psql. */
  readonly databaseAddress: Address | undefined;
  /** Whether a start migrates the database. */
  readonly migrate: boolean;
  /** Whether a database that newer code has migrated is used if it declares that this code may. */
  readonly allowNewerSchema: boolean;
  /** Undefined means the one that the search path of the role leads to. */
  readonly databaseSchema: string | undefined;
  readonly databasePoolSize: number;
  readonly databaseStatementTimeout: number;
  /** Seconds that a start waits for a database that cannot serve. */
  readonly databaseWait: number;
  readonly databasePooler: boolean;
  readonly databasePrepare: boolean;
  readonly dataDir: string;
  /** The provider that wraps new data keys. The other one, if it is configured, still unwraps the keys it wrapped. */
  readonly masterKeyProvider: 'local' | 'transit';
  /** Undefined with Transit, unless it is set explicitly. */
  readonly masterKeyFile: string | undefined;
  /** The keyring itself, as an alternative to the file. */
  readonly masterKeys: string | undefined;
  readonly transit: TransitConfig | undefined;
  /** What new values are sealed with. Values of every algorithm are opened. */
  readonly sealAlgorithm: 'xchacha20-poly1305' | 'aes-256-gcm';
  /** The external issuer whose logins are accepted in addition to our own tokens. */
  readonly oidc: OidcConfig | undefined;
  readonly readAudit: ReadAuditMode;
  /** Days after which audit records of opened values may be removed. */
  readonly readRetentionDays: number;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
  /** Whether each request is logged, whatever the level. */
  readonly accessLog: boolean;
  readonly corsOrigins: readonly string[];
  readonly graphiql: boolean;
  readonly introspection: boolean;
  /** Path of the manifest of persisted documents. */
  readonly persistedDocuments: string | undefined;
  readonly persistedDocumentsOnly: boolean;
  readonly maxBodyBytes: number;
  /** The largest answer of a GraphQL operation. */
  readonly maxResponseBytes: number;
  /** What answers under way may hold in memory together; undefined: a share of the process's memory limit. */
  readonly memoryBudgetBytes: number | undefined;
  readonly maxDepth: number;
  readonly maxTokens: number;
  readonly maxAliases: number;
  readonly maxNodes: number;
  /** Requests per minute and client address; 0 means no limit. */
  readonly rateLimit: number;
  /** Requests per minute and account; 0 means no limit. */
  readonly accountRateLimit: number;
  /** How often a client address may fail to authenticate before it is slowed down; 0 means that it never is. */
  readonly failedCredentials: number;
  readonly trustProxy: boolean;
}

/** All problems of the environment variables, one per line. */
export class ConfigError extends Error {
  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.name = 'ConfigError';
  }
}

/**
 * Reads and checks the environment variables; throws a ConfigError that lists every problem. `needsMasterKeys` is false
 * for commands that only verify: they work without master keys, even in production.
 */
export function loadConfig(
  env: NodeJS.ProcessEnv = process.env,
  { needsMasterKeys = true }: { needsMasterKeys?: boolean } = {},
): Config {
  const problems: string[] = [];
  // An empty variable counts as missing: compose files and shells often leave a variable empty instead of unset.
  const nonEmpty = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''));
  const { variables: given, problems: fileProblems } = withSecretFiles(nonEmpty);
  problems.push(...fileProblems);
  const production = given.NODE_ENV === 'production';
  const clean = cleanEnv(
    given,
    {
      NODE_ENV: oneOf('production', 'development', 'test')({ default: undefined }),
      HOST: str({ default: '127.0.0.1' }),
      PORT: wholeNumber(0, 65_535)({ default: 4000 }),
      METRICS_PORT: wholeNumber(0, 65_535)({ default: undefined }),
      METRICS_HOST: str({ default: '127.0.0.1' }),
      WORKERS: workers({ default: 1 }),
      DRAIN_DELAY_SECONDS: wholeNumber(0, 300)({ default: undefined }),
      DATABASE_URL: str({ default: undefined }),
      DATABASE_URL_FILE: str({ default: undefined }),
      DATABASE_SCHEMA: schemaName({ default: undefined }),
      MIGRATE: bool({ default: true }),
      ALLOW_NEWER_SCHEMA: bool({ default: false }),
      DATABASE_POOL_SIZE: wholeNumber(1, 100)({ default: 4 }),
      DATABASE_STATEMENT_TIMEOUT_MS: wholeNumber(100, 600_000)({ default: 10_000 }),
      DATABASE_WAIT_SECONDS: wholeNumber(0, 3_600)({ default: 30 }),
      DATABASE_POOLER: bool({ default: false }),
      DATABASE_PREPARE: bool({ default: undefined }),
      DATA_DIR: str({ default: './data' }),
      MASTER_KEY_FILE: str({ default: undefined }),
      MASTER_KEYS: str({ default: undefined }),
      MASTER_KEYS_FILE: str({ default: undefined }),
      MASTER_KEY_PROVIDER: oneOf('local', 'transit')({ default: 'local' }),
      TRANSIT_URL: httpUrl({ default: undefined }),
      TRANSIT_MOUNT: pathName({ default: 'transit' }),
      TRANSIT_KEY: pathName({ default: undefined }),
      TRANSIT_TOKEN: str({ default: undefined }),
      TRANSIT_TOKEN_FILE: str({ default: undefined }),
      TRANSIT_NAMESPACE: pathName({ default: undefined }),
      SEAL_ALGORITHM: oneOf('xchacha20-poly1305', 'aes-256-gcm')({ default: 'xchacha20-poly1305' }),
      OIDC_ISSUER: issuerUrl({ default: undefined }),
      OIDC_AUDIENCE: str({ default: undefined }),
      OIDC_JWKS_URL: keysUrl({ default: undefined }),
      OIDC_ACCOUNT_CLAIM: str({ default: 'sub' }),
      OIDC_SCOPES_CLAIM: str({ default: undefined }),
      OIDC_CLOCK_TOLERANCE_SECONDS: wholeNumber(0, 300)({ default: 30 }),
      READ_AUDIT: oneOf<ReadAuditMode>(...READ_AUDIT_MODES)({ default: 'async' }),
      READ_RETENTION_DAYS: wholeNumber(1, 36_500)({ default: 90 }),
      LOG_LEVEL: oneOf<LogLevel>('debug', 'info', 'warn', 'error', 'silent')({ default: 'info' }),
      LOG_FORMAT: oneOf<LogFormat>(...LOG_FORMATS)({ default: 'json' }),
      ACCESS_LOG: bool({ default: false }),
      CORS_ORIGINS: origins({ default: [] }),
      GRAPHIQL: bool({ default: undefined }),
      INTROSPECTION: bool({ default: true }),
      PERSISTED_DOCUMENTS: str({ default: undefined }),
      PERSISTED_DOCUMENTS_ONLY: bool({ default: false }),
      MAX_BODY_BYTES: wholeNumber(1_024, 256 * 1024 * 1024)({ default: 1024 * 1024 }),
      MAX_RESPONSE_BYTES: wholeNumber(64 * 1024, 256 * 1024 * 1024)({ default: 64 * 1024 * 1024 }),
      MEMORY_BUDGET_BYTES: wholeNumber(16 * 1024 * 1024, 1024 ** 4)({ default: undefined }),
      GRAPHQL_MAX_DEPTH: wholeNumber(1, 100)({ default: 12 }),
      GRAPHQL_MAX_TOKENS: wholeNumber(100, 20_000)({ default: 2_000 }),
      GRAPHQL_MAX_ALIASES: wholeNumber(0, 1_000)({ default: 30 }),
      GRAPHQL_MAX_NODES: wholeNumber(100, 1_000_000_000)({ default: 500_000 }),
      RATE_LIMIT_PER_MINUTE: wholeNumber(0, 10_000_000)({ default: 0 }),
      RATE_LIMIT_PER_MINUTE_PER_ACCOUNT: wholeNumber(0, 10_000_000)({ default: 0 }),
      FAILED_CREDENTIALS_PER_ADDRESS: wholeNumber(0, 1_000_000)({ default: 20 }),
      TRUST_PROXY: bool({ default: false }),
    },
    {
      reporter: ({ errors }) => {
        for (const [name, error] of Object.entries(errors)) problems.push(`${name}: ${expectationOf(error)}`);
      },
    },
  );
  const database = databaseFrom(given);
  problems.push(...database.problems);
  // The checks below use `given` instead of `clean`, because envalid throws when an invalid variable is read.
  if (production && given.DATABASE_URL === undefined && given.DATABASE_URL_FILE === undefined) {
    problems.push('DATABASE_URL: required in production; the embedded database is for development');
  }
  // Also refuses `auto` on a machine with one core, so that the result does not depend on the machine.
  if (given.DATABASE_URL === undefined && given.WORKERS !== undefined && given.WORKERS !== '1') {
    problems.push('WORKERS: the embedded database is for one process; set DATABASE_URL to have several');
  }
  const isLocal = given.MASTER_KEY_PROVIDER !== 'transit';
  if (needsMasterKeys && production && isLocal && !given.MASTER_KEY_FILE && !given.MASTER_KEYS) {
    problems.push('MASTER_KEY_FILE: required in production; npm run master-key -- FILE makes one');
  }
  if (given.MASTER_KEY_FILE && given.MASTER_KEYS) problems.push('MASTER_KEYS: give it or MASTER_KEY_FILE, not both');
  problems.push(...transitProblems(given), ...oidcProblems(given));
  // An invalid boolean would throw when it is read, and is already in `problems`.
  if (problems.length === 0 && clean.PERSISTED_DOCUMENTS_ONLY) {
    if (!clean.PERSISTED_DOCUMENTS) {
      problems.push('PERSISTED_DOCUMENTS: required where PERSISTED_DOCUMENTS_ONLY is true');
    }
    if (clean.GRAPHIQL) problems.push('GRAPHIQL: it cannot run anything where PERSISTED_DOCUMENTS_ONLY is true');
  }
  if (problems.length > 0) throw new ConfigError(problems);
  const dataDir = isAbsolute(clean.DATA_DIR) ? clean.DATA_DIR : resolve(clean.DATA_DIR);
  return Object.freeze({
    warnings: Object.freeze(misspelled(Object.keys(nonEmpty), Object.keys(clean))),
    production,
    host: clean.HOST,
    port: clean.PORT,
    metricsPort: clean.METRICS_PORT,
    metricsHost: clean.METRICS_HOST,
    workers: clean.WORKERS,
    // HAProxy notices within 6 seconds by default: it looks every two, and believes the third failure.
    drainDelaySeconds: clean.DRAIN_DELAY_SECONDS ?? (production ? 10 : 0),
    databaseUrl: clean.DATABASE_URL,
    databaseAddress: database.address,
    databaseSchema: clean.DATABASE_SCHEMA,
    migrate: clean.MIGRATE,
    allowNewerSchema: clean.ALLOW_NEWER_SCHEMA,
    databasePoolSize: clean.DATABASE_POOL_SIZE,
    databaseStatementTimeout: clean.DATABASE_STATEMENT_TIMEOUT_MS,
    databaseWait: clean.DATABASE_WAIT_SECONDS,
    databasePooler: clean.DATABASE_POOLER,
    databasePrepare: clean.DATABASE_PREPARE ?? !clean.DATABASE_POOLER,
    dataDir,
    masterKeyProvider: clean.MASTER_KEY_PROVIDER,
    masterKeyFile: clean.MASTER_KEY_FILE ?? (isLocal ? resolve(dataDir, 'master-keys.json') : undefined),
    masterKeys: clean.MASTER_KEYS,
    transit: transitFrom(clean),
    sealAlgorithm: clean.SEAL_ALGORITHM,
    oidc: oidcFrom(clean),
    readAudit: clean.READ_AUDIT,
    readRetentionDays: clean.READ_RETENTION_DAYS,
    logLevel: clean.LOG_LEVEL,
    logFormat: clean.LOG_FORMAT,
    accessLog: clean.ACCESS_LOG,
    corsOrigins: Object.freeze([...clean.CORS_ORIGINS]),
    graphiql: clean.GRAPHIQL ?? !(production || clean.PERSISTED_DOCUMENTS_ONLY),
    introspection: clean.INTROSPECTION,
    persistedDocuments: clean.PERSISTED_DOCUMENTS,
    persistedDocumentsOnly: clean.PERSISTED_DOCUMENTS_ONLY,
    maxBodyBytes: clean.MAX_BODY_BYTES,
    maxResponseBytes: clean.MAX_RESPONSE_BYTES,
    memoryBudgetBytes: clean.MEMORY_BUDGET_BYTES,
    maxDepth: clean.GRAPHQL_MAX_DEPTH,
    maxTokens: clean.GRAPHQL_MAX_TOKENS,
    maxAliases: clean.GRAPHQL_MAX_ALIASES,
    maxNodes: clean.GRAPHQL_MAX_NODES,
    rateLimit: clean.RATE_LIMIT_PER_MINUTE,
    accountRateLimit: clean.RATE_LIMIT_PER_MINUTE_PER_ACCOUNT,
    failedCredentials: clean.FAILED_CREDENTIALS_PER_ADDRESS,
    trustProxy: clean.TRUST_PROXY,
  });
}
