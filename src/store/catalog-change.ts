/** What a commit and the dropping of a record write into the catalog, each in one batch. */

import { chunkCount } from '../wire/record.ts';
import { HASHES, type Operation, RECORD, REDO } from './catalog-database.ts';
import { type CatalogEntry, type RedoEntry, encodeEntry, encodeRedo } from './catalog-entry.ts';
import { type SlotEntry, encodeSlotEntry, slotKey } from './slot-entry.ts';

/** What a commit changes. */
export type CatalogChange = {
  readonly entry: CatalogEntry;
  /** What it replaces. */
  readonly present: CatalogEntry | undefined;
  /** Of a file with more than one chunk. */
  readonly hashes: Uint8Array | undefined;
  /** Where the file is not in its place yet. */
  readonly redo: RedoEntry | undefined;
};

/**
 * @param former the slot entries that the name has had
 * @param unreadable an entry that cannot be read is replaced, of which other keys may be left
 */
export function commitOperations(
  { entry, present, hashes, redo }: CatalogChange,
  slot: SlotEntry,
  former: readonly SlotEntry[],
  unreadable: boolean,
): Operation[] {
  const { name } = entry.record;
  const operations: Operation[] = [
    { type: 'put', key: RECORD + name, value: encodeEntry(entry) },
    { type: 'put', key: slotKey(slot), value: encodeSlotEntry(slot) },
  ];
  const left = former.filter(({ replicas }) => replicas !== slot.replicas);
  for (const old of left) operations.push({ type: 'del', key: slotKey(old) });
  if (redo !== undefined) operations.push({ type: 'put', key: REDO + redo.id, value: encodeRedo(redo) });
  if (hashes !== undefined) operations.push({ type: 'put', key: HASHES + name, value: hashes });
  else if (present === undefined ? unreadable : hasHashList(present)) {
    operations.push({ type: 'del', key: HASHES + name });
  }
  return operations;
}

export function dropOperations(entry: CatalogEntry, slot: SlotEntry, redo: RedoEntry): Operation[] {
  const { name } = entry.record;
  const operations: Operation[] = [
    { type: 'del', key: RECORD + name },
    { type: 'del', key: slotKey(slot) },
    { type: 'put', key: REDO + redo.id, value: encodeRedo(redo) },
  ];
  if (hasHashList(entry)) operations.push({ type: 'del', key: HASHES + name });
  return operations;
}

/** Of a name whose entry cannot be read. Its file stays, to be adopted. */
export function forgetOperations(name: string, slots: readonly SlotEntry[]): Operation[] {
  return [RECORD + name, HASHES + name, ...slots.map(slotKey)].map((key) => ({ type: 'del', key }));
}

/** Whether the chunk hashes of its file are kept beside it: those of a single chunk are the Merkle root. */
function hasHashList({ record }: CatalogEntry): boolean {
  return chunkCount(record.size, record.chunkBytes) > 1;
}
