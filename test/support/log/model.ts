// Models the log of an environment in memory. It implements the rules again, as briefly as possible, for comparison in tests.

/** A write to the log. Secrets are named by their number in the order of creation. */
export type Change =
  | { kind: 'create'; path: string; value: Value }
  | { kind: 'update'; secret: number; currentRevision: number; value: Value | 'keep' | 'unset' }
  | { kind: 'delete'; secret: number; currentRevision: number }
  | { kind: 'restore'; secret: number; currentRevision: number; toRevision: number }
  | { kind: 'destroy'; secret: number; currentRevision: number; revision: number };

/** Secrets are strings, so a number is a value of the wrong type. */
export type Value = string | number | null;

/** The answer to a write is the secret after it, or the code of the refusal. */
export type Outcome =
  | { code: 'OK'; secret: number; path: string; revision: number; value: string | null }
  | { code: string };

interface State {
  revision: number;
  valueRevision: number | null;
  isDeleted: boolean;
}

interface ModelRevision extends State {
  change: string;
  environmentRevision: number;
  destroyedRevision: number | null;
}

interface ModelSecret extends State {
  path: string;
  /** The values by the revision that set them. A destroyed value is null. */
  values: Map<number, string | null>;
  history: ModelRevision[];
}

export interface Seen {
  secret: number;
  path: string;
  revision: number;
  valueState: 'PRESENT' | 'ABSENT' | 'DESTROYED';
  value: string | null;
}

export class EnvironmentModel {
  revision = 0;
  secrets: ModelSecret[] = [];
  /** The revision that is shown for each revision. Within a change set, it is the one before the set. */
  shownAs: number[] = [0];

  apply(change: Change): Outcome {
    const outcome = this.#write(change);
    if (outcome.code === 'OK') this.shownAs[this.revision] = this.revision;
    return outcome;
  }

  /** Applies all changes or none. A dry run applies none. */
  applySet(changes: readonly Change[], dryRun: boolean): { applied: boolean; outcomes: Outcome[] } {
    const before = this.revision;
    const secrets = structuredClone(this.secrets);
    const outcomes = changes.map((change) => this.#write(change));
    const applied = !dryRun && outcomes.every(({ code }) => code === 'OK');
    if (!applied) {
      this.secrets = secrets;
      this.revision = before;
      return { applied, outcomes };
    }
    for (let at = before + 1; at < this.revision; at += 1) this.shownAs[at] = before;
    this.shownAs[this.revision] = this.revision;
    return { applied, outcomes };
  }

  /** Returns the secrets by path, as they were after a revision of the environment. */
  at(environmentRevision: number): { live: Seen[]; deleted: Seen[] } {
    const shown = this.shownAs[environmentRevision] as number;
    const states = this.secrets.flatMap(({ history }, secret) => {
      const last = history.findLast((entry) => entry.environmentRevision <= shown);
      return last ? [{ isDeleted: last.isDeleted, seen: this.seen(secret, last) }] : [];
    });
    const where = (isDeleted: boolean) =>
      states
        .filter((state) => state.isDeleted === isDeleted)
        .map(({ seen }) => seen)
        .sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : a.secret - b.secret));
    return { live: where(false), deleted: where(true) };
  }

  seen(secret: number, { revision, valueRevision }: State): Seen {
    const { path, values } = this.secrets[secret] as ModelSecret;
    const value = valueRevision === null ? null : (values.get(valueRevision) as string | null);
    const valueState = valueRevision === null ? 'ABSENT' : value === null ? 'DESTROYED' : 'PRESENT';
    return { secret, path, revision, valueState, value };
  }

  #write(change: Change): Outcome {
    if (change.kind === 'create') return this.#create(change);
    const secret = this.secrets[change.secret];
    const isForDeleted = change.kind === 'restore' || change.kind === 'destroy';
    if (!secret || (secret.isDeleted && !isForDeleted)) return { code: 'AGENT_SECRET_NOT_FOUND' };
    if (secret.revision !== change.currentRevision) return { code: 'CONCURRENT_UPDATE' };
    const { path, isDeleted, valueRevision } = secret;
    if (change.kind === 'update') {
      const { value } = change;
      if (value === 'keep') return this.#log(change.secret, 'UPDATED', { valueRevision });
      if (value === 'unset') {
        return this.#log(change.secret, valueRevision === null ? 'UPDATED' : 'VALUE_REMOVED', { valueRevision: null });
      }
      if (typeof value !== 'string') return { code: 'AGENT_SECRET_VALUE_TYPE_MISMATCH' };
      secret.values.set(secret.revision + 1, value);
      return this.#log(change.secret, 'UPDATED', { valueRevision: secret.revision + 1 });
    }
    if (change.kind === 'delete') return this.#log(change.secret, 'DELETED', { valueRevision: null, isDeleted: true });
    const old = secret.history[change.kind === 'restore' ? change.toRevision : change.revision];
    if (!old) return { code: 'AGENT_SECRET_REVISION_NOT_FOUND' };
    const isGone = old.valueRevision !== null && secret.values.get(old.valueRevision) === null;
    if (change.kind === 'restore') {
      if (old.isDeleted) return { code: 'INVALID_REQUEST' };
      if (isGone) return { code: 'AGENT_SECRET_VALUE_DESTROYED' };
      if (isDeleted && this.#isTaken(path)) return { code: 'AGENT_SECRET_ALREADY_EXISTS' };
      return this.#log(change.secret, 'RESTORED', { valueRevision: old.valueRevision, isDeleted: false });
    }
    if (old.valueRevision === null) return { code: 'INVALID_REQUEST' };
    if (isGone) return { code: 'AGENT_SECRET_VALUE_DESTROYED' };
    if (old.valueRevision === valueRevision) return { code: 'INVALID_REQUEST' };
    secret.values.set(old.valueRevision, null);
    return this.#log(change.secret, 'VALUE_DESTROYED', {}, old.valueRevision);
  }

  #create({ path, value }: Change & { kind: 'create' }): Outcome {
    if (value !== null && typeof value !== 'string') return { code: 'AGENT_SECRET_VALUE_TYPE_MISMATCH' };
    if (this.#isTaken(path)) return { code: 'AGENT_SECRET_ALREADY_EXISTS' };
    const values = new Map(value === null ? [] : [[0, value]]);
    const secret = { path, values, history: [], revision: -1, valueRevision: null, isDeleted: false };
    this.secrets.push(secret);
    return this.#log(this.secrets.length - 1, 'CREATED', { valueRevision: value === null ? null : 0 });
  }

  #isTaken(path: string): boolean {
    return this.secrets.some((secret) => secret.path === path && !secret.isDeleted);
  }

  #log(index: number, change: string, changed: Partial<State>, destroyedRevision: number | null = null): Outcome {
    const secret = this.secrets[index] as ModelSecret;
    Object.assign(secret, changed, { revision: secret.revision + 1 });
    this.revision += 1;
    const { revision, valueRevision, isDeleted, path } = secret;
    const environmentRevision = this.revision;
    secret.history.push({ revision, valueRevision, isDeleted, change, environmentRevision, destroyedRevision });
    return { code: 'OK', secret: index, path, revision, value: this.seen(index, secret).value };
  }
}
