/**
 * Starts a bundle of dist/ under a Node that is new enough. Runs itself on any Node from 14 on, so it checks the
 * version before anything else; where the machine's Node is too old it runs the same command under the Node that
 * the `node` package installed beside this one, and passes signals and the exit status through.
 */

'use strict';

const MINIMUM = [22, 12];

/** @param {string} name of an entry file in dist/, without ending */
module.exports = function launch(name) {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > MINIMUM[0] || (major === MINIMUM[0] && minor >= MINIMUM[1])) start(name);
  else restart(findNode());
};

/** Runs the bundle here, with V8's compiled code kept in a per-user cache. */
function start(name) {
  endWithLauncher();
  // Received bytes lie outside V8's heap. A young generation that has grown makes V8 collect them with full runs, which
  // doubles the work per byte; kept small, it frees them cheaply. Only counts before the first module is loaded.
  require('node:v8').setFlagsFromString('--semi-space-growth-factor=1');
  const { enableCompileCache } = require('node:module');
  const cacheHome = process.env.XDG_CACHE_HOME || `${require('node:os').homedir()}/.cache`;
  enableCompileCache(process.env.NODE_COMPILE_CACHE || `${cacheHome}/p2p-file-store`);
  const bundle = `${__dirname}/../dist/${name}.js`;
  if (!require('node:fs').existsSync(bundle)) {
    fail(
      `${name}: ${require('node:path').normalize(bundle)} is missing.\nRun \`npm run build\` in the project's directory first.`,
    );
  }
  import(require('node:url').pathToFileURL(bundle).href);
}

/** The Node that the `node` package installs: of this project, or beside this package where it is installed. */
function findNode() {
  const { existsSync } = require('fs');
  const file = process.platform === 'win32' ? 'node.exe' : 'node';
  return [`${__dirname}/../node_modules/node/bin/${file}`, `${__dirname}/../../node/bin/${file}`].find(existsSync);
}

function restart(node) {
  if (node === undefined) {
    fail(
      `This program needs Node.js ${MINIMUM.join('.')} or newer; this is ${process.versions.node}.\n` +
        'Install a newer one from https://nodejs.org/, or run `npm ci` in the project, which brings its own.',
    );
  }
  // The fourth descriptor ends when this process ends, however it ends; the child watches it.
  const child = require('child_process').spawn(node, process.argv.slice(1), {
    stdio: ['inherit', 'inherit', 'inherit', 'pipe'],
    env: { ...process.env, P2P_LAUNCHER_FD: '3' },
  });
  child.on('error', (error) => fail(`${node} cannot be started: ${error.message}`));
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  for (const signal of signals) process.on(signal, () => child.kill(signal));
  child.on('exit', (status, signal) => {
    if (signal === null) process.exit(status);
    for (const name of signals) process.removeAllListeners(name);
    process.kill(process.pid, signal);
  });
}

/** Under an older Node's launcher: ends when that was killed, so that no peer is left behind unseen. */
function endWithLauncher() {
  const fd = process.env.P2P_LAUNCHER_FD;
  if (fd === undefined) return;
  delete process.env.P2P_LAUNCHER_FD;
  const { Socket } = require('node:net');
  const watch = new Socket({ fd: Number(fd) });
  watch.on('error', () => {});
  watch.on('close', () => process.kill(process.pid, 'SIGKILL'));
  watch.resume();
  watch.unref();
}

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}
