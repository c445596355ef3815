// Errors that several operations on secrets share, with the messages that the API contract defines.
import { AppError } from '../../errors/errors.js';
import { limitExceeded } from '../../errors/refusals.js';

export function pathTaken(path: string): AppError {
  return new AppError('AGENT_SECRET_ALREADY_EXISTS', `Agent secret for path ${path} already exists in environment`);
}

export function stale(currentRevision: bigint | undefined): AppError {
  return new AppError(
    'CONCURRENT_UPDATE',
    'Concurrent update attempt',
    currentRevision === undefined ? {} : { currentRevision },
  );
}

export function valueTooLarge(maxValueBytes: number): AppError {
  return limitExceeded(`The plan allows ${maxValueBytes} bytes per secret value`);
}

export function tooManySecrets(maxSecrets: number): AppError {
  return limitExceeded(`The plan allows ${maxSecrets} secrets per environment`);
}

export function revisionNotFound(id: string): AppError {
  return new AppError('AGENT_SECRET_REVISION_NOT_FOUND', `Agent secret ${id} has no such revision`);
}
