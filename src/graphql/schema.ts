// The complete GraphQL schema. Each imported module adds its types and fields to the builder.
import type { GraphQLSchema } from 'graphql';
import { builder } from './builder/builder.js';
import { checkingIds } from './builder/checked-ids.js';
import { confirmingCallers } from './builder/confirmed-mutations.js';
import './builder/scalars.js';
import './node.js';
import './tenancy/account.js';
import './tenancy/plan.js';
import './access/token.js';
import './access/permissions.js';
import './tenancy/application.js';
import './tenancy/environment.js';
import './tenancy/environment-write.js';
import './tenancy/environment-share.js';
import './tenancy/visible-environment.js';
import './secrets/agent-secret-state.js';
import './secrets/agent-secret.js';
import './secrets/agent-secret-list.js';
import './secrets/agent-secret-revision.js';
import './secrets/environment-snapshot.js';
import './secrets/agent-secret-write.js';
import './changes/agent-secret-change.js';
import './changes/change-set.js';
import './secrets/secret-read.js';

builder.queryType({ description: 'Reads. Every field needs a credential.' });
builder.mutationType({ description: 'Writes. Expected refusals are data (`Refusal`), the rest are errors.' });

export const schema: GraphQLSchema = confirmingCallers(checkingIds(builder.toSchema()));
