/**
 * What the package exports to programs: `connect`, the types of what it returns, and the errors it throws. Nothing
 * inside src imports this file.
 */

export { StoreError } from './base/errors.ts';
