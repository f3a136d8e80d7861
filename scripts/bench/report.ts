/** The rows as a table. */

import { heading, paint, printTable } from '../lib/table.ts';
import { reached, type Row } from './setting.ts';

export function printRows(title: string, rows: readonly Row[]): void {
  heading(title);
  printTable(
    [
      { title: 'what' },
      { title: 'figure', align: 'right' },
      { title: 'ratio', align: 'right' },
      { title: 'target', align: 'right' },
      { title: '' },
    ],
    rows.flatMap((row) => {
      const line = [
        row.what,
        `${digits(row.figure)} ${row.unit}`,
        row.ratio?.toFixed(2) ?? '',
        targetOf(row),
        verdict(row),
      ];
      const { yardstick } = row;
      return yardstick === undefined
        ? [line]
        : [line, [`  of ${yardstick.name}`, paint('dim', `${digits(yardstick.figure)} ${row.unit}`)]];
    }),
  );
}

function digits(value: number): string {
  return value < 10 ? value.toFixed(2) : value.toFixed(0);
}

function targetOf({ ratio, target }: Row): string {
  if (target === undefined) return '';
  const format = (value: number) => (ratio === undefined ? String(value) : value.toFixed(2));
  return 'atLeast' in target ? `≥ ${format(target.atLeast)}` : `≤ ${format(target.atMost)}`;
}

function verdict(row: Row): string {
  const done = reached(row);
  if (done === undefined) return '';
  return done ? paint('green', 'reached') : paint('red', 'missed');
}
