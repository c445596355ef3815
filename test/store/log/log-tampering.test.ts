// A thousand random tamperings by SQL: every one is found with keys and an exported head, and each kind by what it says.
import { randomInt } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { rotateDataKeys } from '../../../src/domain/keys/data-key.js';
import { sealWith } from '../../../src/domain/keys/sealed-value.js';
import { LogFinding } from '../../../src/domain/log/log-finding.js';
import type { LogHead } from '../../../src/domain/log/log-head.js';
import { type LogVerificationOptions, type VerifiedLog, verifyLog } from '../../../src/domain/log/log-verification.js';
import type { Session } from '../../../src/store/engine/client.js';
import { randomFrom } from '../../races/support/writer.js';
import { databaseKind } from '../../support/app.js';
import { CANARY, canary } from '../../support/canary.js';
import { ask } from '../../support/graphql/client.js';
import { createHistory } from '../../support/log/history.js';
import { graphqlSuite } from '../../support/suites.js';
import { createEnvironment } from '../../support/world.js';
import { readTables } from './tables-as-text.js';
import { type Scene, TAMPERINGS, type Tampering } from './tamperings.js';

const ALL = databaseKind() === 'postgres' ? 1_000 : 2 * TAMPERINGS.length;
const EACH = Math.ceil(ALL / TAMPERINGS.length);
const HISTORY = 7;
const seed = randomInt(2 ** 31);
const random = randomFrom(seed);

const { app, world, token, environmentId } = await graphqlSuite();
let scene: Scene;
const heads = new Map<string, LogHead>();
beforeAll(async () => {
  const other = await createEnvironment(app, token, world.applicationId);
  const copies = [];
  // One that has everything there is to tamper with; how it is tampered with is another matter every time.
  const history = randomFrom(HISTORY);
  const goOn = createHistory(app, { environmentId, token, random: history });
  for (const writes of [40, 30, 30, 30]) {
    await goOn(writes);
    copies.push(await readTables(app.services.db));
  }
  const rename = 'mutation ($id: ID!) { updateEnvironment(input: { id: $id, name: "renamed" }) { __typename } }';
  await ask(app, token, rename, { id: environmentId });
  await rotateDataKeys(app.services, { environmentId });
  await createHistory(app, { environmentId: other, token, random: history })(30);
  const { log } = copies.at(-1)!;
  expect(new Set(log.map(({ change }) => change)).size, 'every kind of change').toBe(6);
  const now = await readTables(app.services.db);
  const accountIds = Object.values(world.people).map(({ id }) => id);
  scene = { random, environmentId, accountIds, now, earlier: copies.slice(0, -1), seal };
  await app.services.db.script(WITHOUT_CONSTRAINTS);
  for (const id of [environmentId, other]) {
    const { revision, hash, facts } = (await verifyLog(app.services.db, id)) as VerifiedLog;
    heads.set(id, { environmentId: id, revision, hash, facts });
  }
});

/** Whoever may write to the tables may well drop what stands in the way; the indexes stay, for speed. */
const WITHOUT_CONSTRAINTS = `
  alter table agent_secret_revisions drop constraint agent_secret_revisions_agent_secret_id_agent_secrets_id_fk;
  alter table agent_secret_revisions drop constraint agent_secret_revisions_environment_id_environment_revision_pk;
  alter table agent_secret_revisions drop constraint agent_secret_revisions_secret;
  alter table agent_secrets drop constraint agent_secrets_environment_id_environments_id_fk;
  alter table agent_secrets drop constraint agent_secrets_pkey;
  drop index agent_secrets_path;
  create index on agent_secrets (id);
  create index on agent_secret_revisions (environment_id, environment_revision);
  create index on agent_secret_revisions (agent_secret_id, revision);
`;

async function seal(id: string, revision: number): Promise<string> {
  const { environmentId, now } = scene;
  const keys = await app.services.keys.keysOf(environmentId);
  const { path, secret_type: secretType } = now.secrets.find((secret) => secret.id === id)!;
  const subject = { environmentId, id, path, secretType };
  const { sealedValue } = sealWith(keys, subject, BigInt(revision), JSON.stringify(canary()));
  return `\\x${Buffer.from(sealedValue as Uint8Array).toString('hex')}`;
}

class Undo extends Error {}

/** Tampers in a transaction that is taken back, after `look`. */
async function tampered<T>(statements: string, look: (session: Session) => Promise<T>): Promise<T> {
  let seen: T | undefined;
  await app.services.db
    .transaction(async (tx) => {
      await tx.script(statements);
      seen = await look(tx);
      throw new Undo();
    })
    .catch((error: unknown) => {
      if (!(error instanceof Undo)) throw error;
    });
  return seen as T;
}

/** The first finding of a verification of everything. */
async function verifyAll(session: Session, { keys, head }: { keys: boolean; head: boolean }) {
  for (const id of heads.keys()) {
    const options: LogVerificationOptions = {
      keyProvider: keys ? app.services.keyProvider : undefined,
      head: head ? heads.get(id) : undefined,
    };
    const result = await verifyLog(session, id, options);
    if (result instanceof LogFinding) return result;
  }
  return undefined;
}

test('the history itself is found in order, with keys and head', async () => {
  const finding = await verifyAll(app.services.db, { keys: true, head: true });
  expect(finding, `seed ${seed}`).toBeUndefined();
});

describe(`${EACH} of each kind`, () => {
  test.each(TAMPERINGS.map((tampering) => [tampering.name, tampering.foundBy, tampering] as const))(
    '%s: found by %s',
    async (_, __, tampering) => {
      for (let count = 0; count < EACH; count += 1) {
        const statements = await tampering.sql(scene);
        const found = await tampered(statements, async (tx) => {
          const together = await verifyAll(tx, { keys: true, head: true });
          const chain = await verifyAll(tx, { keys: false, head: false });
          // Keys and head only add to what the chain finds.
          const keys = chain ?? (await verifyAll(tx, { keys: true, head: false }));
          const head = chain ?? (await verifyAll(tx, { keys: false, head: true }));
          return { together, chain, keys, head };
        });
        const message = `seed ${seed}, number ${count}: ${statements.slice(0, 500)}`;
        expect(found.together, message).toBeInstanceOf(LogFinding);
        expect(`${found.together?.message}${found.keys?.message}`).not.toMatch(CANARY);
        const by = (['chain', 'keys', 'head'] as const).filter((means) => found[means] !== undefined);
        expect(by, message).toEqual(EXPECTED[tampering.foundBy]);
      }
    },
    120_000,
  );
});

const EXPECTED: Record<Tampering['foundBy'], string[]> = {
  chain: ['chain', 'keys', 'head'],
  keys: ['keys'],
  head: ['head'],
  'keys or head': ['keys', 'head'],
};
