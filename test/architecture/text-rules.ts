/**
 * The rules about single files: their size and names, the comment they open with, and the calls that pure code and
 * tests must not make. Each rule returns its complaints, one line each; none means that it holds.
 */

import ts from 'typescript';
import { layerOf, PURE_LAYERS } from './layer-rules.ts';
import { lineOf, walk, type Source } from './source.ts';

const FILE_LINES_MAX = 300;
const FUNCTION_LINES_MAX = 70;
const KEBAB_CASE_PATH = /^(?:[a-z0-9]+(?:-[a-z0-9]+)*\/)*[a-z0-9]+(?:-[a-z0-9]+)*(?:\.[a-z0-9]+(?:-[a-z0-9]+)*)*\.ts$/;
const OPENING_COMMENT = /^\/\*\*/;

/** What reads a clock, makes chance, waits, or touches the process. */
const IMPURE = new Set([
  ...['Date.now', 'Date', 'Math.random', 'performance.now', 'performance.timeOrigin', 'process', 'console'],
  ...['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'fetch', 'crypto', 'globalThis'],
]);
const LEFT_IN_A_TEST = /^(?:it|test|describe)\.(?:only|skip|todo|fails)$/;

export function longFiles(files: readonly Source[]): string[] {
  return files.flatMap(({ path, text }) => {
    const lines = text.replace(/\n$/, '').split('\n').length;
    return lines > FILE_LINES_MAX ? [`${path} has ${lines} lines, more than ${FILE_LINES_MAX}`] : [];
  });
}

export function longFunctions(files: readonly Source[]): string[] {
  return files.flatMap((file) => {
    const complaints: string[] = [];
    walk(file.tree, (node) => {
      if (!ts.isFunctionLike(node) || node.getText(file.tree) === '') return;
      const last = file.tree.getLineAndCharacterOfPosition(node.end).line + 1;
      const lines = last - lineOf(file, node) + 1;
      if (lines > FUNCTION_LINES_MAX) {
        complaints.push(
          `${file.path}:${lineOf(file, node)} is a function of ${lines} lines, more than ${FUNCTION_LINES_MAX}`,
        );
      }
    });
    return complaints;
  });
}

export function oddFileNames(files: readonly Source[]): string[] {
  return files.filter(({ path }) => !KEBAB_CASE_PATH.test(path)).map(({ path }) => `${path} is not in kebab-case`);
}

export function missingHeaders(files: readonly Source[]): string[] {
  return files
    .filter(({ text }) => !OPENING_COMMENT.test(text))
    .map(({ path }) => `${path} does not open with a comment`);
}

/** `a.b` or `a` as text, where a node calls, news or reads exactly that. */
function globalName(node: ts.Node): string | undefined {
  if (ts.isPropertyAccessExpression(node) && ts.isIdentifier(node.expression))
    return `${node.expression.text}.${node.name.text}`;
  if ((ts.isCallExpression(node) || ts.isNewExpression(node)) && ts.isIdentifier(node.expression))
    return node.expression.text;
  return undefined;
}

export function impureCalls(files: readonly Source[]): string[] {
  return files
    .filter(({ path }) => [...PURE_LAYERS, 'sim'].includes(layerOf(path) ?? ''))
    .flatMap((file) => {
      const complaints: string[] = [];
      walk(file.tree, (node) => {
        const name = globalName(node);
        if (name === undefined) return;
        const root = name.split('.')[0] ?? name;
        const impure = IMPURE.has(name) || ['process', 'console', 'crypto', 'globalThis'].includes(root);
        if (impure) complaints.push(`${file.path}:${lineOf(file, node)} is pure and must not use ${name}`);
      });
      return complaints;
    });
}

export function testsLeftOut(files: readonly Source[]): string[] {
  return files.flatMap((file) => {
    const complaints: string[] = [];
    walk(file.tree, (node) => {
      const name = globalName(node);
      if (name !== undefined && LEFT_IN_A_TEST.test(name))
        complaints.push(`${file.path}:${lineOf(file, node)} has ${name}`);
    });
    return complaints;
  });
}

/** A promise that only a timer resolves, or the ready-made one of node:timers/promises. */
export function fixedSleeps(files: readonly Source[]): string[] {
  return files.flatMap((file) => {
    const complaints: string[] = [];
    walk(file.tree, (node) => {
      const inPromise = ts.isNewExpression(node) && node.expression.getText(file.tree) === 'Promise';
      const sleeps = inPromise && /\bsetTimeout\(/.test(node.getText(file.tree));
      const imports =
        ts.isImportDeclaration(node) && node.moduleSpecifier.getText(file.tree).includes('timers/promises');
      if (sleeps || imports) complaints.push(`${file.path}:${lineOf(file, node)} sleeps; wait for the event instead`);
    });
    return complaints;
  });
}
