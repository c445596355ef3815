// Configuration: the environment in, one frozen object out. Nothing else reads process.env.
import { isAbsolute, resolve } from 'node:path';
import { bool, cleanEnv, EnvError, makeValidator, str } from 'envalid';
import type { LogLevel } from './log.js';

export interface Config {
  readonly production: boolean;
  readonly host: string;
  readonly port: number;
  /** Undefined: the embedded database in `dataDir`. */
  readonly databaseUrl: string | undefined;
  readonly databasePoolSize: number;
  readonly databaseStatementTimeout: number;
  readonly databasePooler: boolean;
  readonly databasePrepare: boolean;
  readonly dataDir: string;
  readonly masterKeyFile: string;
  /** The keyring itself, instead of a file. */
  readonly masterKeys: string | undefined;
  readonly logLevel: LogLevel;
  readonly corsOrigins: readonly string[];
  readonly graphiql: boolean;
  readonly introspection: boolean;
  readonly maxBodyBytes: number;
  readonly maxDepth: number;
  readonly maxTokens: number;
  readonly maxAliases: number;
  /** Requests a minute and client address; 0: no limit. */
  readonly rateLimit: number;
  readonly trustProxy: boolean;
}

/** Everything that is wrong with the environment, one problem a line. */
export class ConfigError extends Error {
  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.name = 'ConfigError';
  }
}

const oneOf = <T extends string>(...choices: T[]) =>
  makeValidator<T>((input) => {
    const choice = choices.find((name) => name === input);
    if (choice === undefined) throw new EnvError(`expected one of ${choices.join(', ')}`);
    return choice;
  });

const wholeNumber = (min: number, max: number) =>
  makeValidator<number>((input) => {
    const value = /^\d{1,15}$/.test(input) ? Number(input) : Number.NaN;
    if (!(value >= min && value <= max)) throw new EnvError(`expected a whole number from ${min} to ${max}`);
    return value;
  });

const postgresUrl = makeValidator<string>((input) => {
  if (!/^postgres(ql)?:$/.test(URL.canParse(input) ? new URL(input).protocol : '')) {
    throw new EnvError('expected a URL such as postgres://user:password@host:5432/database');
  }
  return input;
});

const origins = makeValidator<string[]>((input) => {
  const list = commaSeparated(input);
  // Origins are compared as they are: one with a wildcard in it would allow nobody.
  const isOrigin = (text: string) =>
    text === '*' || (!text.includes('*') && URL.canParse(text) && new URL(text).origin === text);
  if (!list.every(isOrigin)) {
    throw new EnvError('expected origins such as https://app.example.com, separated by commas');
  }
  return list;
});

function commaSeparated(input: string): string[] {
  return input.split(',').flatMap((part) => part.trim() || []);
}

/** Reads and checks the environment; throws a ConfigError that lists every problem. */
export function loadConfig(env: NodeJS.ProcessEnv = process.env): Config {
  const problems: string[] = [];
  // An empty variable is as good as none: that is how compose files and shells leave one out.
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''));
  const production = given.NODE_ENV === 'production';
  const clean = cleanEnv(
    given,
    {
      NODE_ENV: oneOf('production', 'development', 'test')({ default: undefined }),
      HOST: str({ default: '127.0.0.1' }),
      PORT: wholeNumber(0, 65_535)({ default: 4000 }),
      DATABASE_URL: postgresUrl({ default: undefined }),
      DATABASE_POOL_SIZE: wholeNumber(1, 100)({ default: 4 }),
      DATABASE_STATEMENT_TIMEOUT_MS: wholeNumber(100, 600_000)({ default: 10_000 }),
      DATABASE_POOLER: bool({ default: false }),
      DATABASE_PREPARE: bool({ default: undefined }),
      DATA_DIR: str({ default: './data' }),
      MASTER_KEY_FILE: str({ default: undefined }),
      MASTER_KEYS: str({ default: undefined }),
      LOG_LEVEL: oneOf<LogLevel>('debug', 'info', 'warn', 'error', 'silent')({ default: 'info' }),
      CORS_ORIGINS: origins({ default: [] }),
      GRAPHIQL: bool({ default: !production }),
      INTROSPECTION: bool({ default: true }),
      MAX_BODY_BYTES: wholeNumber(1_024, 256 * 1024 * 1024)({ default: 1024 * 1024 }),
      GRAPHQL_MAX_DEPTH: wholeNumber(1, 100)({ default: 12 }),
      GRAPHQL_MAX_TOKENS: wholeNumber(100, 20_000)({ default: 2_000 }),
      GRAPHQL_MAX_ALIASES: wholeNumber(0, 1_000)({ default: 30 }),
      RATE_LIMIT_PER_MINUTE: wholeNumber(0, 10_000_000)({ default: 0 }),
      TRUST_PROXY: bool({ default: false }),
    },
    {
      reporter: ({ errors }) => {
        for (const [name, error] of Object.entries(errors)) problems.push(`${name}: ${describe(error)}`);
      },
    },
  );
  // From here on `given`, not `clean`: envalid throws when a variable is read that did not pass.
  if (production && given.DATABASE_URL === undefined) {
    problems.push('DATABASE_URL: required in production; the embedded database is for development');
  }
  if (production && !given.MASTER_KEY_FILE && !given.MASTER_KEYS) {
    problems.push('MASTER_KEY_FILE: required in production; npm run master-key -- FILE makes one');
  }
  if (given.MASTER_KEY_FILE && given.MASTER_KEYS) problems.push('MASTER_KEYS: give it or MASTER_KEY_FILE, not both');
  if (problems.length > 0) throw new ConfigError(problems);
  const dataDir = isAbsolute(clean.DATA_DIR) ? clean.DATA_DIR : resolve(clean.DATA_DIR);
  return Object.freeze({
    production,
    host: clean.HOST,
    port: clean.PORT,
    databaseUrl: clean.DATABASE_URL,
    databasePoolSize: clean.DATABASE_POOL_SIZE,
    databaseStatementTimeout: clean.DATABASE_STATEMENT_TIMEOUT_MS,
    databasePooler: clean.DATABASE_POOLER,
    databasePrepare: clean.DATABASE_PREPARE ?? !clean.DATABASE_POOLER,
    dataDir,
    masterKeyFile: clean.MASTER_KEY_FILE ?? resolve(dataDir, 'master-keys.json'),
    masterKeys: clean.MASTER_KEYS,
    logLevel: clean.LOG_LEVEL,
    corsOrigins: Object.freeze([...clean.CORS_ORIGINS]),
    graphiql: clean.GRAPHIQL,
    introspection: clean.INTROSPECTION,
    maxBodyBytes: clean.MAX_BODY_BYTES,
    maxDepth: clean.GRAPHQL_MAX_DEPTH,
    maxTokens: clean.GRAPHQL_MAX_TOKENS,
    maxAliases: clean.GRAPHQL_MAX_ALIASES,
    rateLimit: clean.RATE_LIMIT_PER_MINUTE,
    trustProxy: clean.TRUST_PROXY,
  });
}

/** envalid quotes the input in its own messages; a variable may hold a password. */
function describe(error: Error): string {
  if (error instanceof EnvError && error.message.startsWith('expected')) return error.message;
  return 'expected true or false';
}
