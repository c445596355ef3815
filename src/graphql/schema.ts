// The whole schema, assembled from its nouns.
import type { GraphQLSchema } from 'graphql';
import { builder } from './builder.js';
import './scalars.js';
import './node.js';
import './account.js';
import './plan.js';
import './token.js';
import './application.js';
import './environment.js';
import './environment-share.js';
import './agent-secret.js';
import './agent-secret-list.js';
import './agent-secret-revision.js';
import './agent-secret-write.js';
import './agent-secret-change.js';
import './change-set.js';
import './secret-read.js';

builder.queryType({ description: 'Reads. Every field needs a credential.' });
builder.mutationType({ description: 'Writes. Expected refusals are data (`Refusal`), the rest are errors.' });

export const schema: GraphQLSchema = builder.toSchema();
