// The id of an environment on the command line.
import { uuidFrom } from '../ids/uuid.js';

/** The id as the service writes it, because keys are bound to that form. Throws the refusal for any other text. */
export function environmentIdFrom(text: string, refusal: Error): string;
export function environmentIdFrom(text: string | undefined, refusal: Error): string | undefined;
export function environmentIdFrom(text: string | undefined, refusal: Error): string | undefined {
  if (text === undefined) return undefined;
  const id = uuidFrom(text);
  if (id === undefined) throw refusal;
  return id;
}
