/**
 * The rules about who may import whom: downward only, no cycle, no barrel, and nothing exported that nobody uses.
 * Each rule returns its complaints, one line each; none means that it holds.
 */

import ts from 'typescript';
import { importsOf, walk, type Source } from './source.ts';

/** Top to bottom. `src/lib.ts`, the package's face, stands above them all. */
const LAYERS = [
  'lib',
  'cli',
  'client',
  'peer',
  'discovery',
  'net',
  'store',
  'wire',
  'membership',
  'overlay',
  'id',
  'base',
];
export const PURE_LAYERS = ['membership', 'overlay', 'id', 'base'];
/** The simulator stands beside the layers and sees the pure ones only. */
const SIMULATOR = 'sim';
/** Files whose exports are for programs outside: the package's face, and what starts a process. */
const PUBLIC = /^src\/lib\.ts$/;

export function layerOf(path: string): string | undefined {
  return /^src\/(?:([a-z]+)\/|(lib)\.ts$)/
    .exec(path)
    ?.slice(1)
    .find((layer) => layer !== undefined);
}

function mayImport(from: string, to: string): boolean {
  if (from === to) return true;
  if (from === SIMULATOR) return PURE_LAYERS.includes(to);
  return LAYERS.includes(from) && LAYERS.indexOf(to) > LAYERS.indexOf(from);
}

export function upwardImports(files: readonly Source[]): string[] {
  return files.flatMap((file) => {
    const from = layerOf(file.path);
    if (from === undefined) return [];
    return importsOf(file).flatMap(({ target }) => {
      const to = layerOf(target);
      if (to === undefined && target.startsWith('src/')) return [`${file.path}: ${target} is in no layer`];
      return to === undefined || mayImport(from, to) ? [] : [`${file.path} must not import ${target}`];
    });
  });
}

export function unknownLayers(files: readonly Source[]): string[] {
  return files
    .filter(({ path }) => path.startsWith('src/') && ![...LAYERS, SIMULATOR].includes(layerOf(path) ?? ''))
    .map(({ path }) => `${path} is in no layer`);
}

export function platformImports(files: readonly Source[]): string[] {
  return files
    .filter(({ path }) => [...PURE_LAYERS, SIMULATOR].includes(layerOf(path) ?? ''))
    .flatMap((file) =>
      importsOf(file)
        .filter(({ target }) => target.startsWith('node:') || /libp2p|multiformats|classic-level/.test(target))
        .map(({ target }) => `${file.path} is pure and must not import ${target}`),
    );
}

export function importCycles(files: readonly Source[]): string[] {
  const targets = new Map(files.map((file) => [file.path, importsOf(file).map(({ target }) => target)]));
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path);
    if (start >= 0) cycles.push([...trail.slice(start), path].join(' → '));
    if (start >= 0 || done.has(path)) return;
    for (const target of targets.get(path) ?? []) visit(target, [...trail, path]);
    done.add(path);
  };
  for (const { path } of files) visit(path, []);
  return cycles;
}

export function barrels(files: readonly Source[]): string[] {
  return files
    .filter(({ path }) => !PUBLIC.test(path))
    .flatMap((file) => {
      if (file.path.endsWith('/index.ts')) return [`${file.path}: no index files`];
      const reexport = importsOf(file).find((taken) => taken.reexport);
      return reexport === undefined ? [] : [`${file.path} re-exports from ${reexport.target}`];
    });
}

function declaredNames(statement: ts.Statement): string[] {
  if (ts.isVariableStatement(statement)) {
    return statement.declarationList.declarations.flatMap(({ name }) => (ts.isIdentifier(name) ? [name.text] : []));
  }
  const { name } = statement as ts.Statement & { name?: ts.Identifier };
  return name === undefined ? [] : [name.text];
}

/** A type that names a part of a signature in its own file belongs to that signature. */
function isNamedInOwnFile(file: Source, name: string): boolean {
  let mentions = 0;
  walk(file.tree, (node) => {
    if (ts.isTypeReferenceNode(node) && node.typeName.getText(file.tree) === name) mentions++;
  });
  return mentions > 0;
}

function exportedNames(file: Source): string[] {
  return file.tree.statements.flatMap((statement) => {
    if (ts.isExportDeclaration(statement) && statement.moduleSpecifier === undefined && statement.exportClause) {
      return ts.isNamedExports(statement.exportClause)
        ? statement.exportClause.elements.map(({ name }) => name.text)
        : [];
    }
    const modifiers = ts.canHaveModifiers(statement) ? ts.getModifiers(statement) : undefined;
    const exported = modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) ?? false;
    const isType = ts.isTypeAliasDeclaration(statement) || ts.isInterfaceDeclaration(statement);
    if (isType && isNamedInOwnFile(file, statement.name.text)) return [];
    return exported ? declaredNames(statement) : [];
  });
}

/** What a list of files imports: whole files, and `file#name`. */
function takenBy(users: readonly Source[]): Set<string> {
  const taken = new Set<string>();
  for (const user of users) {
    for (const { target, names } of importsOf(user)) {
      if (names === undefined) taken.add(target);
      for (const name of names ?? []) taken.add(`${target}#${name}`);
    }
  }
  return taken;
}

function mentions(file: Source, name: string): number {
  let count = 0;
  walk(file.tree, (node) => {
    if (ts.isIdentifier(node) && node.text === name) count++;
  });
  return count;
}

/**
 * Exports of src that no other file of `users` takes. `users` are the files that ship and the scripts. A test may
 * take what its own file uses too, to look at it more closely; what only tests use counts as unused, except in the
 * simulator, which is for tests.
 */
export function unusedExports(
  files: readonly Source[],
  users: readonly Source[],
  tests: readonly Source[] = [],
): string[] {
  const used = takenBy(users);
  const tested = takenBy(tests);
  const isUsed = (file: Source, name: string): boolean => {
    const id = `${file.path}#${name}`;
    return used.has(id) || (tested.has(id) && mentions(file, name) > 1);
  };
  return files
    .filter(({ path }) => !PUBLIC.test(path) && layerOf(path) !== SIMULATOR && !used.has(path))
    .flatMap((file) =>
      exportedNames(file)
        .filter((name) => !isUsed(file, name))
        .map((name) => `${file.path} exports ${name}, which nothing uses`),
    );
}
