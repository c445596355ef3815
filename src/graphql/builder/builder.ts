// The Pothos schema builder: TypeScript types of the scalars, and settings of the Relay connections.
import SchemaBuilder from '@pothos/core';
import RelayPlugin from '@pothos/plugin-relay';
import type { Context } from '../../domain/request/context.js';
import type { AnalysedType } from '../../domain/types/analysed-type.js';
import type { JsonValue, RawJson } from '../../json/exact.js';
import type { JsonList } from '../../json/json-list.js';

export const builder = new SchemaBuilder<{
  Context: Context;
  DefaultFieldNullability: false;
  DefaultEdgesNullability: { list: false; items: false };
  DefaultNodeNullability: false;
  Scalars: {
    ID: { Input: string; Output: string };
    UUID: { Input: string; Output: string };
    DateTimeISO: { Input: Date; Output: Date };
    Revision: { Input: bigint; Output: bigint };
    AnalysedType: { Input: AnalysedType; Output: RawJson };
    SecretValue: { Input: JsonValue; Output: RawJson };
    AgentSecretDocument: { Input: never; Output: RawJson };
    AgentSecretDocuments: { Input: never; Output: RawJson[] | JsonList };
  };
}>({
  plugins: [RelayPlugin],
  defaultFieldNullability: false,
  relay: {
    // Ids are plain UUIDs as in REST, not Relay's encoded global ids, so node.ts defines `node` and `nodes` itself.
    nodeQueryOptions: false,
    nodesQueryOptions: false,
    cursorType: 'String',
    pageInfoTypeOptions: { description: 'Where a page lies in its list.' },
    hasNextPageFieldOptions: { description: 'Whether there is more behind this page.' },
    hasPreviousPageFieldOptions: { description: 'Whether there is more before this page.' },
    startCursorFieldOptions: { description: 'The first item’s cursor; null on an empty page.' },
    endCursorFieldOptions: { description: 'The last item’s cursor; null on an empty page.' },
    edgesFieldOptions: {
      description: 'The items of this page, each with its cursor.',
      nullable: { list: false, items: false },
    },
    pageInfoFieldOptions: { description: 'Where this page lies in the list.' },
    nodeFieldOptions: { description: 'The item.', nullable: false },
    cursorFieldOptions: { description: 'Names the item’s place in the list, for `after` and `before`.' },
    firstArgOptions: { description: 'Read forward: at most this many items (50 unless told, 200 at most).' },
    afterArgOptions: { description: 'Only items behind this cursor.' },
    lastArgOptions: { description: 'Read backward: at most this many items (200 at most).' },
    beforeArgOptions: { description: 'Only items before this cursor.' },
  },
});
