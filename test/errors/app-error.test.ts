// What an expected error carries.
import { expect, test } from 'vitest';
import { AppError } from '../../src/errors/errors.js';

test('a refusal has no stack trace, and other errors keep theirs', () => {
  const refusal = new AppError('NOT_FOUND', 'Not found');
  expect(refusal.stack).toBe('');
  expect(refusal).toMatchObject({ name: 'AppError', code: 'NOT_FOUND', message: 'Not found' });
  expect(new Error('a bug').stack).toContain('app-error.test.ts');
});
