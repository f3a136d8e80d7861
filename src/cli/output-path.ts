/**
 * From a stored file's name to a path on this machine. A name may be anything, so what cannot be a path component
 * as it is becomes one in percent-encoding: the result is relative, has no empty, `.` or `..` component, and so
 * never leads out of the directory it is joined to. Every other name stays as it is, `%` included. No two names
 * share a path: a component that looks like an encoded one has its own first `%` encoded.
 */

import { createHash } from 'node:crypto';

/** The longest path component of common file systems. */
const COMPONENT_BYTES_MAX = 255;
const HASH_DIGITS = 32;
const CUT_MARK = '%~';

/** A dot, two dots or nothing in their encoded form, their `%` encoded any number of times. */
const LOOKS_ENCODED = /^%(?:25)*(?:2E(?:%2E)?)?$/;

function shorten(component: string): string {
  if (Buffer.byteLength(component) <= COMPONENT_BYTES_MAX) return component;
  const hash = createHash('sha256').update(component).digest('hex').slice(0, HASH_DIGITS);
  let cut = '';
  for (const character of component) {
    if (Buffer.byteLength(cut + character) > COMPONENT_BYTES_MAX - CUT_MARK.length - HASH_DIGITS) break;
    cut += character;
  }
  return `${cut}${CUT_MARK}${hash}`;
}

function encodeComponent(component: string): string {
  if (component === '') return '%';
  if (component === '.') return '%2E';
  if (component === '..') return '%2E%2E';
  if (LOOKS_ENCODED.test(component)) return `%25${component.slice(1)}`;
  // Control characters cannot be in a name; a peer might send one all the same. A backslash separates on Windows.
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  const unsafe = process.platform === 'win32' ? /[\u0000-\u001f\u007f\\:*?"<>|]/g : /[\u0000-\u001f\u007f]/g;
  const safe = component.replaceAll(unsafe, (character) => {
    return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
  });
  return shorten(safe);
}

/** The components of a name's path below an output directory; at least one. */
export function pathOfName(name: string): readonly string[] {
  return name.split('/').map(encodeComponent);
}

/** The one component that stands for a name in the current directory: its last that says anything. */
export function fileNameOfName(name: string): string {
  const last = name.split('/').findLast((component) => component !== '') ?? '';
  return encodeComponent(last);
}
