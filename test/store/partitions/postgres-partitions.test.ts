// Every statement of the store, on a database that is cut by environment: which of them touch more than one part, and why.
import postgres from 'postgres';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { generateKeyring, localKeyProvider, parseKeyring } from '../../../src/crypto/local-keyring.js';
import { retireDataKeys, rotateDataKeys } from '../../../src/domain/keys/data-key.js';
import { sealAllFacts, sealFactsOf } from '../../../src/domain/keys/facts-sealing.js';
import { countForeignFormats, listDataKeyUsage, listMasterKeyUsage } from '../../../src/domain/keys/key-usage.js';
import { verifyLog } from '../../../src/domain/log/log-verification.js';
import { pruneSecretReads } from '../../../src/domain/reads/secret-read.js';
import { findEnvironmentKeySamples, hasEnvironmentKeys } from '../../../src/store/keys/environment-key.js';
import { findEnvironmentIds, inSnapshot } from '../../../src/store/log/log-verification.js';
import { findPlace } from '../../bench/scale/place.js';
import { noting, type Sent, statementsOf } from '../../bench/scale/statements.js';
import { createTestApp, type TestApp } from '../../support/app.js';
import { ACCESS_CASES, CALLERS, outcomeFor } from '../../support/graphql/access-cases.js';
import { firstEvent, graphql } from '../../support/graphql/client.js';
import { changeSet } from '../../support/graphql/log.js';
import { adminUrlOf } from '../../support/postgres/admin.js';
import { inVain } from '../../support/postgres/in-vain.js';
import { createEnvironment, createWorld, type World } from '../../support/world.js';
import { abridged, cut, madeUp, partsOf, storeStatements } from './copy.js';
import { CROSSING } from './crossing.js';

// A machine that does ten other things takes its time.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 240_000 });

let app: TestApp;
let world: World;
let sql: postgres.Sql;
const sent: Sent[] = [];
const keyProvider = localKeyProvider(parseKeyring(generateKeyring()));
beforeAll(async () => {
  app = await createTestApp({}, keyProvider);
  Object.assign(
    app.services.db,
    noting({ ...app.services.db }, (text, parameters) => sent.push({ operation: '', text, parameters })),
  );
  world = await createWorld(app);
  const { token } = world.people.owner;
  const other = await createEnvironment(app, token, world.applicationId);
  for (const environmentId of [world.environmentId, other]) {
    for (let set = 0; set < 6; set += 1) {
      const changes = Array.from({ length: 100 }, (_, index) => ({
        create: { path: ['place', `s${set}x${index}`], secretType: { type: 'Str' }, secretValue: 'x' },
      }));
      await changeSet(app, token, { environmentId, changes });
    }
  }
});
afterAll(async () => {
  await sql?.end({ timeout: 5 });
  await app?.close();
});

/** Runs every root field once, as somebody who may. */
async function runRootFields(): Promise<void> {
  for (const accessCase of ACCESS_CASES) {
    const caller = CALLERS.find((each) => outcomeFor(accessCase, each) === 'ok');
    if (!caller || caller === 'anonymous') continue;
    const variables = await accessCase.variables(app, world);
    const ask = accessCase.document.startsWith('subscription') ? firstEvent : graphql;
    await ask(app, world.people[caller].token, accessCase.document, variables);
  }
}

/** Runs what starts and commands do. */
async function runCommands(): Promise<void> {
  const { services } = app;
  const { db, keyProvider } = services;
  const { signal } = new AbortController();
  await rotateDataKeys(services, {} as never);
  await retireDataKeys(services, {} as never);
  await sealAllFacts(services, signal);
  await sealFactsOf(services, world.environmentId);
  await listMasterKeyUsage(services);
  await listDataKeyUsage(services);
  await countForeignFormats(services);
  await findEnvironmentKeySamples(db);
  await hasEnvironmentKeys(db);
  await pruneSecretReads(db, 1);
  for (const id of await findEnvironmentIds(db, { after: null, limit: 100 })) {
    await inSnapshot(db, (session) => verifyLog(session, id, { keyProvider, head: undefined }));
  }
}

test('only the listed statements touch more than one part, each for the reason that is given there', async () => {
  const url = await adminUrlOf(app);
  sql = postgres(url.href, { max: 1, onnotice: () => undefined });
  sent.push(...(await statementsOf(url.href, keyProvider, await findPlace(sql))));
  await runRootFields();
  await app.services.reads.flush();
  await runCommands();
  // Those for pages are compiled when they are first asked for.
  const texts = new Set([...(await storeStatements()), ...sent.map(({ text }) => text)]);
  expect(texts.size).toBeGreaterThan(150);
  const crossing = await inVain(sql, async (tx) => {
    await cut(tx);
    const found: string[] = [];
    for (const text of texts) {
      if (!/^\s*(select|with|insert|update|delete)/i.test(text)) continue;
      for (const parameters of executionsOf(text) ?? [await madeUp(tx, text, world.environmentId)]) {
        const parts = await partsOf(tx, { text, parameters });
        if (parts !== undefined && parts.size <= 1) continue;
        found.push(text);
        break;
      }
    }
    return found;
  });
  const listed = CROSSING.flatMap(({ statements }) => statements);
  const unlisted = crossing.map(abridged).filter((statement) => !listed.includes(statement));
  expect(unlisted).toEqual([]);
  // One that looks up several ids may have met ids of one part.
  expect(crossing.length).toBeGreaterThan(listed.length - 10);
  const existing = new Set([...texts].map(abridged));
  expect(listed.filter((statement) => !existing.has(statement))).toEqual([]);
});

/** The parameters of the first and the last execution, and of one with much; undefined if it was not executed. */
function executionsOf(text: string): unknown[][] | undefined {
  const all = sent.filter((one) => one.text === text).map(({ parameters }) => parameters);
  const [first] = all;
  if (!first) return undefined;
  const size = (parameters: unknown[]) => JSON.stringify(parameters.map(String)).length;
  return [first, all.at(-1) ?? first, all.reduce((one, other) => (size(other) > size(one) ? other : one))];
}
