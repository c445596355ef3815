// Opens subscribers of many environments, half in GraphQL and half in REST, and makes the writes that they are told of.
import { setTimeout as wait } from 'node:timers/promises';
import { restDoor, watchRequests } from '../load/doors.js';
import { runSchedule } from '../load/load.js';
import { revisionsOf, updateOf } from '../load/work.js';
import type { Seed } from '../seed/seed.js';
import { type Subscriber, subscribe } from './events.js';

export interface Feed {
  /** These are the milliseconds from sending each write to each event about it. */
  told: number[];
  errors: string[];
  /** Writes at fixed times, each time in another environment, until every subscriber has received the events. */
  write(seconds: number, perSecond: number): Promise<void>;
  close(): void;
}

const OPENED_AT_ONCE = 50;
const WRITE_CONNECTIONS = 4;
const PATIENCE_MS = 10_000;

export async function openFeed({ token, spread }: Seed, url: string, count: number): Promise<Feed> {
  const told: number[] = [];
  const errors: string[] = [];
  /** This is the next event that subscribers of an environment must receive, and when its write was sent. */
  const expected = new Map<string, { secretId: string; revision: string; since: number }>();
  const perEnvironment = new Map<string, number>();
  const subscribers: Subscriber[] = [];
  let awaited = 0;

  const open = async (index: number) => {
    const { environmentId } = spread[index % spread.length] as { environmentId: string };
    const { rest, graphql } = watchRequests(url, token, environmentId);
    const event = (text: string) => {
      const write = expected.get(environmentId);
      if (write && text.includes(write.secretId) && text.includes(write.revision)) {
        told.push(performance.now() - write.since);
        awaited -= 1;
      } else errors.push(`an event that nobody expects: ${text}`);
    };
    const request = index < count / 2 ? graphql : rest;
    const lost = (why: string) => errors.push(`a stream has ended: ${why}`);
    // An account may have a limited number, and the service may not have noticed yet that earlier ones have left.
    const deadline = performance.now() + PATIENCE_MS;
    for (let subscriber: Subscriber | undefined; !subscriber; ) {
      try {
        subscriber = await subscribe(url, request, event, lost);
        subscribers.push(subscriber);
      } catch (error) {
        if (performance.now() > deadline) throw error;
        await wait(100);
      }
    }
    perEnvironment.set(environmentId, (perEnvironment.get(environmentId) ?? 0) + 1);
  };
  for (let from = 0; from < count; from += OPENED_AT_ONCE) {
    const indexes = Array.from({ length: Math.min(OPENED_AT_ONCE, count - from) }, (_, n) => from + n);
    await Promise.all(indexes.map(open));
  }

  const revisions = await revisionsOf(spread, { url, token });
  const door = restDoor('REST', 'service', url, token);
  return {
    told,
    errors,
    async write(seconds, perSecond) {
      let n = 0;
      const load = await runSchedule(url, WRITE_CONNECTIONS, seconds, perSecond, () => () => {
        const { environmentId, secretId } = spread[n++ % spread.length] as (typeof spread)[number];
        const exchange = updateOf(door, secretId, revisions, n);
        const revision = door.says((revisions.get(secretId) as number) + 1);
        expected.set(environmentId, { secretId, revision, since: performance.now() });
        awaited += perEnvironment.get(environmentId) ?? 0;
        return exchange;
      });
      if (load.firstError !== undefined) errors.push(load.firstError);
      const deadline = performance.now() + PATIENCE_MS;
      while (awaited > 0 && performance.now() < deadline) await wait(10);
      if (awaited !== 0) errors.push(`${awaited} events have not come`);
    },
    close() {
      for (const subscriber of subscribers) subscriber.close();
    },
  };
}
