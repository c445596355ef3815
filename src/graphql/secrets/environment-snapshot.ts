// The GraphQL type EnvironmentSnapshot: what an environment was after one of its revisions, for good.
import { getEnvironmentSnapshot } from '../../domain/tenancy/environment-at.js';
import { momentId } from '../../ids/moment-id.js';
import { builder } from '../builder/builder.js';
import { loadEnvironment } from '../builder/loaders.js';
import { EnvironmentRef, EnvironmentSnapshotRef, NodeRef } from '../builder/refs.js';

EnvironmentSnapshotRef.implement({
  description: 'The secrets of an environment as they were after one of its revisions. Access and names are today’s.',
  interfaces: [NodeRef],
  fields: (t) => ({
    id: t.id({ description: 'The environment’s id, a colon, and the revision.', resolve: momentId }),
    environmentId: t.expose('id', { type: 'UUID', description: 'The id of the environment.' }),
    environment: t.field({
      type: EnvironmentRef,
      description: 'The environment as it is now.',
      resolve: ({ id }, _, ctx) => loadEnvironment(ctx, id),
    }),
    revision: t.expose('revision', { type: 'Revision', description: 'The environment’s revision that it shows.' }),
    at: t.expose('updatedAt', { type: 'DateTimeISO', description: 'When the environment came to this revision.' }),
  }),
});

builder.objectFields(EnvironmentRef, (t) => ({
  snapshot: t.field({
    type: EnvironmentSnapshotRef,
    nullable: true,
    description: 'Its secrets, paths, types and values as they were after one of its revisions.',
    args: {
      revision: t.arg({
        type: 'Revision',
        required: true,
        description: 'Which revision of it. One inside a change set counts as before the set.',
      }),
    },
    resolve: (environment, { revision }, ctx) => getEnvironmentSnapshot(ctx, environment, revision),
  }),
}));
