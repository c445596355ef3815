// Reads the change feed through either API, and translates its events into a common form.
import { type EventStream, openStream, type ServerEvent } from './event-stream.js';

export interface Change {
  id: string;
  path: string[];
  change: string;
  revision: number;
  environmentRevision: number;
  valueState: string;
  by: string;
}

/** The content of one event. */
export interface Told {
  environmentRevision: number;
  changes: Change[];
}

export interface Feed {
  environmentId: string;
  after?: bigint | number | string | null | undefined;
  /** Over GraphQL only. */
  afterEventId?: string | undefined;
}

export interface Door {
  name: string;
  watch(url: string, token: string | undefined, feed: Feed, headers?: Record<string, string>): Promise<EventStream>;
  told(event: ServerEvent): Told;
  /** Returns the code with which a stream ends, in its last events or its last comment, and throws when they say else. */
  endIn(events: ServerEvent[], comment?: string): string;
}

const FIELDS = `environmentRevision changes {
  environmentRevision revision change valueState by { accountId } id: agentSecretId path
}`;

export function watchGraphql(
  url: string,
  token: string | undefined,
  variables: Feed,
  fields = FIELDS,
  headers: Record<string, string> = {},
): Promise<EventStream> {
  const query = `subscription ($environmentId: UUID!, $after: Revision, $afterEventId: String) {
    agentSecretChanges(environmentId: $environmentId, after: $after, afterEventId: $afterEventId) { ${fields} }
  }`;
  return openStream(url, { method: 'POST', path: '/graphql', token, headers, body: { query, variables } });
}

export const DOORS: readonly Door[] = [
  {
    name: 'GraphQL',
    watch: (url, token, feed, headers) => watchGraphql(url, token, feed, FIELDS, headers),
    told({ event, data }) {
      if (event !== 'next' || data.errors) throw new Error(`not a change: ${JSON.stringify(data)}`);
      const { environmentRevision, changes } = data.data.agentSecretChanges;
      return {
        environmentRevision,
        changes: changes.map(({ change, valueState, by, ...rest }: any) => {
          const lower = { change: change.toLowerCase(), valueState: valueState.toLowerCase() };
          return { ...rest, ...lower, by: by.accountId };
        }),
      };
    },
    endIn(events, comment) {
      const passing = /^[A-Z_]+(?= )/.exec(comment ?? '')?.[0];
      if (events.length === 0 && passing !== undefined) return passing;
      const [last, complete, ...more] = events;
      if (complete?.event !== 'complete' || more.length > 0) throw new Error(`no end: ${JSON.stringify(events)}`);
      return last?.data.errors[0].extensions.code;
    },
  },
  {
    name: 'REST',
    watch(url, token, { environmentId, after }, headers = {}) {
      const query = after == null ? '' : `?after=${after}`;
      return openStream(url, { path: `/v1/envs/${environmentId}/agent-secrets/changes${query}`, token, headers });
    },
    told({ id, event, data }) {
      if (event !== 'message') throw new Error(`not a change: ${JSON.stringify(data)}`);
      if (id?.split('-')[0] !== String(data.environmentRevision))
        throw new Error(`the id ${id} is not where to resume`);
      return { ...data, changes: data.changes.map(({ at: _, ...change }: any) => change) };
    },
    endIn(events) {
      const [last, ...more] = events;
      if (last?.event !== 'end' || more.length > 0) throw new Error(`no end: ${JSON.stringify(events)}`);
      return last.data.code;
    },
  },
];
