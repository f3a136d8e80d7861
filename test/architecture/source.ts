/**
 * Source files as the house rules see them: a path relative to the project, the text, and the parsed tree. The
 * rules take lists of them, so that a test can hand in bad samples as well as the project itself.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import ts from 'typescript';

export type Source = {
  /** With forward slashes, from the project's root: `src/base/bytes.ts`. */
  readonly path: string;
  readonly text: string;
  readonly tree: ts.SourceFile;
};

/** What a file takes from another one. `names` is undefined when it takes everything (`import *`, `import()`). */
export type Import = {
  readonly target: string;
  readonly names: readonly string[] | undefined;
  readonly reexport: boolean;
};

export function source(path: string, text: string): Source {
  return { path, text, tree: ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true) };
}

/** All TypeScript files below some folders of the project; files that a generator made are left out. */
export function readSources(root: string, folders: readonly string[]): Source[] {
  return folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
      .map((entry) => join(entry.parentPath, entry.name))
      .map((path) => source(relative(root, path).split(sep).join('/'), readFileSync(path, 'utf8')))
      .filter(({ path }) => !path.includes('/generated/')),
  );
}

export function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node);
  ts.forEachChild(node, (child) => {
    walk(child, visit);
  });
}

export function lineOf(file: Source, node: ts.Node): number {
  return file.tree.getLineAndCharacterOfPosition(node.getStart(file.tree)).line + 1;
}

function namesOf(node: ts.ImportDeclaration | ts.ExportDeclaration): readonly string[] | undefined {
  const bindings = ts.isImportDeclaration(node) ? node.importClause?.namedBindings : node.exportClause;
  if (bindings === undefined) return ts.isImportDeclaration(node) ? [] : undefined;
  if (!ts.isNamedImports(bindings) && !ts.isNamedExports(bindings)) return undefined;
  return bindings.elements.map((element) => (element.propertyName ?? element.name).text);
}

function importOf(
  node: ts.Node,
): { specifier: ts.Node; names: readonly string[] | undefined; reexport: boolean } | undefined {
  if (ts.isImportDeclaration(node)) return { specifier: node.moduleSpecifier, names: namesOf(node), reexport: false };
  if (ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined) {
    return { specifier: node.moduleSpecifier, names: namesOf(node), reexport: true };
  }
  if (
    ts.isCallExpression(node) &&
    node.expression.kind === ts.SyntaxKind.ImportKeyword &&
    node.arguments[0] !== undefined
  ) {
    return { specifier: node.arguments[0], names: undefined, reexport: false };
  }
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
    return { specifier: node.argument.literal, names: undefined, reexport: false };
  }
  return undefined;
}

/** Everything a file imports or re-exports, types and dynamic imports included; own files as project paths. */
export function importsOf(file: Source): Import[] {
  const imports: Import[] = [];
  walk(file.tree, (node) => {
    const found = importOf(node);
    if (found === undefined || !ts.isStringLiteralLike(found.specifier)) return;
    const { text } = found.specifier;
    const target = text.startsWith('.') ? new URL(text, `file:///${file.path}`).pathname.slice(1) : text;
    imports.push({ target, names: found.names, reexport: found.reexport });
  });
  return imports;
}
