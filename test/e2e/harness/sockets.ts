/** What Linux says of a machine's TCP sockets over IPv4: who has them, and what waits in them. */

import { readdir, readFile, readlink } from 'node:fs/promises';

type TcpSocket = { readonly localPort: number; readonly unreadBytes: number; readonly inode: string };

async function sockets(): Promise<TcpSocket[]> {
  const [, ...lines] = (await readFile('/proc/net/tcp', 'utf8')).trim().split('\n');
  return lines.map((line) => {
    const [, local = '', , , queues = '', , , , , inode = ''] = line.trim().split(/\s+/);
    return {
      localPort: Number.parseInt(local.split(':')[1] ?? '', 16),
      unreadBytes: Number.parseInt(queues.split(':')[1] ?? '', 16),
      inode,
    };
  });
}

/** Bytes that have arrived at a port of this machine, and that its owner has not read yet. */
export async function unreadBytes(port: number): Promise<number> {
  const here = (await sockets()).filter(({ localPort }) => localPort === port);
  return here.reduce((sum, socket) => sum + socket.unreadBytes, 0);
}

/** How many TCP sockets a process has. */
export async function tcpSockets(pid: number): Promise<number> {
  const dir = `/proc/${String(pid)}/fd`;
  const targets = await Promise.all((await readdir(dir)).map((fd) => readlink(`${dir}/${fd}`).catch(() => '')));
  const inodes = new Set(targets.map((target) => /^socket:\[(\d+)\]$/.exec(target)?.[1]));
  return (await sockets()).filter(({ inode }) => inodes.has(inode)).length;
}
