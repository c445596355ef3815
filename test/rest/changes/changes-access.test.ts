// Streams of those who may no longer look: they end within seconds, saying why, whichever instance heard of it.
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { servicesOn } from '../../../src/start/services.js';
import { ask } from '../../support/graphql/client.js';
import { clientOf, place } from '../../support/rest/app.js';
import { DOORS, type Door, watchGraphql } from '../../support/streams/changes.js';
import { addressOf, type EventStream } from '../../support/streams/event-stream.js';
import { restSuite } from '../../support/suites.js';
import {
  createAccount,
  createApplication,
  createEnvironment,
  type Person,
  share,
  unique,
} from '../../support/world.js';

// A machine that does ten other things takes its time.
vi.setConfig({ testTimeout: 60_000 });

/** Far less than a caller would have to mind, far more than it takes. */
const SECONDS = 8_000;

const { app } = await restSuite();
/** The doors of two instances; the changes are made at the first. */
let urls: string[];
const streams: EventStream[] = [];
beforeAll(async () => {
  const { db, keyProvider, log } = app.services;
  urls = [addressOf(app.server), addressOf(await app.variant({}, servicesOn(db, keyProvider, log)))];
});
afterAll(() => {
  for (const stream of streams) stream.close();
});

interface Scene {
  owner: Person;
  guest: Person;
  applicationId: string;
  environmentId: string;
  shareId: string;
  /** Of the owner and of the guest; not their first. */
  tokens: { id: string; secret: string; guest: string; guestId: string };
}

async function token(person: Person, expiresAt?: Date): Promise<{ id: string; secret: string }> {
  const { createToken } = await ask(
    app,
    person.token,
    `mutation ($input: CreateTokenInput!) {
      createToken(input: $input) { ... on CreateTokenPayload { secret token { id } } ... on Refusal { message } }
    }`,
    { input: { name: 'stream', expiresAt } },
  );
  return { id: createToken.token.id, secret: createToken.secret };
}

async function createScene(): Promise<Scene> {
  const owner = await createAccount(app, unique('owner'));
  const guest = await createAccount(app, unique('guest'));
  const applicationId = await createApplication(app, owner.token);
  const environmentId = await createEnvironment(app, owner.token, applicationId);
  const shareId = await share(app, owner.token, environmentId, guest.id, ['DEPLOYER']);
  const [own, guests] = [await token(owner), await token(guest)];
  const tokens = { ...own, guest: guests.secret, guestId: guests.id };
  return { owner, guest, applicationId, environmentId, shareId, tokens };
}

const removal = (field: string, id: string, by: string) =>
  ask(app, by, `mutation { ${field}(input: { id: "${id}" }) { __typename } }`);

const roles = ({ owner, shareId }: Scene, given: string) =>
  ask(
    app,
    owner.token,
    `mutation { updateEnvironmentShare(input: { id: "${shareId}", roles: [${given}] }) { __typename } }`,
  );

interface Loss {
  name: string;
  who: 'owner' | 'guest';
  code: string;
  happens(scene: Scene): Promise<unknown>;
}

const LOSSES: readonly Loss[] = [
  {
    name: 'a revoked token',
    who: 'owner',
    code: 'AUTH_UNAUTHORIZED',
    happens: ({ owner, tokens }) => removal('revokeToken', tokens.id, owner.token),
  },
  {
    name: 'a share whose role is now viewer',
    who: 'guest',
    code: 'AUTH_FORBIDDEN',
    happens: (scene) => roles(scene, 'VIEWER'),
  },
  {
    name: 'a share without roles',
    who: 'guest',
    code: 'ENVIRONMENT_NOT_FOUND',
    happens: (scene) => roles(scene, ''),
  },
  {
    name: 'a removed share',
    who: 'guest',
    code: 'ENVIRONMENT_NOT_FOUND',
    happens: ({ owner, shareId }) => removal('deleteEnvironmentShare', shareId, owner.token),
  },
  {
    name: 'a deleted environment',
    who: 'owner',
    code: 'ENVIRONMENT_NOT_FOUND',
    happens: ({ owner, environmentId }) => removal('deleteEnvironment', environmentId, owner.token),
  },
  {
    name: 'a deleted application',
    who: 'guest',
    code: 'ENVIRONMENT_NOT_FOUND',
    happens: ({ owner, applicationId }) => removal('deleteApplication', applicationId, owner.token),
  },
  {
    name: 'a deleted account',
    who: 'guest',
    code: 'AUTH_UNAUTHORIZED',
    happens: ({ guest }) => removal('deleteAccount', guest.id, app.operatorToken),
  },
  {
    name: 'a deleted account of the environment’s owner',
    who: 'guest',
    code: 'ENVIRONMENT_NOT_FOUND',
    happens: ({ owner }) => removal('deleteAccount', owner.id, app.operatorToken),
  },
];

