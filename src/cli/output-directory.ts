/**
 * Makes the directories of a path below an output directory, one by one, and refuses to go through anything there
 * that is not a plain directory: a link could lead out of it.
 */

import { lstat, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { OutputExistsError } from '../base/errors.ts';
import { makeDirectory } from '../client/make-directory.ts';

/**
 * @param root is made too, and may be a link: a person named it
 * @returns the path of the last directory
 * @throws OutputExistsError where something else is in the way
 */
export async function makeDirectories(root: string, components: readonly string[]): Promise<string> {
  await makeDirectory(root);
  let path = root;
  for (const component of components) {
    path = join(path, component);
    try {
      await mkdir(path);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
      const found = await lstat(path);
      if (!found.isDirectory()) throw new OutputExistsError(`${path} is in the way: it is not a plain directory`);
    }
  }
  return path;
}
