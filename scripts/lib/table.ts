/** Tables and headings for people: 80 columns, plain in a pipe, colours only where the terminal wants them. */

import { styleText } from 'node:util';

export type Column = { readonly title: string; readonly align?: 'left' | 'right' };
type Style = Parameters<typeof styleText>[0];

const GAP = '  ';
const INDENT = '  ';
const WIDE = /\p{Script=Han}|\p{Script=Hangul}|\p{Script=Hiragana}|\p{Script=Katakana}/u;

/** Obeys NO_COLOR, FORCE_COLOR and whether stdout is a terminal. */
export function paint(style: Style, text: string): string {
  return styleText(style, text, { stream: process.stdout });
}

export function say(text = ''): void {
  process.stdout.write(`${text}\n`);
}

export function heading(text: string): void {
  say();
  say(paint('bold', text));
}

export function printTable(columns: readonly Column[], rows: readonly (readonly string[])[]): void {
  const widths = columns.map(({ title }, i) => Math.max(...[title, ...rows.map((row) => row[i] ?? '')].map(width)));
  const line = (cells: readonly string[]) =>
    columns
      .map(({ align }, i) => {
        const cell = cells[i] ?? '';
        const padding = ' '.repeat((widths[i] ?? 0) - width(cell));
        return align === 'right' ? padding + cell : cell + padding;
      })
      .join(GAP)
      .trimEnd();
  say(INDENT + paint('dim', line(columns.map(({ title }) => title))));
  for (const row of rows) say(INDENT + line(row));
}

/** Columns that a text takes: colours and combining marks take none, East Asian characters two. */
function width(text: string): number {
  // eslint-disable-next-line no-control-regex -- the escape character begins a colour
  const plain = text.replace(/\u001b\[[\d;]*m/g, '').replace(/\p{M}/gu, '');
  return Array.from(plain).reduce((sum, character) => sum + (WIDE.test(character) ? 2 : 1), 0);
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB'];

/** `0 B`, `4.0 KiB`, `64.0 MiB`. */
export function formatSize(bytes: number): string {
  let unit = 0;
  let value = bytes;
  for (; value >= 1024 && unit < UNITS.length - 1; unit++) value /= 1024;
  return `${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit] ?? ''}`;
}

/** In MB/s, of 10⁶ bytes. Nothing is said for what is too small to tell. */
export function formatRate(bytes: number, ms: number): string {
  const rate = bytes / 1000 / Math.max(ms, 1);
  return bytes < 1024 * 1024 ? '' : rate.toFixed(0);
}
