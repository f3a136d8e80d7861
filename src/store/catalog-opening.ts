/**
 * Opens the catalog whatever state it is in: repaired where parts of it are damaged, set aside and begun anew where
 * nothing helps. The files themselves stay where they are, and are adopted again when other peers know their records.
 *
 * A file beside the catalog marks that it is damaged, from when that is noticed until it has been mended. So a process
 * killed in between begins mending anew, and what is noticed while the catalog is in use is mended by the next start.
 */

import { basename, dirname } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { Catalog } from './catalog.ts';
import { causeCode, isDatabaseDamage, named } from './file-errors.ts';
import type { FileSystem } from './file-system.ts';
import type { Layout } from './layout.ts';

type OpeningParts = { readonly files: FileSystem; readonly layout: Layout; readonly log: Log };

/** What a database consists of, beside its lock and its log for people. */
const DATABASE_FILE = /^(CURRENT|MANIFEST-.*|.*\.(ldb|sst|log|dbtmp))$/;

/** @throws StorageLockedError, StorageUnusableError, NoSpaceError */
export async function openCatalog(parts: OpeningParts): Promise<Catalog> {
  const { files, layout, log } = parts;
  const marked = (await named(`opening ${layout.root}`, () => files.names(layout.root))).includes(
    basename(layout.catalogDamaged),
  );
  try {
    // Even one that is to be mended is opened first: that tells whether another process has it.
    const catalog = await open(parts, false);
    if (!marked) return catalog;
    await catalog.close();
  } catch (error) {
    if (!isDatabaseDamage(error)) throw error;
    log.warn('store.catalog.damaged', { catalog: layout.catalog, error: messageOf(error) });
    await named(`marking ${layout.catalog}`, () => mark(parts));
  }
  const catalog = (await repaired(parts)) ?? (await begunAnew(parts));
  await named(`marking ${layout.catalog}`, () => unmark(parts));
  return catalog;
}

async function open(parts: OpeningParts, afresh: boolean): Promise<Catalog> {
  const { layout, log } = parts;
  const onDamage = () => {
    mark(parts).catch((error: unknown) => {
      log.error('store.catalog.unmarked', { error: messageOf(error) });
    });
  };
  return Catalog.open(layout.catalog, { isNew: await isNew(parts), afresh, log, onDamage });
}

async function isNew({ files, layout }: OpeningParts): Promise<boolean> {
  return named(`opening ${layout.catalog}`, async () => {
    const names = await files.names(layout.catalog).catch((error: unknown) => {
      if (causeCode(error) !== 'ENOENT') throw error;
      return [];
    });
    return !names.some((name) => DATABASE_FILE.test(name));
  });
}

/** With what could be saved; undefined when it cannot be opened even so. */
async function repaired(parts: OpeningParts): Promise<Catalog | undefined> {
  const { layout, log } = parts;
  try {
    await named(`repairing ${layout.catalog}`, () => ClassicLevel.repair(layout.catalog));
    const catalog = await open(parts, true);
    log.warn('store.catalog.repaired', { ...catalog.index.totals });
    return catalog;
  } catch (error) {
    if (!isDatabaseDamage(error)) throw error;
    log.warn('store.catalog.beyond-repair', { error: messageOf(error) });
    return undefined;
  }
}

async function begunAnew(parts: OpeningParts): Promise<Catalog> {
  const { files, layout, log } = parts;
  const aside = layout.quarantinedCatalog(new Date());
  await named(`moving ${layout.catalog} to ${aside}`, async () => {
    await files.rename(layout.catalog, aside);
    await files.syncDirectory(dirname(aside));
    await files.syncDirectory(layout.root);
  });
  log.warn('store.catalog.begun-anew', { former: aside, remedy: 'files are adopted as other peers tell of them' });
  return open(parts, true);
}

async function mark({ files, layout }: OpeningParts): Promise<void> {
  try {
    await files.close(await files.open(layout.catalogDamaged, 'create'));
    await files.syncDirectory(layout.root);
  } catch (error) {
    if (causeCode(error) !== 'EEXIST') throw error;
  }
}

async function unmark({ files, layout }: OpeningParts): Promise<void> {
  await files.unlink(layout.catalogDamaged);
  await files.syncDirectory(layout.root);
}
