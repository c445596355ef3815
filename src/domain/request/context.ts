// What every verb of the domain gets first: who is asking, and the process's services.
import type { RequestFacts } from './actor.js';
import type { Services } from './services.js';

export interface Context extends RequestFacts {
  readonly services: Services;
}
