// The first argument of every operation of the domain: the facts about the request, and the services of the process.
import type { RequestFacts } from './actor.js';
import type { Services } from './services.js';

export interface Context extends RequestFacts {
  readonly services: Services;
}
