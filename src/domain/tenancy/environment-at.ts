// Finds an environment by its id, its application and name, or its names; and what it was after one of its revisions.
import { AppError } from '../../errors/errors.js';
import { invalidRequest } from '../../errors/refusals.js';
import type { Moment } from '../../ids/moment-id.js';
import { countAgentSecrets } from '../../store/secrets/agent-secret-page.js';
import { findLogPoint } from '../../store/secrets/agent-secret-revision.js';
import {
  type EnvironmentWithAccessRow,
  findEnvironmentByName,
  findEnvironmentInApplication,
} from '../../store/tenancy/environment.js';
import { withRoles } from '../access/environment-access.js';
import { genesisHash } from '../log/log-entry.js';
import { actorOf } from '../request/actor.js';
import type { Context } from '../request/context.js';
import { storableText } from '../request/storable-text.js';
import { type Environment, getEnvironment, getEnvironments } from './environment.js';

export interface EnvironmentPlace {
  id?: string | null | undefined;
  applicationId?: string | null | undefined;
  account?: string | null | undefined;
  application?: string | null | undefined;
  name?: string | null | undefined;
}

/** The environment after one of its revisions. Throws INVALID_REQUEST for a revision in the future. */
export async function getEnvironmentSnapshot(
  ctx: Context,
  environment: Environment,
  revision: bigint,
): Promise<Environment> {
  const { db } = ctx.services;
  const { at, updatedAt } = await logPointOf(ctx, environment, 'revision', revision);
  const state = { environmentId: environment.id, at };
  const secretCount = await countAgentSecrets(db, state, { deleted: false });
  return { ...environment, at, revision: at, updatedAt, secretCount };
}

/**
 * Environments after some of their revisions, in the order of the moments; null for a revision that there is not, or that
 * is inside a change set. One after the other, because each is a search of the log.
 */
export async function getEnvironmentSnapshots(
  ctx: Context,
  moments: readonly Moment[],
): Promise<(Environment | Error | null)[]> {
  const environments = await getEnvironments(
    ctx,
    moments.map(({ id }) => id),
  );
  const snapshots: (Environment | Error | null)[] = [];
  for (const [index, environment] of environments.entries()) {
    const { revision } = moments[index] as Moment;
    if (environment instanceof Error) snapshots.push(environment);
    else if (revision > environment.revision) snapshots.push(null);
    else {
      const snapshot = await getEnvironmentSnapshot(ctx, environment, revision);
      // A revision inside a change set is no state that anybody could see.
      snapshots.push(snapshot.at === revision ? snapshot : null);
    }
  }
  return snapshots;
}

/**
 * The state as of an environment's revision, with the hash of its log. A revision inside a change set counts as the revision before the set, so
 * that nobody sees a part of a set. Throws INVALID_REQUEST, which names `argument`, for a revision in the future.
 */
export async function logPointOf(
  ctx: Context,
  environment: Pick<Environment, 'id' | 'revision' | 'createdAt'>,
  argument: string,
  revision: bigint,
): Promise<{ at: bigint; updatedAt: Date; hash: Uint8Array }> {
  if (revision > environment.revision) {
    throw invalidRequest(`${argument}: the environment is at revision ${environment.revision}`);
  }
  if (revision === 0n) return { at: 0n, updatedAt: environment.createdAt, hash: genesisHash(environment.id) };
  const logPoint = await findLogPoint(ctx.services.db, environment.id, revision);
  if (!logPoint) throw new Error(`the log of environment ${environment.id} has no revision ${revision}`);
  const { setPosition, setSize, hash } = logPoint;
  if (setPosition === null || setPosition + 1 === setSize) return { at: revision, updatedAt: logPoint.at, hash };
  return logPointOf(ctx, environment, argument, revision - BigInt(setPosition) - 1n);
}

/**
 * Finds an environment by its id, by its application and its name, or by its three names. Throws INVALID_REQUEST for none or
 * several of them, and ENVIRONMENT_NOT_FOUND.
 */
export async function getEnvironmentAtPlace(ctx: Context, place: EnvironmentPlace): Promise<Environment> {
  const viewerId = actorOf(ctx).accountId;
  const { db } = ctx.services;
  const { id, applicationId, account, application, name } = place;
  switch (givenIn(place)) {
    case 'id':
      return getEnvironment(ctx, id as string);
    case 'applicationId,name': {
      const names = { applicationId: applicationId as string, name: storableText(name as string) };
      const row = await findEnvironmentInApplication(db, names, viewerId);
      return visible(ctx, row, 'Environment of this name not found');
    }
    case 'account,application,name': {
      const names = {
        account: storableText(account as string),
        application: storableText(application as string),
        name: storableText(name as string),
      };
      const row = await findEnvironmentByName(db, names, viewerId);
      return visible(ctx, row, 'Environment of these names not found');
    }
    default:
      throw invalidRequest(
        'expected an id, or the id of an application and a name, or the names of account, application and environment',
      );
  }
}

function givenIn(place: EnvironmentPlace): string {
  const parts = ['id', 'applicationId', 'account', 'application', 'name'] as const;
  return parts.filter((part) => place[part] != null).join();
}

/** The message must not repeat names, because they are arbitrary text from the caller. */
function visible(ctx: Context, row: EnvironmentWithAccessRow | undefined, message: string): Environment {
  const environment = row && withRoles(ctx, row);
  if (!environment || environment.roles.length === 0) throw new AppError('ENVIRONMENT_NOT_FOUND', message);
  return environment;
}