async function openedAt(url: string, door: Door, caller: string, environmentId: string): Promise<EventStream> {
  const stream = await door.watch(url, caller, { environmentId });
  streams.push(stream);
  expect(door.told(await stream.next())).toMatchObject({ changes: [] });
  return stream;
}

describe.concurrent('after the loss of access', () => {
  test.each(LOSSES)('by $name every stream ends with $code', async ({ who, code, happens }) => {
    const scene = await createScene();
    const caller = who === 'owner' ? scene.tokens.secret : scene.tokens.guest;
    const open = await Promise.all(
      urls.flatMap((url) =>
        DOORS.map(async (door) => ({ door, stream: await openedAt(url, door, caller, scene.environmentId) })),
      ),
    );
    await happens(scene);
    const ends = await Promise.all(open.map(async ({ door, stream }) => door.endIn(await stream.rest(SECONDS))));
    expect(ends).toEqual(open.map(() => code));
  });

  test('by an expired token every stream ends', async () => {
    const { owner, environmentId } = await createScene();
    const { secret } = await token(owner, new Date(Date.now() + 3_000));
    const open = await Promise.all(
      urls.flatMap((url) =>
        DOORS.map(async (door) => ({ door, stream: await openedAt(url, door, secret, environmentId) })),
      ),
    );
    const ends = await Promise.all(
      open.map(async ({ door, stream }) => door.endIn(await stream.rest(3_000 + SECONDS))),
    );
    expect(ends).toEqual(open.map(() => 'AUTH_UNAUTHORIZED'));
  });

  test('a stream that is busy all the time ends as well, and tells nothing behind its end', async () => {
    const scene = await createScene();
    const writer = clientOf(app.server, scene.owner.token);
    const open = await Promise.all(
      urls.flatMap((url) =>
        DOORS.map(async (door) => ({
          door,
          stream: await openedAt(url, door, scene.tokens.guest, scene.environmentId),
        })),
      ),
    );
    let isWriting = true;
    const writing = (async () => {
      const { id } = await writer.made(scene.environmentId);
      for (let revision = 0; isWriting; revision += 1) await writer.update(id, { currentRevision: revision });
    })();
    await Promise.all(open.map(({ stream }) => stream.take(3)));
    await removal('revokeToken', scene.tokens.guestId, scene.guest.token);
    const ends = await Promise.all(
      open.map(async ({ door, stream }) => {
        const events = await stream.rest(SECONDS);
        const from = events.findIndex((event) => {
          try {
            door.told(event);
            return false;
          } catch {
            return true;
          }
        });
        return door.endIn(events.slice(from));
      }),
    ).finally(() => {
      isWriting = false;
    });
    await writing;
    expect(ends).toEqual(open.map(() => 'AUTH_UNAUTHORIZED'));
  });

  test('a stream whose client does not read tells nothing more of the backlog', async () => {
    const scene = await createScene();
    const writer = clientOf(app.server, scene.owner.token);
    const secretValue = 'x'.repeat(60_000);
    const { id } = await writer.made(scene.environmentId, { path: [place()], secretValue });
    const WRITES = 60;
    for (let revision = 0; revision < WRITES; revision += 1) await writer.update(id, { currentRevision: revision });
    // 36 MB: more than the buffers of both kernels take.
    const many = Array.from({ length: 10 }, (_, index) => `v${index}: secretValue`).join(' ');
    const fields = `environmentRevision changes { ${many} }`;
    const feed = { environmentId: scene.environmentId, after: 1 };
    const stream = await watchGraphql(urls[1] as string, scene.tokens.guest, feed, fields);
    streams.push(stream);
    await stream.next();
    stream.pause();
    await removal('revokeToken', scene.tokens.guestId, scene.guest.token);
    // Beside it somebody else with the same token learns when the loss has been noticed.
    const witness = await DOORS[1]?.watch(urls[1] as string, scene.tokens.guest, {
      environmentId: scene.environmentId,
    });
    if (witness?.status === 200) await witness.rest(SECONDS);
    stream.resume();
    const events = await stream.rest();
    const told = events.slice(0, -2);
    expect(DOORS[0]?.endIn(events.slice(-2))).toBe('AUTH_UNAUTHORIZED');
    expect(told.length).toBeLessThan(WRITES - 1);
    expect(told.map(({ data }) => data.data.agentSecretChanges.environmentRevision)).toEqual(
      Array.from({ length: told.length }, (_, index) => 3 + index),
    );
  });
});
