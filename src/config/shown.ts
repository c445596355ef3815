// The configuration as the first line of the log shows it: without any secret.
import type { Config } from './config.js';

/** A new setting does not compile until somebody has decided whether it may be shown. */
const IS_SHOWN: Record<keyof Config, boolean> = {
  // Lines of their own.
  warnings: false,
  production: true,
  host: true,
  port: true,
  metricsPort: true,
  metricsHost: true,
  workers: true,
  drainDelaySeconds: true,
  // Shown as hosts, database and user.
  databaseUrl: false,
  databaseAddress: false,
  migrate: true,
  allowNewerSchema: true,
  databaseSchema: true,
  databasePoolSize: true,
  databaseStatementTimeout: true,
  databaseWait: true,
  databasePooler: true,
  databasePrepare: true,
  dataDir: true,
  masterKeyProvider: true,
  masterKeyFile: true,
  masterKeys: false,
  // Shown without its token.
  transit: false,
  sealAlgorithm: true,
  oidc: true,
  readAudit: true,
  readRetentionDays: true,
  logLevel: true,
  logFormat: true,
  accessLog: true,
  corsOrigins: true,
  graphiql: true,
  introspection: true,
  persistedDocuments: true,
  persistedDocumentsOnly: true,
  maxBodyBytes: true,
  maxResponseBytes: true,
  memoryBudgetBytes: true,
  maxDepth: true,
  maxTokens: true,
  maxAliases: true,
  maxNodes: true,
  rateLimit: true,
  accountRateLimit: true,
  failedCredentials: true,
  trustProxy: true,
};

export function shownConfig(config: Config): { database: object | string; config: object } {
  const shown = Object.entries(config).filter(([name]) => IS_SHOWN[name as keyof Config]);
  const { databaseAddress, transit } = config;
  const database = databaseAddress && {
    hosts: databaseAddress.hosts.map(({ name, address, port }) => `${name || address}:${port}`),
    name: databaseAddress.database,
    user: databaseAddress.user,
  };
  return {
    database: database ?? 'embedded',
    config: {
      ...Object.fromEntries(shown),
      ...(transit && { transit: { url: transit.url, mount: transit.mount, key: transit.key } }),
    },
  };
}
